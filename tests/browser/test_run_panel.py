"""A run that hangs, seen and ended from the panel at its side: cause, evidence, one press, receipt."""

import random
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.hangs import DEADLOCK, SOCKET
from tests.support.wait import wait_until

HOLDS = """
import subprocess

def main(inputs, ctx):
    ctx.log("holding")
    return subprocess.run(["sleep", "{number}"]).returncode
"""
ENDED = re.compile(r"Stopped \d+ process(es)? in [\d.]+ m?s")


@pytest.fixture
def rng() -> random.Random:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


def start(product: Any, slug: str, node: dict[str, Any], *after: str) -> str:
    nodes = [node, *({"id": one, "type": "noop"} for one in after)]
    product.publish(slug, nodes, [{"source": node["id"], "target": one} for one in after])
    return str(product.api("POST", f"workflows/{slug}/runs/", {})["id"])


def stands(page: Page) -> None:
    """Its scripts are there: without them buttons send forms, and keys do nothing."""
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    page.evaluate("window.sameDocument = true")


def stood(page: Page) -> None:
    assert page.evaluate("window.sameDocument"), "the page was loaded again"
    assert page.evaluate("window.violations") == []


def stacks(page: Page, ask: Callable[[], None]) -> Locator:
    """Live stacks, which `ask` asks for. On a busy machine they may not come in time, which is said: one asks again."""
    taken = page.locator("[data-panel] details[data-stack][open]")
    while True:
        ask()
        expect(taken.or_(page.get_by_text("did not come within")).first).to_be_visible(timeout=20_000)
        if taken.count():
            return taken


@pytest.mark.long
def test_a_node_that_waits_for_a_socket_is_retried_with_a_limit_and_shows_its_receipt(person, rng):
    node, expected = f"n{rng.randrange(10**6)}", rng.choice([0.5, 0.8, 1.1])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        code = SOCKET.format(name=f"v{rng.randrange(10**6)}", number=port)
        policy = {"expected_duration": expected, "memory_mb": 512}
        made = {"id": node, "type": "python", "config": {"code": code}, "policy": policy}
        run = start(person.product, f"socket-{node}", made, "after")
        page = person.go(f"/runs/{run}/nodes/{node}/")
        stands(page)
        panel = page.locator("[data-panel]")
        found = panel.locator('[data-finding="blocked_on_socket"]')
        expect(found).to_be_visible(timeout=20_000)
        expect(found).to_contain_text(re.compile(r"Taking [\d.]+ times as long as expected"))
        expect(found).to_contain_text(f"127.0.0.1:{port}")
        expect(found).to_contain_text(re.compile(r"Running for [\d.]+ s in process \d+; expected"))
        # What it uses and who waits for it stand beside.
        expect(panel.locator('[data-tile="memory"] [data-tile-value]')).to_have_text(re.compile(r"\d+ MiB"))
        expect(panel.get_by_text("of 512")).to_be_visible()
        expect(panel.locator('tr[data-key="needs-after"]')).to_be_visible()
        # Pressed twice is sent once.
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        first = found.locator(".btn.primary")
        expect(first).to_have_text(re.compile("Retry with a .* limit"))
        first.dblclick()
        expect(panel.locator("[data-outcome]")).to_have_text("Attempt 1 stopped.", timeout=20_000)
        assert len([url for url in sent if url.endswith("/retry/")]) == 1
        panel.get_by_role("link", name=re.compile("^Attempts")).click()
        ended = panel.locator('[data-key="attempt-1"]')
        expect(ended.locator("[data-receipt]")).to_have_text(ENDED)
        expect(ended).to_contain_text("Cancelled")
        expect(page).to_have_url(re.compile(r"tab=attempts"))
        # The limit that the retry brought acts, and is marked in the config as what a person changed.
        expect(panel.locator('[data-key="attempt-2"]')).to_contain_text("Timed out", timeout=30_000)
        panel.get_by_role("link", name="Config").click()
        expect(panel).to_contain_text("changed in this run")
        stood(page)


