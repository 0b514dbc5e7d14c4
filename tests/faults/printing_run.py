"""Nodes that print lines on request while they run."""

from itertools import pairwise
from pathlib import Path

from tests.faults.rig import Rig, document, python
from tests.support.wait import wait_until

NODE_LINES = 40_000
"""Lines of one node: fewer than the number up to which all are stored."""
CODE = """
import time

def main(inputs, ctx):
    printed = {printed}
    while printed < {most}:
        requested = open({requested!r}).read()
        if requested == "over":
            return
        while printed < min(int(requested), {most}):
            printed += 1
            print(printed, {text!r})
        time.sleep(0.002)
"""


class PrintingRun:
    """A run of such nodes in sequence, on a rig with a web process. They print `most` lines at most."""

    def __init__(self, rig: Rig, characters: int, slug: str = "talk", most: int = NODE_LINES) -> None:
        self.rig = rig
        self.lines, self.most = 0, most
        self._requested = rig.folder / slug
        self._request("0")
        nodes = [
            python(
                f"n{first}",
                CODE.format(
                    requested=str(self._requested), printed=first, most=first + NODE_LINES, text="x" * characters
                ),
            )
            for first in range(0, most, NODE_LINES)
        ]
        rig.publish(slug, document(nodes, *(f"{one['id']}>{other['id']}" for one, other in pairwise(nodes))))
        self.run = rig.launch(slug)

    def _request(self, text: str) -> None:
        # Replaced at once, so that the node never reads a part of it.
        new = Path(f"{self._requested}.new")
        new.write_text(text)
        new.rename(self._requested)

    def print_lines(self, lines: int) -> None:
        """Print so many more lines."""
        self.lines += lines
        assert self.lines <= self.most
        self._request(str(self.lines))

    def end(self) -> None:
        self._request("over")

    def stored(self, seconds: float = 30) -> None:
        """Wait until all lines are in the database."""
        wait_until(lambda: self._stored() == self.lines, seconds)

    def _stored(self) -> int:
        with self.rig.database() as db:
            found = db.execute(
                f"SELECT SUM(last_seq - first_seq + 1) FROM engine_logbatch WHERE run_id = {int(self.run)}"
            ).fetchone()
        return int(found[0] or 0)
