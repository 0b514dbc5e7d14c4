"""The editor: how soon it opens, how it moves, how soon it answers a key, and what a moved node costs."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.bench import probe, workflows
from tests.bench.figures import case, share
from tests.bench.stand import Stand

if TYPE_CHECKING:
    from playwright.sync_api import Page

CANVAS = "[data-edit-canvas]"
CODE = "def main(inputs, ctx):\n    return 1\n"
HAND_SECONDS = 5.0
TURN_STEPS = 48
KEYS = 60
KEY_SECONDS = 0.06
"""A quick hand: a thousand letters a minute."""
SMALL, LARGE = 1000, 10_000

SEEN = """
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


def measure(stand: Stand) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    wants = stand.wish.wants
    small = [name for name in ("open", "drag", "undo", "problems", "key") if wants(_small(name))]
    large = [name for name in ("open", "pan", "save") if wants(_large(name))]
    if small:
        found += _of_small(stand, stand.publish(workflows.layers(SMALL, 3, CODE)))
    if large:
        found += _of_large(stand, stand.publish(workflows.layers(LARGE, 5)))
    return [case for case in found if wants(case["name"])]


def _small(name: str) -> str:
    return f"editor: {name}, 1,000 nodes"


def _large(name: str) -> str:
    return f"editor: {name}, 10,000 nodes, 50,000 edges"


def _of_small(stand: Stand, slug: str) -> list[dict[str, Any]]:
    opens, drags, floors, longest, undos, problems, keys = [], [], [], [], [], [], []
    for turn in range(stand.wish.repeat):
        with _editor(stand, slug) as page:
            stand.wish.say(_small("open"))
            opens.append(page.evaluate("window.benchEdit.opened") / 1000)
            _until(page, "window.benchEdit.checked.length > 0")
            node = f"n{501 + turn}"
            _find(page, node)
            stand.wish.say(_small("drag"))
            frames = _hand(page, f'[data-card="{node}"]')
            drags.append(_rate(frames))
            longest.append(share([b - a for a, b in itertools.pairwise(frames)], 0.95))
            _quiet(page)
            stand.wish.say(_small("undo"))
            undos += [_undo(page) for _ in range(2)]
            stand.wish.say(_small("key"))
            took, late = _typed(page, node)
            keys.append(took)
            problems.append(late)
            _quiet(page)
            page.goto("about:blank")
            floors.append(_rate(_hand(page, "body")))
    return [
        case(_small("open"), "s", opens),
        case(_small("drag"), "frames a second", drags, floors, p95_ms=share(longest, 0.5)),
        case(_small("undo"), "ms", undos),
        case(_small("problems"), "ms after the last key", problems),
        case(_small("key"), "ms to paint, p95", [share(took, 0.95) for took in keys], median_ms=share(keys[0], 0.5)),
    ]


def _of_large(stand: Stand, slug: str) -> list[dict[str, Any]]:
    opens, pans, longest, saves, sent, received = [], [], [], [], [], []
    for turn in range(stand.wish.repeat):
        with _editor(stand, slug) as page:
            stand.wish.say(_large("open"))
            opens.append(page.evaluate("window.benchEdit.opened") / 1000)
            time.sleep(2)
            stand.wish.say(_large("pan"))
            frames = _hand(page, CANVAS, corner=True)
            pans.append(_rate(frames))
            longest.append(share([b - a for a, b in itertools.pairwise(frames)], 0.95))
            stand.wish.say(_large("save"))
            _find(page, f"n{5001 + turn}")
            for key in ("Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowRight"):
                _quiet(page)
                took, up, down = _saved(page, key)
                saves.append(took)
                sent.append(up)
                received.append(down)
    return [
        case(_large("open"), "s", opens),
        case(_large("pan"), "frames a second", pans, p95_ms=share(longest, 0.5)),
        case(_large("save"), "ms from key to saved", saves, bytes_sent=max(sent), bytes_received=max(received)),
    ]


@contextmanager
def _editor(stand: Stand, slug: str) -> Iterator[Page]:
    """The editor in a browser of its own, drawn."""
    with stand.visitor(probe.RATE, SEEN) as visitor:
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


def _quiet(page: Page) -> None:
    """Everything is saved and checked."""
    _until(page, 'document.querySelector("[data-saved]").dataset.state === "saved"')
    editor, canvas = 'document.querySelector("[data-editor]")', f'document.querySelector("{CANVAS}")'
    _until(page, f"{editor}.dataset.checked === {canvas}.dataset.drawn")
    time.sleep(0.5)


def _find(page: Page, node: str) -> None:
    """Chooses a node and has it in view, as people do it among so many."""
    page.locator(CANVAS).get_by_role("button", name="Find a node").click()
    page.keyboard.type(node)
    page.locator(".cvsearch [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.locator(f'[data-card="{node}"]').wait_for()
    time.sleep(0.5)


def _rate(frames: list[float]) -> float:
    return (len(frames) - 1) / (frames[-1] - frames[0]) * 1000 if len(frames) > 1 else 0.0


def _hand(page: Page, place: str, *, corner: bool = False) -> list[float]:
    """Takes what is at `place` and leads it in circles; when each frame began, in ms."""
    box = page.locator(place).first.bounding_box() or {"x": 0, "y": 0, "width": 900, "height": 500}
    x = box["x"] + (30 if corner else min(20, box["width"] / 2))
    y = box["y"] + (30 if corner else box["height"] / 2)
    mouse = page.mouse
    mouse.move(x, y)
    mouse.down()
    page.evaluate("Object.assign(window.benchRate ?? (window.benchRate = {}), { frames: [], on: true })")
    end = time.monotonic() + HAND_SECONDS
    while time.monotonic() < end:
        for step in range(TURN_STEPS):
            angle = 2 * math.pi * (step + 1) / TURN_STEPS
            mouse.move(x + 90 * math.sin(angle), y + 90 * (1 - math.cos(angle)))
    frames: list[float] = page.evaluate("(() => { window.benchRate.on = false; return window.benchRate.frames; })()")
    # Elsewhere than it was taken, so that it was moved.
    mouse.move(x + 60, y + 40)
    mouse.up()
    return frames


def _undo(page: Page) -> float:
    """Milliseconds from Ctrl Z to the end of the frame that shows the document before; done again afterwards."""
    page.evaluate("Object.assign(window.benchEdit, { drawn: [], keys: [] })")
    page.keyboard.press("Control+z")
    _until(page, "window.benchEdit.drawn.length > 0")
    took: float = page.evaluate("window.benchEdit.drawn[0][1] - window.benchEdit.keys.at(-1)[0]")
    _quiet(page)
    page.keyboard.press("Control+Shift+z")
    _quiet(page)
    return took


def _typed(page: Page, node: str) -> tuple[list[float], float]:
    """Types into a node's code: milliseconds to paint of each key, and from the last one to its problems."""
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


def _saved(page: Page, key: str) -> tuple[float, int, int]:
    """Moves the chosen node by a key: milliseconds until the server has it, bytes sent and received."""
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
