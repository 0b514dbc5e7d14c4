"""When the stacks of a running attempt are taken: asked for, when it counts as stuck or quiet, before a limit acts."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from engine.clock import iso
from engine.executors import children, procfs
from engine.executors.base import Stacks
from engine.executors.endings import Endings


class Stacking(Endings):
    """The part of the supervisor that takes stacks."""

    def take_stacks(self, claim: str) -> None:
        """Sample the stacks of a running attempt; comes as Stacks (`why` asked). Unknown claims are ignored."""
        process = self._where.get(claim)
        attempt = None if process is None else process.current
        if process is None or attempt is None or attempt.claim != claim or attempt.ending:
            return
        at = time.time()
        tree = procfs.tree(process.pid, children.CHILDREN_MAX + 1)
        body = {
            "taken_at": iso(datetime.fromtimestamp(at, UTC)),
            "pid": process.pid,
            "samples": [],
            "children": [children.describe(one) for one in tree if one.pid != process.pid],
            "moves": None,
            "cpu_percent": None,
        }
        self._reports.append(Stacks(claim, at, "asked", body))
