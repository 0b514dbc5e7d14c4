"""The delay from a node's end to the frame that shows it, during a run of short Python nodes."""

import json
import time
from typing import Any

from tests.bench import probe, workflows
from tests.bench.page_bench import PageBench
from tests.bench.stats import milliseconds, quantile, spread

NODES, DEPTH = 1000, 10
SETTLE_SECONDS = 2.0
"""After opening the page, so that opening is not measured."""


def measure(bench: PageBench) -> list[dict[str, Any]]:
    """Return the median and the 95th percentile over the nodes of each repetition, and their parts."""
    totals: list[dict[str, float]] = []
    arrivals: list[dict[str, float]] = []
    paints: list[dict[str, float]] = []
    seconds: list[float] = []
    for number in range(bench.options.repeat):
        gate = bench.file(f"gate-{number}")
        code = workflows.SLEEP.format(seconds=workflows.SHORT_SECONDS)
        slug = bench.publish(workflows.gated_chains(NODES, DEPTH, code, str(gate)))
        run = bench.start(slug)
        with bench.visitor(probe.FRAMES) as visitor:
            page = visitor.page
            page.goto(visitor.at(f"/runs/{run}/"))
            visitor.until(probe.drawn())
            time.sleep(SETTLE_SECONDS)
            gate.touch()
            ended = bench.ended(run)
            last = _last(bench, run)
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
            "value": quantile([total[part] for total in totals], 0.5),
            "all": [total[part] for total in totals],
            "to_socket": quantile([arrival[part] for arrival in arrivals], 0.5),
            "to_frame": quantile([paint[part] for paint in paints], 0.5),
            "run_seconds": quantile(seconds, 0.5),
        }
        for part, word in (("median", "median"), ("p95", "95 %"))
    ]


def _last(bench: PageBench, run: str) -> int:
    """Return the number of the run's last event from the page's HTML."""
    with bench.visitor() as visitor:
        visitor.page.goto(visitor.at(f"/runs/{run}/"), wait_until="commit")
        return int(visitor.page.locator("[data-run-view]").get_attribute("data-seq") or 0)


def latencies(messages: list[list[Any]], drawn: list[list[float]]) -> list[tuple[float, float, float]]:
    """Return for each ended node the ms to its message, to the script of the frame that shows it, and to that frame's
    end.

    `messages`: [received, text]; `drawn`: [seq, in the frame, after it].
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
