"""A test's own S3 server, in its own process: to be killed, stopped and started again."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

from tests.support.product import free_port
from tests.support.wait import wait_until

BUCKET = "lake"
_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False)
server.start()
print("ready", flush=True)
sys.stdin.read()
"""


class Server:
    """Its objects are lost with it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"s3://{BUCKET}/some/place"
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": "key-of-a-test",
            "AWS_SECRET_ACCESS_KEY": "secret-of-a-test", "AWS_DEFAULT_REGION": "us-east-1",
            # No configuration of this machine.
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, bucket: bool = True, open_to_all: bool = True) -> None:
        """Start it. Unless it is open to all, it does not know the key of `environment`."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], **({} if open_to_all else {"INITIAL_NO_AUTH_ACTION_COUNT": "1"})},
        )  # fmt: skip
        process = self.process
        assert process.stdout is not None
        wait_until(lambda: process.stdout is not None and process.stdout.readline())
        if bucket:
            self.client().create_bucket(Bucket=BUCKET)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for end in (self.process.stdin, self.process.stdout):
                if end is not None:
                    end.close()
            self.process = None

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )

    def objects(self) -> dict[str, int]:
        """Return {name under the prefix: bytes}."""
        found = self.client().list_objects_v2(Bucket=BUCKET, Prefix="some/place/").get("Contents", [])
        return {one["Key"].removeprefix("some/place/"): one["Size"] for one in found}

    def write(self, name: str, data: bytes) -> None:
        """Write an object that Interlock has not written."""
        self.client().put_object(Bucket=BUCKET, Key=f"some/place/{name}", Body=data)


@contextlib.contextmanager
def server(*, open_to_all: bool = True) -> Iterator[Server]:
    """Yield a running server that this process finds by its environment."""
    made = Server()
    with mock.patch.dict(os.environ, made.environment):
        made.start(open_to_all=open_to_all)
        try:
            yield made
        finally:
            made.kill()
