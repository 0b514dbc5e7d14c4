"""What keeps a run from its end, as the page says it, and ended by the action that the panel offers."""

from __future__ import annotations

import random
import re
import socket
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.hangs import DEADLOCK, SLEEP, SOCKET
from tests.support.wait import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def rng() -> random.Random:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


def start(product: Any, slug: str, node: dict[str, Any]) -> str:
    product.publish(slug, [node], [])
    return str(product.api("POST", f"workflows/{slug}/runs/", {})["id"])


def second_attempt(product: Any, run: str, node: str) -> Any:
    """The two attempts, newest first, once there are two."""

    def both() -> Any:
        found = product.api("GET", f"runs/{run}/nodes/{node}/attempts/")["results"]
        return found if len(found) == 2 else None

    return wait_until(both, 20)


@pytest.mark.parametrize("code", ["blocked_on_socket", "deadlock"])
def test_a_stuck_node_is_ended_by_the_retry_that_its_panel_offers(person: Any, rng: random.Random, code: str) -> None:
    product, name, expected = person.product, f"v{rng.randrange(10**6)}", rng.choice([1.0, 1.5])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        text = (SOCKET if code == "blocked_on_socket" else DEADLOCK).format(name=name, number=port)
        node = {"id": name, "type": "python", "config": {"code": text}, "policy": {"expected_duration": expected}}
        run = start(product, f"stuck-{code}".replace("_", "-"), node)
        page = person.go(f"/runs/{run}/nodes/{name}/?tab=why")
        card = page.locator(f'[data-panel] [data-finding="{code}"]')
        expect(card).to_be_visible(timeout=30_000)
        if code == "blocked_on_socket":
            expect(card).to_contain_text(f"127.0.0.1:{port}")
        else:
            expect(card).to_contain_text(f"{name}_a")
            expect(card).to_contain_text(f"{name}_b")
        first = product.api("GET", f"runs/{run}/nodes/{name}/attempts/")["results"][0]
        expect(card).to_contain_text(str(first["pid"]))
        card.get_by_role("button", name=re.compile("^Retry with a .* limit$")).click()
        second, ended = second_attempt(product, run, name)
        assert (second["number"], ended["state"]) == (2, "cancelled")
        assert ended["receipt"]["processes"] >= 1
        assert product.ended(run, timeout=60)["state"] == "failed"
        expect(page.locator('[data-panel] [data-finding^="failed_"]')).to_be_visible(timeout=30_000)
        expect(page.locator("[data-run-state]")).to_have_text("Failed")


def test_a_node_that_waits_for_another_runs_pool_starts_when_the_panel_adds_slots(
    person: Any, rng: random.Random
) -> None:
    product, pool = person.product, f"pool-{rng.randrange(10**6)}"
    product.api("POST", "pools/", {"name": pool, "slots": 1})
    hold = {"id": "hold", "type": "python", "config": {"code": SLEEP.format(number=900)}, "policy": {"pool": pool}}
    holder = start(product, f"holds-{pool}", hold)
    wait_until(lambda: product.api("GET", f"runs/{holder}/nodes/hold/")["state"] == "running", 20)
    run = start(product, f"wants-{pool}", {"id": "want", "type": "noop", "policy": {"pool": pool}})
    page = person.go(f"/runs/{run}/nodes/want/?tab=why")
    card = page.locator('[data-panel] [data-finding="pool_full"]')
    expect(card).to_contain_text(f'its only slot is held by node "hold" of run {holder}')
    card.get_by_role("button", name=f"Add 1 slot to {pool}").click()
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=30_000)
    assert product.api("GET", f"pools/{pool}/")["slots"] == 2
    expect(card).to_have_count(0)
    product.api("POST", f"runs/{holder}/cancel/", {})
