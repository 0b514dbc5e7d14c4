"""A node process that does what each envelope requests, including what a real one never does.

`config.frames`: bytes to write to the frame pipe, as text in latin-1, or frames as objects, written `config.times`
times; `config.then`: "go on", "exit", "die" (SIGKILL), "sleep", "close" (its frame pipe). With `config.silent` it does
not report its start.
"""

import json
import os
import signal
import socket
import sys
import time


def frame(value: dict[str, object]) -> bytes:
    body = json.dumps(value).encode()
    return len(body).to_bytes(4, "little") + body


def main() -> None:
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    out = int(options["--out"])
    inbox = socket.socket(fileno=int(options["--in"]))
    os.write(out, frame({"k": "ready"}))
    while message := inbox.recv(1 << 20):
        envelope = json.loads(message)
        claim, config = envelope["claim"], envelope["config"]
        if not config.get("silent"):
            os.write(out, frame({"k": "started", "c": claim, "at": time.time()}))
        for one in config.get("frames", []) * config.get("times", 1):
            data = one.encode("latin-1") if isinstance(one, str) else frame({"c": claim, "at": time.time(), **one})
            while data:
                data = data[os.write(out, data) :]
        then = config.get("then", "go on")
        if then == "exit":
            os._exit(config.get("code", 0))
        elif then == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif then == "sleep":
            time.sleep(600)
        elif then == "close":
            os.close(out)
            time.sleep(600)


main()
