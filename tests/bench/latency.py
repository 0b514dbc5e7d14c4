"""From a node's end to the frame that shows it, while a run of short Python nodes goes on."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.bench import probe, workflows
from tests.bench.figures import milliseconds, share, spread
from tests.bench.stand import Stand

NODES, DEPTH = 1000, 10
SETTLE_SECONDS = 2.0
"""After the page has opened, so that its opening is no part of what is measured."""


def measure(stand: Stand) -> list[dict[str, Any]]:
    """Of each repetition the median and the 95th percentile over its nodes; and how it comes about."""
    totals: list[dict[str, float]] = []
    arrivals: list[dict[str, float]] = []
    paints: list[dict[str, float]] = []
    seconds: list[float] = []
    for number in range(stand.wish.repeat):
        gate = stand.file(f"gate-{number}")
        code = workflows.SLEEPS.format(seconds=workflows.SHORT_SECONDS)
        slug = stand.publish(workflows.gated_chains(NODES, DEPTH, code, str(gate)))
        run = stand.start(slug)
        with stand.visitor(probe.FRAMES) as visitor:
            page = visitor.page
            page.goto(visitor.at(f"/runs/{run}/"))
            visitor.until(probe.drawn())
            time.sleep(SETTLE_SECONDS)
            gate.touch()
            ended = stand.ended(run)
            last = _last(stand, run)
            visitor.until(probe.drawn(last))
            seen = page.evaluate("window.benchSeen")
        found = latencies(seen["messages"], seen["drawn"])
        if len(found) < NODES:
            raise RuntimeError(f"Only {len(found)} of {NODES} ends of nodes were seen in the page.")
        totals.append(spread([row[2] for row in found]))
        arrivals.append(spread([row[0] for row in found]))
        paints.append(spread([row[1] for row in found]))
        seconds.append((milliseconds(ended["finished_at"]) - milliseconds(ended["started_at"])) / 1000)
    whole = f"{NODES:,} Python nodes of {workflows.SHORT_SECONDS * 1000:g} ms"
    return [
        {
            "name": f"latency: {whole}, {word}",
            "unit": "ms",
            "value": share([total[part] for total in totals], 0.5),
            "all": [total[part] for total in totals],
            "to_socket": share([arrival[part] for arrival in arrivals], 0.5),
            "to_frame": share([paint[part] for paint in paints], 0.5),
            "run_seconds": share(seconds, 0.5),
        }
        for part, word in (("median", "median"), ("p95", "95 %"))
    ]


def _last(stand: Stand, run: str) -> int:
    """The number of the run's last event, as the page's HTML says it."""
    with stand.visitor() as visitor:
        visitor.page.goto(visitor.at(f"/runs/{run}/"), wait_until="commit")
        return int(visitor.page.locator("[data-run-view]").get_attribute("data-seq") or 0)


def latencies(messages: list[list[Any]], drawn: list[list[float]]) -> list[tuple[float, float, float]]:
    """Of each node that ended: ms to its message, to the script of the frame that shows it, to that frame's end.

    `messages`: [received, text] as they came; `drawn`: [seq, in the frame, after it].
    """
    found: list[tuple[float, float, float]] = []
    frames = iter(drawn)
    frame = next(frames, None)
    for received, text in messages:
        message = json.loads(text)
        if message["type"] != "events":
            continue
        for event in message["events"]:
            if event["type"] != "node" or event["node"]["state"] != "succeeded":
                continue
            while frame is not None and frame[0] < event["seq"]:
                frame = next(frames, None)
            if frame is None:
                return found
            end = milliseconds(event["node"]["finished_at"])
            found.append((received - end, frame[1] - end, (frame[2] or frame[1]) - end))
    return found
