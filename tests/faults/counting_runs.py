"""Runs whose nodes print numbers, so that repeated and missing lines are found."""

import json
from collections import defaultdict
from collections.abc import Iterable

from tests.faults.checks import hold
from tests.faults.rig import Rig, document, python
from tests.faults.rows import table

SLUG = "count"
LINES = 40
NODES = 3
CODE = f"""
import time

def main(inputs, ctx):
    for number in range({LINES}):
        print(number)
        time.sleep(0.005)
"""


class CountingRuns:
    """Starts such runs, over HTTP or without a web process."""

    def __init__(self, rig: Rig, *, http: bool) -> None:
        self.rig, self.http = rig, http
        self.document = document([python(f"n{i}", CODE, lost_retries=20) for i in range(NODES)])
        if http:
            rig.publish(SLUG, self.document)

    def start(self) -> str:
        return self.rig.launch(SLUG) if self.http else self.rig.run(self.document, SLUG)

    def check(self) -> None:
        """Each line of an attempt is stored once, in order. An attempt that did not succeed may lack its last lines."""
        printed: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        with self.rig.database() as db:
            batches = table(
                db,
                "SELECT l.run_id, l.node, l.attempt, l.body FROM engine_logbatch l "
                f"JOIN engine_run r ON r.id = l.run_id WHERE r.workflow = '{SLUG}' ORDER BY l.run_id, l.first_seq",
            )
            attempts = table(
                db,
                "SELECT a.run_id, a.node, a.number, a.state FROM engine_attempt a "
                f"JOIN engine_run r ON r.id = a.run_id WHERE r.workflow = '{SLUG}'",
            )
        for batch in batches:
            key = str(batch["run_id"]), batch["node"], batch["attempt"]
            printed[key] += [int(message) for _, _, message in json.loads(batch["body"]) if message.isdigit()]

        def problems() -> Iterable[str]:
            for one in attempts:
                lines = printed[str(one["run_id"]), one["node"], one["number"]]
                expected = list(range(LINES if one["state"] == "succeeded" else len(lines)))
                if lines != expected:
                    yield f"node {one['node']} of run {one['run_id']} counted to {LINES}, stored is {lines}"

        hold("I10", problems())
