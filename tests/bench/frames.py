"""Frames a second while somebody pans and zooms and states change."""

from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING, Any

from tests.bench import probe, workflows
from tests.bench.figures import case, share
from tests.bench.stand import Stand

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHANGES_A_SECOND = 50
NODE_SECONDS = 0.08
"""Two node processes then end 25 nodes a second, each of which has begun and ended: 50 changes."""
HAND_SECONDS = 20.0
ZOOM_STEPS = 9
"""From 10,000 nodes in view to cards."""
PAN_STEPS = 24
SIZES = (("frames: 1,000 nodes", 1000), ("frames: 10,000 nodes", 10_000))


def measure(stand: Stand) -> list[dict[str, Any]]:
    """While the hand moves; floor: the same hand over an empty page."""
    found = []
    for name, count in SIZES:
        if not stand.wish.wants(name):
            continue
        stand.wish.say(name)
        slug = stand.publish(workflows.layers(count, 3, workflows.SLEEPS.format(seconds=NODE_SECONDS)))
        rates, floors, longest, fewest, changes = [], [], [], [], []
        for _ in range(stand.wish.repeat):
            run = stand.start(slug)
            with stand.visitor(probe.RATE, probe.FRAMES) as visitor:
                page = visitor.page
                page.goto("about:blank")
                floors.append(_rate(_hand(page, HAND_SECONDS / 2)))
                page.goto(visitor.at(f"/runs/{run}/"))
                visitor.until(probe.drawn())
                time.sleep(2)
                page.evaluate("window.benchSeen.messages.length = 0")
                frames = _hand(page, HAND_SECONDS)
                texts = page.evaluate("window.benchSeen.messages.map((message) => message[1])")
            stand.cancel(run)
            rates.append(_rate(frames))
            longest.append(share([after - before for before, after in itertools.pairwise(frames)], 0.95))
            fewest.append(slowest(frames))
            changes.append(sum(text.count('"type":"node"') for text in texts) / HAND_SECONDS)
        found.append(
            case(
                name,
                "a second",
                rates,
                floors,
                slowest_second=share(fewest, 0.5),
                p95_ms=share(longest, 0.5),
                changes_a_second=share(changes, 0.5),
            )
        )
    return found


def _rate(frames: list[float]) -> float:
    return (len(frames) - 1) / (frames[-1] - frames[0]) * 1000 if len(frames) > 1 else 0.0


def slowest(frames: list[float]) -> float:
    """Frames in the second that had the fewest."""
    seconds = [0] * (int((frames[-1] - frames[0]) / 1000) + 1)
    for frame in frames:
        seconds[int((frame - frames[0]) / 1000)] += 1
    # The last one is not whole.
    return min(seconds[:-1], default=0)


def _hand(page: Page, seconds: float) -> list[float]:
    """From all nodes in view down to readable cards and back, again and again, panning on the way; when each frame
    began, in ms."""
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
