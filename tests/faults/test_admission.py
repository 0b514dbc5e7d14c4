"""T20 with the whole product: short nodes compete for limits and slots that change meanwhile; judged by the ledger."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checks, count
from tests.faults.checks import Rows
from tests.faults.hosts import FORMS, Hosts, hosted
from tests.faults.limits import Resize, i5_pool, i5_runs, i20
from tests.faults.rig import Rig, document, python, rigged
from tests.support.effort import LONG, rounds, seed
from tests.support.ledger import Ledger
from tests.support.wait import wait_until

LIMITS = (1, 3, 7)
TRIED = {Rig: LIMITS, Hosts: LIMITS if LONG else LIMITS[1:2]}
WORKERS = {Rig: max(LIMITS), Hosts: 4}
"""Node processes of each host: together more than any limit."""
POOLS = {"fixed": (1, 1), "moving": (1, 3), "wide": (2, 3)}
"""{name: (smallest, largest number of slots)}. Some nodes use two slots of the wide pool."""
NODES = rounds(50, 120)
"""Of a run."""
VERSIONS = rounds(6, 30)
"""Of the workflow with `max_runs`."""


class Race:
    """Runs of all kinds beside a pool and a limit that change, in a product with one limit on all nodes."""

    def __init__(self, rig: Rig, most: int, chance: random.Random) -> None:
        self.rig, self.most, self.chance = rig, most, chance
        self.resizes: dict[str, list[Resize]] = {name: [] for name in POOLS}
        self.available: dict[str, int] = {}
        """Slots that were held or available at the last check."""
        self.samples = 0
        self.versions = 1

    def nodes(self, number: int, **policy: Any) -> list[dict[str, Any]]:
        code = self.rig.ledger.code
        return [
            python(
                f"n{i}", code(self.chance.choice((0, 0, 0.001, 0.003))), priority=self.chance.randint(1, 9), **policy
            )
            for i in range(number)
        ]

    def documents(self) -> dict[str, dict[str, Any]]:
        wide = [*self.nodes(NODES // 2, pool="wide"), *self.nodes(NODES // 2, pool="wide", slots=2)]
        self.chance.shuffle(wide)
        for number, node in enumerate(wide):
            node["id"] = f"n{number}"
        return {
            **{f"run-of-{limit}": document(self.nodes(NODES), max_concurrent=limit) for limit in LIMITS},
            "fixed": document(self.nodes(NODES, pool="fixed")),
            "moving": document(self.nodes(NODES, pool="moving")),
            "wide": document(wide),
            "both": document(self.nodes(NODES, pool="moving"), max_concurrent=2),
            "free": document(self.nodes(NODES)),
            "alone": document(self.nodes(NODES, memory_mb=500)),
        }

    def few(self) -> None:
        """Publish another version of a workflow with `max_runs`, and put it live at once."""
        limit = self.chance.choice(LIMITS)
        made = document(self.nodes(3), max_runs=limit)
        address = f"workflows/few-{self.most}/"
        if self.versions == 1:
            self.rig.publish(f"few-{self.most}", made)
        else:
            made["nodes"][0]["notes"] = f"version {self.versions}"
            self.rig.product.api("POST", f"{address}versions/", {"definition": made, "message": "changed"})
            self.rig.product.api("POST", f"{address}deployments/", {"version": self.versions, "strategy": "immediate"})
            count.injected("limit on runs changed")
        self.versions += 1

    def resize(self, pool: str, slots: int) -> None:
        asked = time.monotonic_ns()
        self.rig.product.api("PATCH", f"pools/{pool}/", {"slots": slots})
        wait_until(lambda: not self.look().open_commands)
        self.resizes[pool].append(Resize(asked, time.monotonic_ns(), slots))
        count.injected("pool resized")

    def look(self) -> Rows:
        """Check I6 during the work."""
        with self.rig.database() as db:
            rows = Rows.of_pools(db)
        held = checks.i6(rows, at_rest=False, before=self.available)
        # Until the scheduler has applied a smaller pool size, it admits by the old one.
        before = self.available if rows.open_commands else {}
        self.available = {
            name: max(pool["slots"], held[name], before.get(name, 0)) for name, pool in rows.pools.items()
        }
        self.samples += 1
        return rows

    def launches(self) -> Iterator[str]:
        found = self.documents()
        for kind, made in found.items():
            self.rig.publish(f"{kind}-{self.most}", made)
        self.few()
        slugs = [f"{kind}-{self.most}" for kind in found] * rounds(1, 3) + [f"few-{self.most}"] * rounds(12, 60)
        self.chance.shuffle(slugs)
        yield from slugs

    def run(self) -> None:
        first = len(self.rig.accepted)
        for slug in self.launches():
            self.rig.launch(slug)
            self.look()
        while self.rig.unfinished():
            self.change()
        for name, (_, largest) in POOLS.items():
            self.resize(name, largest)
        self.judge(self.rig.accepted[first:])

    def change(self) -> None:
        what = self.chance.randrange(6)
        if what == 0:
            name = self.chance.choice(("moving", "wide"))
            self.resize(name, self.chance.randint(*POOLS[name]))
        elif what == 1 and self.versions < VERSIONS:
            self.few()
            for _ in range(3):
                self.rig.launch(f"few-{self.most}")
        self.look()

    def judge(self, runs: list[str]) -> None:
        rig = self.rig
        rows = rig.check(most=self.most)
        executions = rig.ledger.executions()
        for name, (_, largest) in POOLS.items():
            policies = ((one, rows.policy(one.start.run, one.start.node)) for one in executions)
            mine = [(one, policy.get("slots", 1)) for one, policy in policies if policy.get("pool") == name]
            i5_pool(name, mine, largest, self.resizes[name])
        i5_runs(rig.ledger, rows)
        i20(rig.ledger, rows, rig.wall_offset, self.most, POOLS)
        assert {rows.runs[run]["state"] for run in runs} == {"succeeded"}
        assert len(executions) == sum(1 for run, _ in rows.nodes if run in runs)
        resizes = sum(map(len, self.resizes.values()))
        print(
            f"limit {self.most}: {len(executions)} nodes, at most {rig.ledger.most_at_once()} at once, "
            f"{resizes} resizes, {self.versions - 1} limits on runs, {self.samples} samples"
        )


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_limits_and_slots_hold_and_the_first_in_the_queue_starts_next(form: type[Rig], tmp_path: Path) -> None:
    chance = random.Random(seed("admission"))
    with rigged(tmp_path, form=form, INTERLOCK_WORKERS=str(WORKERS[form])) as rig:
        for turn, most in enumerate(TRIED[form]):
            rig.product.environment["INTERLOCK_MAX_CONCURRENT"] = str(most)
            rig.ledger = Ledger(rig.folder / f"ledger-{most}")
            rig.start()
            if not turn:
                for name, (_, largest) in POOLS.items():
                    rig.product.api("POST", "pools/", {"name": name, "slots": largest})
            Race(rig, most, chance).run()
            rig.stop()


@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.long
def test_hosts_that_share_no_limit_are_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "limit_of_all_ignored", INTERLOCK_MAX_CONCURRENT="2") as rig:
        rig.start_without_web()
        rig.run(document([python(f"n{i}", rig.ledger.code(0.3)) for i in range(8)]))
        rig.rest()
        with pytest.raises(checks.Broken, match=r"^I5: .*all: \d at once, 2 are allowed"):
            rig.check(most=2)
