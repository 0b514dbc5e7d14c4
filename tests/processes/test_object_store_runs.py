"""Runs whose artifacts are in an object store: on one host, on several that share no folder, and when the store
fails."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.executors.base import Ended, Returned, Work
from engine.supervisor.transfer import ArtifactTransfer, with_artifact_store
from tests.support import redis, s3, templates
from tests.support.effort import in_time
from tests.support.factories import document, node, python
from tests.support.product import Product
from tests.support.supervised import Supervised
from tests.support.templates import running
from tests.support.wait import wait_until
from tests.support.workers import Worker

LARGE = "def main(inputs, ctx):\n    return [{'n': n, 'text': 'x' * 20} for n in range(5000)]\n"
COUNT = "def main(inputs, ctx):\n    return len(next(iter(inputs.values())))\n"
NAMES = "import os\ndef main(inputs, ctx):\n    return sorted(name for name in os.environ if 'AWS' in name)\n"
SUM = node("sum", "table.sql", {"sql": "select sum(n) as total from large"})


@pytest.fixture
def server() -> Iterator[s3.Server]:
    with s3.server() as made:
        yield made


def made_by(product: Product, made: dict[str, Any], slug: str = "flow") -> str:
    product.publish(slug, made["nodes"], made["edges"])
    return str(product.api("POST", f"workflows/{slug}/runs/", {})["id"])


def test_a_run_stores_reads_and_shows_artifacts_in_the_object_store(server: s3.Server, tmp_path: Path) -> None:
    made = document(
        [
            python("large", LARGE), python("count", COUNT), SUM, python("names", NAMES),
            node("named", "table.sql", {"sql": "select {{ size(nodes.large.output) }} as n"}),
        ],
        "large>count", "large>sum", "large>named",
    )  # fmt: skip
    home = tmp_path / "home"
    with running(home, INTERLOCK_ARTIFACTS=server.url, **server.environment) as product:
        run = made_by(product, made)
        ended = product.ended(run)
        assert ended["state"] == "succeeded", [
            product.api("GET", f"runs/{run}/nodes/{one['id']}/")["error"] for one in made["nodes"]
        ]

        def output(name: str) -> Any:
            return product.api("GET", f"runs/{run}/nodes/{name}/output/")

        assert output("count")["value"] == 5000
        assert output("sum")["rows"] == [{"total": sum(range(5000))}]
        assert output("named")["rows"] == [{"n": 5000}]
        # Code of authors gets no credentials.
        assert output("names")["value"] == []
        assert sorted(name.rpartition(".")[2] for name in server.objects()) == ["json", "parquet", "parquet"]
        # A host without copies fetches them.
        copies = home / "artifact-copies"
        shutil.rmtree(copies)
        assert len(output("large")["value"]) == 5000
        csv = product.call("GET", f"/api/v1/runs/{run}/nodes/sum/output/download/?format=csv")
        assert csv.body.split() == [b"total", str(sum(range(5000))).encode()]
        checked = product.command("doctor", check=False).stdout
        assert "objects can be stored, read and deleted" in checked
        shutil.rmtree(copies)
        server.kill()
        gone = product.call("GET", f"/api/v1/runs/{run}/nodes/sum/output/")
        assert (gone.status, gone.headers["content-type"]) == (503, "application/problem+json")
        assert (gone.json["code"], "INTERLOCK_ARTIFACTS" in gone.json["detail"]) == ("artifact_store", True)
        failed = made_by(product, document([python("large", LARGE)]), "away")
        assert product.ended(failed)["state"] == "failed"
        error = product.api("GET", f"runs/{failed}/nodes/large/")["error"]
        assert error["class"] == "ArtifactStoreError"
        assert f"INTERLOCK_ARTIFACTS is {server.url}, but its server does not answer" in error["message"]


@pytest.mark.long
def test_a_node_is_retried_by_its_policy_until_the_store_is_back(server: s3.Server, tmp_path: Path) -> None:
    with running(tmp_path / "home", INTERLOCK_ARTIFACTS=server.url, **server.environment) as product:
        server.kill()
        run = made_by(product, document([python("large", LARGE, retries=30, retry_delay=0.5)]))
        wait_until(lambda: product.api("GET", f"runs/{run}/nodes/large/")["attempt"] >= 2)
        server.start()
        assert product.ended(run)["state"] == "succeeded"
        assert len(server.objects()) == 1


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.redis
def test_hosts_that_share_no_folder_hand_tables_to_each_other(server: s3.Server, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        environment = {
            "DATABASE_URL": stack.enter_context(templates.database()),
            "REDIS_URL": stack.enter_context(redis.server(tmp_path)).url,
            "INTERLOCK_EXECUTOR": "celery", "INTERLOCK_WORKERS": "1", "INTERLOCK_ARTIFACTS": server.url,
            **server.environment,
        }  # fmt: skip
        product = stack.enter_context(running(tmp_path / "home", **environment))
        for name in ("one", "two"):
            home = {"INTERLOCK_HOME": str(tmp_path / name)}
            worker = Worker(tmp_path / f"{name}.log", {**environment, **home}, name, f"of-{name}")
            stack.callback(worker.end)
        run = made_by(
            product,
            document([python("large", LARGE, queue="of-one"), {**SUM, "policy": {"queue": "of-two"}}], "large>sum"),
        )
        assert product.ended(run)["state"] == "succeeded"
        assert product.api("GET", f"runs/{run}/nodes/sum/output/")["rows"] == [{"total": sum(range(5000))}]
        copies = {name: list((tmp_path / name / "artifact-copies").glob("??/*")) for name in ("one", "two", "home")}
        assert {name: len(found) for name, found in copies.items()} == {"one": 1, "two": 2, "home": 1}


class SupervisedWithStore(Supervised):
    """A supervisor with an object store."""

    def __init__(self, home: Path, url: str) -> None:
        super().__init__(home)
        self.supervisor.config = replace(self.supervisor.config, artifact_store=url)
        made = with_artifact_store(self.supervisor)
        assert isinstance(made, ArtifactTransfer)
        self.transfer = made
        self.supervisor = made  # type: ignore[assignment] # the same interface

    def __enter__(self) -> "SupervisedWithStore":
        super().__enter__()
        return self


def frozen(server: s3.Server) -> None:
    """It accepts connections and answers nothing."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)


