"""Reads who holds what a node waits for: the run and node of a process, and why that one does not end."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.diagnosis.facts import HolderFacts, StoredStack
from engine.inspect import procfs
from engine.models import Attempt, Run
from engine.models.conditions import running_attempts
from engine.reads import stored_stacks

CHAIN_MAX = 4
"""Holders that are followed from one to the next."""


def named_holders(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the holders that stacks name, as engine.inspect.children.identify describes them."""
    samples = body.get("samples") or [{}]
    waits = [thread.get("waits_on") or {} for thread in samples[-1].get("threads") or ()]
    waits += [child.get("waits_on") or {} for child in body.get("children") or ()]
    for wait in waits:
        for place in (wait, wait.get("database") or {}, wait.get("backend") or {}):
            if isinstance(place.get("holder"), Mapping):
                yield place["holder"]


class HolderReader:
    """Maps processes to the running attempts of one host."""

    def __init__(self, attempt: Attempt) -> None:
        """`attempt`: the one that waits."""
        self._host = attempt.worker.rpartition("/")[0]
        self._is_here = bool(attempt.pid_started) and str(procfs.start_of(attempt.pid)) == attempt.pid_started
        """Whether this process can see the processes of that host."""

    def read(self, body: Mapping[str, Any], depth: int = CHAIN_MAX) -> dict[int, HolderFacts]:
        """Return the holders that stacks name, by pid, without those that are known to have ended."""
        named = [one for one in named_holders(body) if isinstance(one.get("pid"), int)]
        if self._is_here:
            named = [one for one in named if procfs.start_of(one["pid"]) == one.get("start")]
        if not named:
            return {}
        attempts = self._attempts(named)
        return {one["pid"]: self._facts(one, attempts, depth) for one in named}

    def _attempts(self, named: list[Mapping[str, Any]]) -> list[Attempt]:
        pids = {pid for one in named for pid in (one["pid"], *(one.get("parents") or ()))}
        runs = {one["run"] for one in named if isinstance(one.get("run"), int)}
        found = [*running_attempts().filter(pid__in=pids), *running_attempts().filter(run__in=runs)]
        return [attempt for attempt in found if attempt.worker.rpartition("/")[0] == self._host]

    def _facts(self, one: Mapping[str, Any], attempts: list[Attempt], depth: int) -> HolderFacts:
        pid, parents = one["pid"], one.get("parents") or ()
        of_process = [attempt for attempt in attempts if attempt.pid == pid or attempt.pid in parents]
        by_name = [
            attempt for attempt in attempts if (attempt.run_id, attempt.node) == (one.get("run"), one.get("node"))
        ]
        attempt = next(iter(of_process or by_name), None)
        since = one.get("since")
        started = datetime.fromisoformat(since) if isinstance(since, str) else None
        command = str(one.get("command") or "")
        if attempt is None:
            return HolderFacts(pid, command, started)
        stack = _newest_stack(attempt)
        above = HolderReader(attempt).read(stack.body, depth - 1) if stack is not None and depth > 1 else {}
        return HolderFacts(
            pid, command, attempt.started_at, attempt.run_id, attempt.node, stack, next(iter(above.values()), None)
        )


def _newest_stack(attempt: Attempt) -> StoredStack | None:
    shape = stored_stacks.newest(Run(pk=attempt.run_id), attempt.node, attempt.number)
    return None if shape is None else StoredStack(datetime.fromisoformat(shape["taken_at"]), shape["why"], shape)
