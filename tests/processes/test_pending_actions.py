"""A scheduler dies between the commit of a user's action and the kill: the next one completes the action."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.effort import in_time
from tests.support.ledger import Ledger
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

DIED = "The scheduler process was killed by SIGKILL. Restarting it."


@pytest.mark.long
def test_a_pending_action_is_done_by_the_next_scheduler_when_the_first_died_before_the_kill(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    with running(tmp_path / "home", INTERLOCK_FAULT="tick.before_kill:kill") as product:
        long = ledger.code(60.0)
        for slug, code in (("long", long), ("again", long.replace("60.0", "60 if ctx.attempt == 1 else 0"))):
            first = {"id": slug, "type": "python", "config": {"code": code}}
            product.publish(slug, [first, {"id": "after", "type": "noop"}], [{"source": slug, "target": "after"}])
        ends = []
        for deaths, (slug, verb) in enumerate(
            [("long", "nodes/long/cancel/"), ("long", "nodes/long/skip/"), ("long", "cancel/"),
             ("again", "nodes/again/retry/")], 1,
        ):  # fmt: skip
            run = started(product, ledger, slug)
            asked = time.monotonic()
            answer = product.call("POST", f"/api/v1/runs/{run}/{verb}", {})
            assert answer.status == 202, answer.body
            in_time(time.monotonic() - asked, 2.5)
            wait_until(partial(has_died, product, deaths))
            ended = product.ended(run)
            states = {node["node"]: node["state"] for node in product.api("GET", f"runs/{run}/nodes/")["results"]}
            attempts = product.api("GET", f"runs/{run}/nodes/{slug}/attempts/")["results"]
            ends.append((ended["state"], states, {a["number"]: a["state"] for a in attempts}))
            assert [entry.what for entry in ledger.entries() if entry.run == run] == (
                ["start", "start", "end"] if slug == "again" else ["start"]
            )
        assert ends == [
            ("cancelled", {"long": "cancelled", "after": "upstream_failed"}, {1: "lost"}),
            ("succeeded", {"long": "skipped", "after": "succeeded"}, {1: "lost"}),
            ("cancelled", {"long": "cancelled", "after": "cancelled"}, {1: "lost"}),
            ("succeeded", {"again": "succeeded", "after": "succeeded"}, {1: "lost", 2: "succeeded"}),
        ]
        assert product.log.read_text().count(DIED) == 4, "what died with its scheduler is not killed once more"
        assert product.stop() == 0
        assert product.marked() == []


def has_died(product: Product, times: int) -> bool:
    return product.log.read_text().count(DIED) == times


def started(product: Product, ledger: Ledger, slug: str) -> str:
    """Start a run of this workflow, and wait until its first node has written that it runs."""
    run = str(product.api("POST", f"workflows/{slug}/runs/", {})["id"])
    wait_until(lambda: [entry for entry in ledger.entries() if entry.run == run])

    def shown() -> bool:
        return bool(product.api("GET", f"runs/{run}/nodes/{slug}/")["state"] == "running")

    wait_until(shown)
    return run