def counting_work(node: SupervisedWithStore, name: str) -> Any:
    return node.python(COUNT, inputs={"in": {"kind": "json", "path": name}})


def stored_output(node: SupervisedWithStore) -> str:
    """Return the name of a stored output."""
    work = node.python(LARGE)
    node.send(work)
    ended = node.until(lambda: node.of(Ended, work.claim))[0]
    assert ended.state == "succeeded"
    assert ended.output is not None
    return str(ended.output["artifact"])


@pytest.mark.smoke
def test_an_end_is_reported_after_the_output_is_in_the_store(server: s3.Server, tmp_path: Path) -> None:
    with SupervisedWithStore(tmp_path, server.url) as node:
        assert stored_output(node) in server.objects()


@pytest.mark.long
def test_work_whose_input_is_loading_keeps_its_place_and_can_be_recalled(server: s3.Server, tmp_path: Path) -> None:
    with SupervisedWithStore(tmp_path, server.url) as node:
        name = stored_output(node)
        shutil.rmtree(tmp_path / "artifacts" / name[:2])
        frozen(server)
        works = [counting_work(node, name) for _ in range(2)]
        idle = node.transfer.idle_credit()
        node.send(*works)
        assert node.transfer.idle_credit() == idle - 2
        node.transfer.kill(works[0].claim, "cancelled")
        node.transfer.recall()
        node.until(lambda: len(node.of(Returned)) == 2)
        assert [one.claims for one in node.of(Returned)] == [[works[0].claim], [works[1].claim]]
        assert node.transfer.idle_credit() == idle
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGCONT)
        again = counting_work(node, name)
        node.send(again)
        ended = node.until(lambda: node.of(Ended, again.claim))[0]
        assert (ended.output or {})["value"] == 5000


def work_in_upload(server: s3.Server, node: SupervisedWithStore) -> Work:
    """Return work whose output is being uploaded to a server that does not accept it."""
    stored_output(node)
    frozen(server)
    work = node.python(LARGE.replace("5000", "6000"))
    node.send(work)
    node.until(lambda: work.claim in node.transfer._storing)
    return work


@pytest.mark.long
def test_an_upload_that_cannot_finish_before_a_stop_is_interrupted(server: s3.Server, tmp_path: Path) -> None:
    with SupervisedWithStore(tmp_path, server.url) as node:
        work = work_in_upload(server, node)
        began = time.monotonic()
        (ended,) = [one for one in node.stop(0) if isinstance(one, Ended)]
        in_time(time.monotonic() - began, 8)
        assert (ended.claim, ended.state, ended.interrupted, ended.output) == (work.claim, "lost", True, None)


@pytest.mark.long
def test_an_attempt_that_is_cancelled_during_the_upload_of_its_output_is_cancelled(
    server: s3.Server, tmp_path: Path
) -> None:
    with SupervisedWithStore(tmp_path, server.url) as node:
        work = work_in_upload(server, node)
        node.transfer.kill(work.claim, "cancelled")
        (ended,) = node.until(lambda: node.of(Ended, work.claim))
        assert (ended.state, ended.output) == ("cancelled", None)


def test_an_input_that_is_gone_fails_the_attempt(server: s3.Server, tmp_path: Path) -> None:
    with SupervisedWithStore(tmp_path, server.url) as node:
        work = counting_work(node, "ab/ab" + "0" * 62 + ".json")
        node.send(work)
        (ended,) = node.until(lambda: node.of(Ended, work.claim))
        assert ended.error is not None
        assert ended.error["class"] == "ArtifactGone"
        assert "An input could not be fetched. There is no object s3://lake/some/place/ab/ab" in ended.error["message"]
