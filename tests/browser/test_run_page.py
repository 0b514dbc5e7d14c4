"""The page of a run for who has no mouse, for who has a phone, and when people write what they like."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_browser
from tests.support.wait import wait_until

WAITS = "import time\ndef main(inputs, ctx):\n    ctx.log('waiting for an answer')\n    time.sleep(600)\n"
BREAKS = "def main(inputs, ctx):\n    ctx.log('about to break')\n    raise ValueError('it broke')\n"


def python(id: str, code: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "python", "config": {"code": code}, **more}


def start(product, slug: str, nodes, edges=(), **settings: Any) -> str:
    joined = [{"source": one, "target": other} for one, other in edges]
    product.publish(slug, nodes, joined, on_failure="continue", **settings)
    return str(product.api("POST", f"workflows/{slug}/runs/", {})["id"])


def hanging(product, slug: str) -> str:
    """A run with a node that broke, one that hangs, and one that waits for it."""
    nodes = [{"id": "begin", "type": "noop", "name": "Begin"}, python("breaks", BREAKS, name="Breaks")]
    nodes += [python("hangs", WAITS, name="Hangs"), {"id": "after", "type": "noop", "name": "After"}]
    return start(product, slug, nodes, [("begin", "breaks"), ("begin", "hangs"), ("hangs", "after")])


def states(product, run: str, *nodes: str) -> list[str]:
    return [product.api("GET", f"runs/{run}/nodes/{node}/")["state"] for node in nodes]


def focused(page: Page, expression: str) -> Any:
    """What `expression` says of the element that has the focus, as `it`."""
    return page.evaluate(f"(() => {{ const it = document.activeElement; return {expression}; }})()")


def tab_to(page: Page, expression: str, key: str = "Tab") -> None:
    """Press Tab until the focus is where `expression` is true of `it`, the element that has it."""
    for _ in range(120):
        page.keyboard.press(key)
        if focused(page, expression):
            return
    raise AssertionError(f"{key} never came to {expression}; it is at {focused(page, 'it.outerHTML.slice(0, 300)')}")


def test_a_run_is_opened_inspected_and_cancelled_by_keyboard(person):
    run = hanging(person.product, "cancelled-by-keyboard")
    page = person.go("/")
    expect(page.locator(f'#now a[href="/runs/{run}/"]')).to_be_visible(timeout=30_000)
    tab_to(page, f"it.getAttribute('href') === '/runs/{run}/'")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{run}/**")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    expect(page.locator("[data-canvas][data-drawn]")).to_be_visible()
    for node, state in (("breaks", "failed"), ("hangs", "running")):
        expect(page.locator(f'[data-card="{node}"]')).to_have_class(re.compile(f"is-{state}"), timeout=30_000)

    # The focus goes through the page as it is read: head, graph, drawer, panel.
    parts: list[str] = []
    where = "['runhead', 'runcanvas', 'drawer', 'panel'].find((name) => it.closest('.' + name)) ?? ''"
    page.evaluate("document.querySelector('.runhead a').focus()")
    for _ in range(80):
        part = focused(page, where)
        if part and parts[-1:] != [part]:
            parts.append(part)
        if part == "panel" or (parts and not part):
            break
        page.keyboard.press("Tab")
    assert parts == ["runhead", "runcanvas", "drawer", "panel"]

    # Along the edges of the graph, and a node is opened.
    tab_to(page, "it.closest('[data-canvas]') !== null && it.closest('button') === null", "Shift+Tab")
    for key in ("Home", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator("[data-panel-node]")).to_have_attribute("data-panel-node", "hangs")
    assert "/nodes/hangs/" in page.url

    # J goes to what failed; W says why, L shows its lines.
    page.keyboard.press("j")
    expect(page.locator("[data-panel-node]")).to_have_attribute("data-panel-node", "breaks")
    page.keyboard.press("w")
    expect(page.locator("[data-panel]")).to_contain_text("ValueError in line 3, it broke")
    assert focused(page, "it.closest('[data-panel]') !== null")
    page.keyboard.press("l")
    expect(page.locator("[data-logs] .line", has_text="about to break")).to_be_visible()
    assert focused(page, "it.closest('.drawer') !== null")

    # The tabs by arrows; the address keeps the one that is open.
    tab_to(page, "it.getAttribute('role') === 'tab'", "Shift+Tab")
    for name in ("timeline", "nodes"):
        page.keyboard.press("ArrowRight")
        expect(page.locator(f'[data-drawer="{name}"]')).to_have_attribute("aria-selected", "true")
    assert "drawer=nodes" in page.url
    tab_to(page, "it.matches('[data-nodes]')")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("[data-panel-node]")).to_have_attribute("data-panel-node", "hangs")
    expect(page.locator('[data-node-rows] [data-node="hangs"]')).to_have_attribute("aria-selected", "true")
    # A row holds cells and nothing else, or screen readers lose the table.
    assert page.locator('[role="row"] > :not([role="gridcell"], [role="columnheader"])').count() == 0
    page.keyboard.press("/")
    page.keyboard.type("aft")
    expect(page.locator("[data-node-rows] [data-node]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("[data-node-rows] [data-node]")).to_have_count(4)
    page.keyboard.press("Escape")

    # The height of the drawer is kept.
    tab_to(page, "it.matches('[data-drawer-grip]')", "Shift+Tab")
    before = page.locator(".drawer").bounding_box()
    page.keyboard.press("ArrowUp")
    after = page.locator(".drawer").bounding_box()
    assert before
    assert after
    assert after["height"] == before["height"] + 24
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    kept = page.locator(".drawer").bounding_box()
    assert kept
    assert kept["height"] == after["height"]

    # The whole run is cancelled: the form at the button shows what that does.
    tab_to(page, "it.matches('[data-cancel]')")
    page.keyboard.press("Enter")
    expect(page.locator("#cancel-run")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#cancel-run")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#cancel-run").get_by_role("button", name="Cancel run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-run-state]")).to_have_text(re.compile("Cancelled|Failed"), timeout=30_000)
    expect(page.locator('[data-node-rows] [data-node="hangs"]')).to_contain_text("Cancelled")
    # Its workflow can be read on a smaller screen, too.
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.locator(".runhead .crumbs").evaluate("(it) => it.scrollWidth <= it.clientWidth")


SMALL = """
[...document.querySelectorAll(".runmain button, .runmain .btn, .runmain select, .runmain input, .runmain [role=tab]")]
  .filter((it) => it.checkVisibility() && !it.closest("[data-canvas]"))
  .map((it) => [it, it.closest("label.find") ?? it])
  .map(([it, box]) => [it.outerHTML.slice(0, 120), box.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < 40 || box.height < 40))
  .map(([text, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${text}`)
"""


def test_a_run_is_inspected_and_cancelled_by_touch(chromium, product, tmp_path):
    run = hanging(product, "thumb")
    with open_browser(chromium, product, tmp_path / "shots", width=360, height=740, touch=True) as person:
        person.sign_in()
        page = person.go(f"/runs/{run}/")
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
        expect(page.locator('[data-node-rows] [data-node="hangs"]')).to_contain_text("Running", timeout=30_000)
        # One column, in the order of the questions: what is it, where, why, the nodes, their words.
        tops = page.evaluate(
            "['.runhead', '.runcanvas', '.panel', '.runnodes', '.drawer'].map((part) =>"
            " document.querySelector(part).getBoundingClientRect()).map((box) => [box.left, box.width, box.top])"
        )
        assert [top for _, _, top in tops] == sorted(top for _, _, top in tops)
        assert all(left == 0 and width == 360 for left, width, _ in tops)
        assert page.evaluate("document.documentElement.scrollWidth") == 360

        page.locator('[data-node-rows] [data-node="hangs"]').tap()
        expect(page.locator("[data-panel-node]")).to_have_attribute("data-panel-node", "hangs")
        expect(page.locator("[data-panel]")).to_be_in_viewport()
        expect(page.locator("[data-logs] .line", has_text="waiting for an answer")).to_be_visible()
        assert page.evaluate(SMALL) == []

        page.locator("[data-cancel]").tap()
        confirm = page.locator("#cancel-run").get_by_role("button", name="Cancel run")
        # What the popover opens with is replaced by what it loads.
        box = wait_until(confirm.bounding_box)
        assert box["height"] >= 40
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        confirm.tap()
        expect(page.locator("[data-run-state]")).to_have_text(re.compile("Cancelled|Failed"), timeout=30_000)
        expect(page.locator('[data-node-rows] [data-node="hangs"]')).to_contain_text("Cancelled")
        assert page.evaluate("window.violations") == []


TOPS = """
["runhead", "runcanvas", "panel"].map((part) => document.querySelector(`.${part}`).getBoundingClientRect().top)
"""


def test_on_a_phone_the_run_page_does_not_move_when_its_scripts_load(chromium, product, tmp_path):
    run = hanging(product, "calm")
    # As far as it comes: both times its page says the same.
    wait_until(lambda: states(product, run, "breaks", "hangs") == ["failed", "running"])
    with open_browser(chromium, product, tmp_path / "shots", width=360, height=740, touch=True) as person:
        person.sign_in()
        person.expected += ["Failed to load resource"]
        page = person.page
        page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())
        person.go(f"/runs/{run}/")
        before = page.evaluate(TOPS)
        # The drawer ends below all nodes, which scripts list: nobody sees it come from elsewhere.
        expect(page.locator(".drawer")).not_to_be_visible()
        page.unroute_all()
        person.go(f"/runs/{run}/")
        expect(page.locator(".drawer")).to_be_visible()
        assert page.evaluate(TOPS) == before
    product.api("POST", f"runs/{run}/cancel/")


TRICKS = "<img src=x onerror=window.hacked=1> 👩‍👩‍👧 文字 \u202eexe.gnp\u2066 \u200b\u0007 "
LONG = "<b>0123456789</b> " * 5_600
WRITES = f"""
import json
TEXT = {TRICKS!r} + {LONG!r}
def main(inputs, ctx):
    assert len(TEXT) > 100_000
    for n in range(50):
        print(TEXT)
        ctx.log(TEXT, level="warning")
    ctx.progress(0.5, TEXT)
    return {{TEXT: [TEXT, inputs]}}
"""
FAILS = f"TEXT = {TRICKS!r} + {LONG!r}\ndef main(inputs, ctx):\n    raise ValueError(TEXT)\n"


TOO_WIDE = """
document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
  [...document.querySelectorAll("body *")].filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
    .map((it) => it.outerHTML.slice(0, 100)).slice(0, 12)
"""


@pytest.mark.long
def test_long_and_tricky_texts_are_shown_as_text_everywhere(person):
    product = person.product
    name = TRICKS + "x" * (200 - len(TRICKS))
    nodes = [python("writes", WRITES, name=name), python("fails", FAILS, name="y" * 200)]
    product.api("POST", "workflows/", {"name": name, "slug": "texts"})
    text = {"type": "string", "default": TRICKS + LONG}
    definition = {
        "schema": "interlock/1",
        "inputs": {"type": "object", "properties": {"text": text, "list": {"type": "array", "default": [TRICKS]}}},
        "nodes": nodes,
        "edges": [{"source": "writes", "target": "fails"}],
    }
    product.api("POST", "workflows/texts/versions/", {"definition": definition, "message": TRICKS})
    run = product.api("POST", "workflows/texts/runs/", {})["id"]
    assert product.ended(run)["state"] == "failed"
    page = person.page
    for size in ((1440, 900), (360, 740)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for drawer, node, tab in (
            ("logs", "writes", "output"),
            ("timeline", "fails", "why"),
            ("nodes", "fails", "attempts"),
            ("inputs", "writes", "config"),
            ("events", "fails", "history"),
        ):
            person.go(f"/runs/{run}/nodes/{node}/?tab={tab}&drawer={drawer}")
            expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
            wide = page.evaluate(TOO_WIDE)
            assert not wide, (size, drawer, node, tab, "\n".join(wide))
            assert page.evaluate("[window.hacked ?? null, window.violations]") == [None, []]
            assert page.locator("main img, main b:has-text('0123456789')").count() == 0
        shown = page.locator("main").inner_text()
        assert "\u202e" not in shown
        assert "\u2066" not in shown
        assert "\u0007" not in shown
    page.set_viewport_size({"width": 1440, "height": 900})
    person.go(f"/runs/{run}/?drawer=inputs")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    inputs = page.locator("#drawer-inputs")
    expect(inputs).to_contain_text("<img src=x onerror=window.hacked=1>")
    inputs.get_by_text("Show all").click()
    expect(inputs.get_by_text("Showing the first 65,536 characters")).to_be_visible()
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    inputs.get_by_role("button", name="Copy text").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    # What is copied is what was given, not how it is shown.
    assert page.evaluate("navigator.clipboard.readText()") == TRICKS + LONG
    page.get_by_role("tab", name="Events").click()
    expect(page.locator("[data-events] .step", has_text="Failed").first).to_be_visible()
    assert page.evaluate("[window.hacked ?? null, window.violations]") == [None, []]
