"""Users who change things over HTTP, each thing until it is acknowledged, and what must be stored after the web process
was killed."""

import http.client
import threading
from collections.abc import Iterable
from typing import Any

from tests.faults.checks import hold
from tests.faults.rig import Rig, document, python
from tests.support.product import Answer
from tests.support.wait import wait_until

REST_SECONDS = 0.03
"""Between two things."""


class Writer:
    """A user who does the things 1, 2, 3, .. of one kind in a thread, and can be paused between two of them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.acknowledged = 0
        """The last acknowledged thing."""
        self.unsure = 0
        """Number of requests without an answer."""
        self.wrong: BaseException | None = None
        self._over = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._waits = threading.Event()
        self.prepare()
        self._thread = threading.Thread(target=self._write, name=type(self).__name__, daemon=True)
        self._thread.start()

    def prepare(self) -> None:
        """Prepare what the first thing needs."""

    def ask(self, n: int) -> Answer:
        raise NotImplementedError

    def problems(self, committed: bool | None) -> Iterable[str]:
        """Return what is wrong while it is paused. `committed`: whether things without an answer are stored; None:
        either way."""
        raise NotImplementedError

    def _write(self) -> None:
        try:
            while not self._over.wait(REST_SECONDS):
                if not self._go.is_set():
                    self._waits.set()
                    self._go.wait()
                    self._waits.clear()
                try:
                    answer = self.ask(self.acknowledged + 1)
                except (OSError, http.client.HTTPException):
                    self.unsure += 1
                    continue
                if answer.status in (502, 503):
                    continue
                assert answer.status in (200, 201, 202), answer.body
                self.acknowledged += 1
        except BaseException as error:
            self.wrong = error
            raise

    def pause(self) -> None:
        self._go.clear()

    def has_stopped(self) -> bool:
        assert self.wrong is None, self.wrong
        return self._waits.is_set()

    def check(self, committed: bool | None) -> None:
        hold("I15", (f"{type(self).__name__}: {problem}" for problem in self.problems(committed)))

    def resume(self) -> None:
        self._go.set()

    def moves_on(self) -> None:
        """Wait until one more thing is done."""
        seen = self.acknowledged
        wait_until(lambda: self.acknowledged > seen or self.wrong)
        assert self.wrong is None, self.wrong

    def end(self) -> None:
        self._over.set()
        self._go.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self.wrong is None, self.wrong

    def last(self, committed: bool | None) -> set[int]:
        """Return which thing may be the last that is stored."""
        first = self.acknowledged
        return {first, first + 1} if committed is None else {first + committed}


class Launches(Writer):
    def prepare(self) -> None:
        self.rig.publish("launched", document([python("n", self.rig.ledger.code(0))]))

    def ask(self, n: int) -> Answer:
        answer = self.rig.product.call("POST", "/api/v1/workflows/launched/runs/", {})
        if answer.status == 202:
            self.rig.accepted.append(str(answer.json["id"]))
        return answer

    def problems(self, committed: bool | None) -> Iterable[str]:
        with self.rig.database() as db:
            there = db.execute("SELECT count(*) FROM engine_run WHERE workflow = 'launched'").fetchone()[0]
            bare = db.execute(
                "SELECT count(*) FROM engine_run WHERE state = 'queued' AND id NOT IN "
                "(SELECT run_id FROM engine_command WHERE kind = 'start' AND run_id IS NOT NULL)"
            ).fetchone()[0]
        if not self.acknowledged <= there <= self.acknowledged + self.unsure:
            yield f"{there} runs, {self.acknowledged} were acknowledged and {self.unsure} may be there"
        if bare:
            yield f"{bare} runs that nobody will start"


class Publishes(Writer):
    def prepare(self) -> None:
        self.rig.product.api("POST", "workflows/", {"name": "published", "slug": "published"})

    def document(self, n: int) -> dict[str, Any]:
        return document([python("n", f"def main(inputs, ctx):\n    return {n}\n")])

    def ask(self, n: int) -> Answer:
        body = {"definition": self.document(n), "message": f"thing {n}"}
        return self.rig.product.call("POST", "/api/v1/workflows/published/versions/", body)

    def problems(self, committed: bool | None) -> Iterable[str]:
        with self.rig.database() as db:
            found = db.execute(
                "SELECT v.number FROM versions_workflowversion v JOIN versions_workflow w ON w.id = v.workflow_id "
                "WHERE w.slug = 'published' ORDER BY v.number"
            ).fetchall()
        numbers = [number for (number,) in found]
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) not in self.last(committed):
            yield f"{self.acknowledged} versions were acknowledged, there are {numbers[-5:]}"
        if numbers:
            newest = self.rig.product.api("GET", f"workflows/published/versions/{numbers[-1]}/")["definition"]
            if newest["nodes"] != self.document(numbers[-1])["nodes"]:
                yield f"version {numbers[-1]} is {newest}"
        yield from _check_audit(self.rig, "published", "version_published", len(numbers))
        yield from _check_one_live(self.rig, "published", {1} if numbers else set())


class Deploys(Writer):
    def prepare(self) -> None:
        self.rig.publish("deployed", document([python("n", "def main(inputs, ctx):\n    return 1\n")]))
        body = {"definition": document([python("n", "def main(inputs, ctx):\n    return 2\n")]), "message": "second"}
        self.rig.product.api("POST", "workflows/deployed/versions/", body)

    def ask(self, n: int) -> Answer:
        body = {"version": 1 + n % 2, "strategy": "immediate"}
        return self.rig.product.call("POST", "/api/v1/workflows/deployed/deployments/", body)

    def problems(self, committed: bool | None) -> Iterable[str]:
        yield from _check_one_live(self.rig, "deployed", {1 + n % 2 for n in self.last(committed)})
        with self.rig.database() as db:
            count = "SELECT count(*) FROM versions_deployment d JOIN versions_workflow w ON w.id = d.workflow_id "
            there = db.execute(count + "WHERE w.slug = 'deployed'").fetchone()[0]
        yield from _check_audit(self.rig, "deployed", "deployed", there)
        if there - 1 not in self.last(committed):
            yield f"{there} deployments, {self.acknowledged} were acknowledged after the first"


class Saves(Writer):
    FILLER = 2000

    def prepare(self) -> None:
        self.rig.product.api("POST", "workflows/", {"name": "drafted", "slug": "drafted"})

    def ask(self, n: int) -> Answer:
        body = {"definition": {"n": n, "filler": [n] * self.FILLER}}
        return self.rig.product.call("PUT", "/api/v1/workflows/drafted/draft/", body, If_Match="*")

    def problems(self, committed: bool | None) -> Iterable[str]:
        answer = self.rig.product.call("GET", "/api/v1/workflows/drafted/draft/")
        found = answer.json["definition"]
        n = found.get("n", 0)
        if n not in self.last(committed):
            yield f"draft {n} is there, {self.acknowledged} was acknowledged"
        elif n and found["filler"] != [n] * self.FILLER:
            yield f"draft {n} is not whole"
        # Each request without an answer may have been saved once more.
        saves = next(int(value.strip('"')) for name, value in answer.headers.items() if name.lower() == "etag")
        if not n <= saves <= n + self.unsure:
            yield f"draft {n} was saved {saves} times"


class Uploads(Writer):
    PLACES = 3

    @staticmethod
    def content(n: int) -> bytes:
        return f"{n:08}".encode() * 40_000

    def ask(self, n: int) -> Answer:
        return self.rig.product.call("PUT", f"/api/v1/files/up/{n % self.PLACES}.bin", self.content(n))

    def problems(self, committed: bool | None) -> Iterable[str]:
        found = set()
        for place in range(self.PLACES):
            answer = self.rig.product.call("GET", f"/api/v1/files/up/{place}.bin")
            if answer.status == 200:
                n = int(answer.body[:8] or b"0")
                found.add(n)
                if answer.body != self.content(n):
                    yield f"upload {n} is not whole: {len(answer.body)} bytes"
        if max(found, default=0) not in self.last(committed):
            yield f"upload {max(found, default=0)} is there, {self.acknowledged} was acknowledged"
        listed = self.rig.product.api("GET", "files/?under=up")["results"] if found else []
        if len(listed) != len(found):
            yield f"{[one['path'] for one in listed]} are listed"


KINDS: tuple[type[Writer], ...] = (Launches, Publishes, Deploys, Saves, Uploads)


def _check_audit(rig: Rig, workflow: str, action: str, expected: int) -> Iterable[str]:
    """Check that the audit log has an entry for each."""
    with rig.database() as db:
        query = f"SELECT count(*) FROM versions_auditentry WHERE workflow = '{workflow}' AND action = '{action}'"
        found = db.execute(query).fetchone()[0]
    if found != expected:
        yield f"the audit log has {found} entries {action}, {expected} were done"


def _check_one_live(rig: Rig, workflow: str, versions: set[int]) -> Iterable[str]:
    with rig.database() as db:
        found = db.execute(
            "SELECT v.number FROM versions_deployment d JOIN versions_workflow w ON w.id = d.workflow_id "
            f"JOIN versions_workflowversion v ON v.id = d.version_id WHERE d.state = 'live' AND w.slug = '{workflow}'"
        ).fetchall()
    live = [number for (number,) in found]
    if len(live) != bool(versions) or not versions.issuperset(live):
        yield f"{workflow} has the live versions {live}, expected is one of {sorted(versions)}"
