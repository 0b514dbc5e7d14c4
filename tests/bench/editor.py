"""The editor: opening, frame rates, response to keys, and the cost of a moved node."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.bench import probe, workflows
from tests.bench.page_bench import PageBench
from tests.bench.stats import case, quantile

if TYPE_CHECKING:
    from playwright.sync_api import Page

CANVAS = "[data-edit-canvas]"
CODE = "def main(inputs, ctx):\n    return 1\n"
DRAG_SECONDS = 5.0
TURN_STEPS = 48
KEYS = 60
KEY_SECONDS = 0.06
"""A quick typist: a thousand letters per minute."""
SMALL, LARGE = 1000, 10_000

RECORDER = """
(() => {
  const seen = (window.benchEdit = { opened: null, drawn: [], checked: [], keys: [] });
  const after = (run) => {
    // A task of its own runs when the frame was handed over to be shown.
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      run(performance.now());
    };
    channel.port2.postMessage(0);
  };
  const watch = (element, name, note) => {
    new MutationObserver(() => note(element.dataset[name])).observe(element, { attributeFilter: ["data-" + name] });
    if (element.dataset[name] !== undefined) note(element.dataset[name]);
  };
  new MutationObserver((changes, observer) => {
    const canvas = document.querySelector("[data-edit-canvas]");
    if (!canvas) return;
    observer.disconnect();
    watch(canvas, "drawn", (edit) =>
      after((now) => {
        seen.opened ??= now;
        seen.drawn.push([Number(edit), now]);
      }),
    );
    const editor = canvas.closest("[data-editor]");
    watch(editor, "checked", (edit) => seen.checked.push([Number(edit), performance.now()]));
  }).observe(document, { childList: true, subtree: true });
  addEventListener(
    "keydown",
    (event) => requestAnimationFrame(() => after((now) => seen.keys.push([event.timeStamp, now]))),
    true,
  );
})();
"""


def measure(bench: PageBench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    includes = bench.options.includes
    small = [name for name in ("open", "drag", "undo", "problems", "key") if includes(_small(name))]
    large = [name for name in ("open", "pan", "save") if includes(_large(name))]
    if small:
        found += _of_small(bench, bench.publish(workflows.layers(SMALL, 3, CODE)))
    if large:
        found += _of_large(bench, bench.publish(workflows.layers(LARGE, 5)))
    return [case for case in found if includes(case["name"])]


def _small(name: str) -> str:
    return f"editor: {name}, 1,000 nodes"


def _large(name: str) -> str:
    return f"editor: {name}, 10,000 nodes, 50,000 edges"


def _of_small(bench: PageBench, slug: str) -> list[dict[str, Any]]:
    opens, drags, floors, longest, undos, problems, keys = [], [], [], [], [], [], []
    for turn in range(bench.options.repeat):
        with _editor(bench, slug) as page:
            bench.options.progress(_small("open"))
            opens.append(page.evaluate("window.benchEdit.opened") / 1000)
            _until(page, "window.benchEdit.checked.length > 0")
            node = f"n{501 + turn}"
            _find(page, node)
            bench.options.progress(_small("drag"))
            frames = _drag(page, f'[data-card="{node}"]')
            drags.append(_rate(frames))
            longest.append(quantile([b - a for a, b in itertools.pairwise(frames)], 0.95))
            _wait_until_idle(page)
            bench.options.progress(_small("undo"))
            undos += [_undo(page) for _ in range(2)]
            bench.options.progress(_small("key"))
            took, late = _type_code(page, node)
            keys.append(took)
            problems.append(late)
            _wait_until_idle(page)
            page.goto("about:blank")
            floors.append(_rate(_drag(page, "body")))
    return [
        case(_small("open"), "s", opens),
        case(_small("drag"), "frames a second", drags, floors, p95_ms=quantile(longest, 0.5)),
        case(_small("undo"), "ms", undos),
        case(_small("problems"), "ms after the last key", problems),
        case(
            _small("key"), "ms to paint, p95", [quantile(one, 0.95) for one in keys], median_ms=quantile(keys[0], 0.5)
        ),
    ]


def _of_large(bench: PageBench, slug: str) -> list[dict[str, Any]]:
    opens, pans, longest, saves, sent, received = [], [], [], [], [], []
    for turn in range(bench.options.repeat):
        with _editor(bench, slug) as page:
            bench.options.progress(_large("open"))
            opens.append(page.evaluate("window.benchEdit.opened") / 1000)
            time.sleep(2)
            bench.options.progress(_large("pan"))
            frames = _drag(page, CANVAS, corner=True)
            pans.append(_rate(frames))
            longest.append(quantile([b - a for a, b in itertools.pairwise(frames)], 0.95))
            bench.options.progress(_large("save"))
            _find(page, f"n{5001 + turn}")
            for key in ("Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowRight"):
                _wait_until_idle(page)
                took, up, down = _save_move(page, key)
                saves.append(took)
                sent.append(up)
                received.append(down)
    return [
        case(_large("open"), "s", opens),
        case(_large("pan"), "frames a second", pans, p95_ms=quantile(longest, 0.5)),
        case(_large("save"), "ms from key to saved", saves, bytes_sent=max(sent), bytes_received=max(received)),
    ]


@contextmanager
def _editor(bench: PageBench, slug: str) -> Iterator[Page]:
    """Open the editor in a new browser and wait until it is drawn."""
    with bench.visitor(probe.RATE, RECORDER) as visitor:
        visitor.page.goto(visitor.at(f"/workflows/{slug}/edit/"), wait_until="commit")
        visitor.until("(window.benchEdit?.opened ?? null) !== null")
        visitor.until('document.querySelector("[data-editor]").dataset.ready !== undefined')
        yield visitor.page


def _until(page: Page, condition: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise RuntimeError(f"After {seconds:g} s this does not hold in the editor: {condition}")
        time.sleep(0.02)


def _wait_until_idle(page: Page) -> None:
    """Wait until everything is saved and checked."""
    _until(page, 'document.querySelector("[data-saved]").dataset.state === "saved"')
    editor, canvas = 'document.querySelector("[data-editor]")', f'document.querySelector("{CANVAS}")'
    _until(page, f"{editor}.dataset.checked === {canvas}.dataset.drawn")
    time.sleep(0.5)


def _find(page: Page, node: str) -> None:
    """Select a node and bring it into view with the search."""
    page.locator(CANVAS).get_by_role("button", name="Find a node").click()
    page.keyboard.type(node)
    page.locator(".cvsearch [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.locator(f'[data-card="{node}"]').wait_for()
    time.sleep(0.5)


def _rate(frames: list[float]) -> float:
    return (len(frames) - 1) / (frames[-1] - frames[0]) * 1000 if len(frames) > 1 else 0.0


def _drag(page: Page, place: str, *, corner: bool = False) -> list[float]:
    """Drag from `place` in circles. Return the start of each frame in ms."""
    box = page.locator(place).first.bounding_box() or {"x": 0, "y": 0, "width": 900, "height": 500}
    x = box["x"] + (30 if corner else min(20, box["width"] / 2))
    y = box["y"] + (30 if corner else box["height"] / 2)
    mouse = page.mouse
    mouse.move(x, y)
    mouse.down()
    page.evaluate("Object.assign(window.benchRate ?? (window.benchRate = {}), { frames: [], on: true })")
    end = time.monotonic() + DRAG_SECONDS
    while time.monotonic() < end:
        for step in range(TURN_STEPS):
            angle = 2 * math.pi * (step + 1) / TURN_STEPS
            mouse.move(x + 90 * math.sin(angle), y + 90 * (1 - math.cos(angle)))
    frames: list[float] = page.evaluate("(() => { window.benchRate.on = false; return window.benchRate.frames; })()")
    # End elsewhere than at the start, so that the node has moved.
    mouse.move(x + 60, y + 40)
    mouse.up()
    return frames


def _undo(page: Page) -> float:
    """Return the milliseconds from Ctrl Z to the end of the frame that shows the previous document. Redoes it
    afterwards."""
    page.evaluate("Object.assign(window.benchEdit, { drawn: [], keys: [] })")
    page.keyboard.press("Control+z")
    _until(page, "window.benchEdit.drawn.length > 0")
    took: float = page.evaluate("window.benchEdit.drawn[0][1] - window.benchEdit.keys.at(-1)[0]")
    _wait_until_idle(page)
    page.keyboard.press("Control+Shift+z")
    _wait_until_idle(page)
    return took


def _type_code(page: Page, node: str) -> tuple[list[float], float]:
    """Type into a node's code. Return the milliseconds to paint of each key, and from the last key to the problems."""
    page.locator(f'[data-card="{node}"]').click(position={"x": 20, "y": 8})
    field = page.locator("[data-inspector] .cm-content").first
    field.wait_for()
    field.click()
    page.keyboard.press("Control+End")
    page.evaluate("Object.assign(window.benchEdit, { checked: [], keys: [] })")
    for number in range(KEYS):
        page.keyboard.press("x" if number % 8 else "Enter")
        time.sleep(KEY_SECONDS)
    checked = "window.benchEdit.checked"
    _until(
        page, f'{checked}.length && String({checked}.at(-1)[0]) === document.querySelector("{CANVAS}").dataset.drawn'
    )
    last: float = page.evaluate("window.benchEdit.checked.at(-1)[1] - window.benchEdit.keys.at(-1)[0]")
    keys: list[list[float]] = page.evaluate("window.benchEdit.keys")
    return [shown - pressed for pressed, shown in keys], last


def _save_move(page: Page, key: str) -> tuple[float, int, int]:
    """Move the selected node by a key. Return the milliseconds until the server has it, bytes sent and received."""
    page.evaluate("window.benchEdit.keys = []")
    saves = ("PATCH", "PUT")
    with page.expect_response(lambda answer: answer.request.method in saves, timeout=20_000) as saving:
        page.keyboard.press(key)
    answer = saving.value
    answer.finished()
    _until(page, 'document.querySelector("[data-saved]").dataset.state === "saved"')
    timing, sizes = answer.request.timing, answer.request.sizes()
    ended = timing["startTime"] + timing["responseEnd"]
    pressed = page.evaluate("performance.timeOrigin + window.benchEdit.keys.at(-1)[0]")
    return (
        ended - pressed,
        sizes["requestHeadersSize"] + sizes["requestBodySize"],
        sizes["responseHeadersSize"] + sizes["responseBodySize"],
    )