def test_a_deadlock_is_shown_in_the_stacks_and_ended_by_keyboard(person, rng):
    node, name = f"n{rng.randrange(10**6)}", f"v{rng.randrange(10**6)}"
    made = {"id": node, "type": "python", "config": {"code": DEADLOCK.format(name=name)}}
    made["policy"] = {"expected_duration": rng.choice([0.5, 0.8, 1.1])}
    run = start(person.product, f"deadlock-{node}", made)
    page = person.go(f"/runs/{run}/nodes/{node}/?tab=config")
    stands(page)
    panel = page.locator("[data-panel]")
    expect(panel.locator(".code .kw").first).to_be_visible()
    page.keyboard.press("w")
    expect(panel.get_by_role("link", name="Why")).to_be_focused()
    found = panel.locator('[data-finding="deadlock"]')
    expect(found).to_contain_text(f"thread {name}_a in line", timeout=20_000)

    def ask() -> None:
        found.get_by_role("button", name=re.compile("stack", re.IGNORECASE)).focus()
        page.keyboard.press("Enter")

    person.expected.append("503")
    taken = stacks(page, ask)
    # Asked for within a second of those that were taken when it became stuck, they are the same.
    expect(taken).to_contain_text(re.compile("on request|marked stuck"), timeout=20_000)
    expect(taken).to_contain_text("identical in")
    for one in ("a", "b"):
        thread = taken.locator("details.thread", has_text=f"{name}_{one}")
        expect(thread).to_contain_text("waits for")
        expect(thread.locator("li.mine code").first).to_have_text(re.compile("with (one|two):"))
    # A refresh of the panel leaves open what is open, and the focus where it is.
    taken.locator("summary").first.focus()
    before = panel.locator("[data-finding] .lead").text_content()
    expect(panel.locator("[data-finding] .lead")).not_to_have_text(before or "", timeout=10_000)
    expect(taken).to_have_attribute("open", "")
    expect(taken.locator("summary").first).to_be_focused()
    # A limit that cannot be is refused beside the form, which stays; then the node is ended.
    person.expected.append("422")
    found.get_by_role("button", name="Retry with other limits …").focus()
    page.keyboard.press("Enter")
    form = panel.locator("#retry-with")
    form.get_by_label("Soft limit").press_sequentially("100")
    form.get_by_label("Hard limit").press_sequentially("10")
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("hard_timeout (10 s) is below soft_timeout (100 s)")
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    found.get_by_role("button", name="Cancel node").focus()
    page.keyboard.press("Enter")
    expect(panel.locator(":popover-open")).to_contain_text("is stopped with all its processes")
    expect(panel.locator(":popover-open .danger.solid")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.locator("[data-outcome]")).to_have_text("Attempt 1 stopped.", timeout=20_000)
    expect(panel.locator("[data-panel-state]")).to_have_text("Cancelled")
    stood(page)


def test_a_node_that_waits_for_another_runs_slot_is_started_by_a_larger_pool(person, rng):
    pool, held = f"pool-{rng.randrange(10**6)}", f"hold{rng.randrange(10**6)}"
    product = person.product
    product.api("POST", "pools/", {"name": pool, "slots": 1})
    code = HOLDS.format(number=rng.randrange(600, 6000))
    holds = {"id": held, "type": "python", "config": {"code": code}, "policy": {"pool": pool}}
    first = start(product, f"hold-{pool}", holds)
    wait_until(lambda: product.api("GET", f"runs/{first}/nodes/{held}/")["state"] == "running")
    second = start(product, f"want-{pool}", {"id": "want", "type": "noop", "policy": {"pool": pool}})
    wait_until(lambda: product.api("GET", f"runs/{second}/nodes/want/")["state"] == "ready")

    page = person.go(f"/runs/{second}/nodes/want/")
    stands(page)
    panel = page.locator("[data-panel]")
    found = panel.locator('[data-finding="pool_full"]')
    # A form that is open when the panel is first asked for again stays open.
    panel.get_by_role("button", name="Cancel node", exact=True).click()
    before = found.locator(".lead").text_content()
    expect(found.locator(".lead")).not_to_have_text(before or "", timeout=10_000)
    expect(panel.locator(":popover-open")).to_contain_text("Nodes that depend on it will not run.")
    page.keyboard.press("Escape")
    expect(found).to_contain_text(f'"{held}" of run {first}', timeout=15_000)
    expect(panel.get_by_role("link", name=f"Run {first}, {held}")).to_be_visible()
    found.get_by_role("button", name=f"Add 1 slot to {pool}").click()
    expect(panel.locator("[data-outcome]")).to_contain_text("Pool resized")
    expect(panel.locator("[data-panel-state]")).to_have_text("Succeeded", timeout=20_000)
    stood(page)

    # The holder still runs: its run is cancelled from the head, which shows what that ends, and then what it ended.
    page = person.go(f"/runs/{first}/")
    stands(page)
    page.get_by_role("button", name="Cancel", exact=True).click()
    form = page.locator("#cancel-run")
    expect(form).to_contain_text("1 running node is stopped with all its processes.")
    form.get_by_role("button", name="Cancel run").click()
    expect(page.locator("[data-run-state]")).to_have_text("Cancelled", timeout=20_000)
    expect(page.locator("[data-run-outcome]")).to_have_text(
        re.compile(r"Stopped [2-9] processes in .*, 1 slot released")
    )
    # And again, with what its inputs were.
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: not url.endswith(f"/runs/{first}/"))
    again = page.url.rstrip("/").rsplit("/", 1)[1]
    product.api("POST", f"runs/{again}/cancel/", {})
    product.ended(again)


