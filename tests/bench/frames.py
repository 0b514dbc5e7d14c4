"""Frames per second while somebody pans and zooms and states change."""

from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING, Any

from tests.bench import probe, workflows
from tests.bench.page_bench import PageBench
from tests.bench.stats import case, quantile

if TYPE_CHECKING:
    from playwright.sync_api import Page

NODE_SECONDS = 0.08
"""Two node processes then run 25 nodes per second, each with two changes."""
MOVE_SECONDS = 20.0
ZOOM_STEPS = 9
"""From 10,000 nodes in view to cards."""
PAN_STEPS = 24
SIZES = (("frames: 1,000 nodes", 1000), ("frames: 10,000 nodes", 10_000))


def measure(bench: PageBench) -> list[dict[str, Any]]:
    """Measure frame rates during pans and zooms; the floor is the same on an empty page."""
    found = []
    for name, count in SIZES:
        if not bench.options.includes(name):
            continue
        bench.options.progress(name)
        slug = bench.publish(workflows.layers(count, 3, workflows.SLEEP.format(seconds=NODE_SECONDS)))
        rates, floors, longest, fewest, changes = [], [], [], [], []
        for _ in range(bench.options.repeat):
            run = bench.start(slug)
            with bench.visitor(probe.RATE, probe.FRAMES) as visitor:
                page = visitor.page
                page.goto("about:blank")
                floors.append(_rate(_pan_and_zoom(page, MOVE_SECONDS / 2)))
                page.goto(visitor.at(f"/runs/{run}/"))
                visitor.until(probe.drawn())
                time.sleep(2)
                page.evaluate("window.benchSeen.messages.length = 0")
                frames = _pan_and_zoom(page, MOVE_SECONDS)
                texts = page.evaluate("window.benchSeen.messages.map((message) => message[1])")
            bench.cancel(run)
            rates.append(_rate(frames))
            longest.append(quantile([after - before for before, after in itertools.pairwise(frames)], 0.95))
            fewest.append(slowest(frames))
            changes.append(sum(text.count('"type":"node"') for text in texts) / MOVE_SECONDS)
        found.append(
            case(
                name,
                "a second",
                rates,
                floors,
                slowest_second=quantile(fewest, 0.5),
                p95_ms=quantile(longest, 0.5),
                changes_a_second=quantile(changes, 0.5),
            )
        )
    return found


def _rate(frames: list[float]) -> float:
    return (len(frames) - 1) / (frames[-1] - frames[0]) * 1000 if len(frames) > 1 else 0.0


def slowest(frames: list[float]) -> float:
    """Return the fewest frames of any second."""
    seconds = [0] * (int((frames[-1] - frames[0]) / 1000) + 1)
    for frame in frames:
        seconds[int((frame - frames[0]) / 1000)] += 1
    # The last second is incomplete.
    return min(seconds[:-1], default=0)


def _pan_and_zoom(page: Page, seconds: float) -> list[float]:
    """Zoom from all nodes to readable cards and back, repeatedly, with pans in between. Return the start of each
    frame in ms."""
    found = page.locator(probe.CANVAS)
    box = found.bounding_box() if found.count() else None
    left, top, width, height = (box["x"], box["y"], box["width"], box["height"]) if box else (0, 0, 1000, 500)
    x, y = left + width / 2, top + height / 2
    mouse, keyboard = page.mouse, page.keyboard
    page.evaluate("Object.assign(window.benchRate, { frames: [], on: true })")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for step in range(2 * ZOOM_STEPS):
            mouse.move(x, y)
            keyboard.down("Control")
            mouse.wheel(0, -120 if step < ZOOM_STEPS else 120)
            keyboard.up("Control")
            mouse.down()
            for part in range(PAN_STEPS):
                angle = 2 * math.pi * (part + 1) / PAN_STEPS
                mouse.move(x + width / 8 * math.sin(angle), y + height / 8 * (1 - math.cos(angle)))
            mouse.up()
            if time.monotonic() > end:
                break
    frames: list[float] = page.evaluate("(() => { window.benchRate.on = false; return window.benchRate.frames; })()")
    return frames