@pytest.mark.long
def test_without_scripts_tabs_are_links_and_calls_are_forms(chromium, product, rng):
    node = f"n{rng.randrange(10**6)}"
    code = HOLDS.format(number=rng.randrange(600, 6000))
    run = start(product, f"plain-{node}", {"id": node, "type": "python", "config": {"code": code}})
    place = f"runs/{run}/nodes/{node}/"
    wait_until(lambda: product.api("GET", place)["state"] == "running")
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    try:
        page = context.new_page()
        link = product.command("login-link", "--user", "admin").stdout.strip().split()[-1]
        page.goto(f"http://127.0.0.1:{product.port}/" + link.split("/", 3)[3])
        page.get_by_role("button", name="Sign in as").click()
        page.goto(f"http://127.0.0.1:{product.port}/{place}")
        panel = page.locator("[data-panel]")
        panel.get_by_role("link", name="Config").click()
        expect(panel.locator(".code .kw").first).to_be_visible()
        panel.get_by_role("link", name="Why").click()

        def ask() -> None:
            page.goto(f"http://127.0.0.1:{product.port}/{place}?tab=why")
            panel.get_by_role("button", name="Capture stack traces").click()

        expect(stacks(page, ask)).to_contain_text("on request")
        panel.get_by_role("button", name="Retry with other limits …").click()
        panel.get_by_label("Soft limit").fill("300")
        panel.locator("#retry-with").get_by_role("button", name="Retry node").click()
        wait_until(lambda: product.api("GET", place)["attempt"] == 2)
        page.reload()
        panel.get_by_role("link", name=re.compile("^Attempts")).click()
        expect(panel.locator('[data-key="attempt-1"] [data-receipt]')).to_have_text(ENDED)
        panel.get_by_role("link", name="Why").click()
        panel.get_by_role("button", name="Cancel node").click()
        panel.locator(":popover-open").get_by_role("button", name="Cancel node").click()
        wait_until(lambda: product.api("GET", place)["state"] == "cancelled")
    finally:
        context.close()


@pytest.mark.parametrize("place", ["", "nodes/hold/"])
def test_a_run_that_ends_while_its_page_loads_is_shown_as_ended(person, place):
    product = person.product
    code = "import time\ndef main(inputs, ctx):\n    time.sleep(600)\n"
    run = start(product, f"ends-early-{len(place)}", {"id": "hold", "type": "python", "config": {"code": code}})
    wait_until(lambda: product.api("GET", f"runs/{run}/nodes/hold/")["state"] == "running")

    def ends_before(socket: Any) -> None:
        product.api("POST", f"runs/{run}/cancel/", {})
        wait_until(lambda: product.api("GET", f"runs/{run}/")["state"] == "cancelled")
        socket.connect_to_server()

    person.page.route_web_socket(re.compile(rf"/ws/runs/{run}/"), ends_before)
    page = person.go(f"/runs/{run}/{place}")
    expect(page.locator("[data-run-state]")).to_have_text("Cancelled")
    expect(page.locator(".phead .chip")).to_have_text("Cancelled")


def test_a_button_pressed_after_the_session_ended_says_that_the_user_is_signed_out(person):
    person.expected.append("401")
    product = person.product
    code = "def main(inputs, ctx):\n    raise ValueError('bad')\n"
    run = start(product, "signed-out", {"id": "work", "type": "python", "config": {"code": code}})
    wait_until(lambda: product.api("GET", f"runs/{run}/")["state"] == "failed")
    page = person.go(f"/runs/{run}/nodes/work/")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    person.context.clear_cookies()
    page.locator("[data-panel]").get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("You're signed out. Reload the page to sign in.").first).to_be_visible()
