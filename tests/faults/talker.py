"""Nodes that print lines on request while they run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from tests.faults.rig import Rig, document, python
from tests.support.wait import wait_until

KEPT = 40_000
"""Lines of one node: fewer than the number up to which all are stored."""
CODE = """
import time

def main(inputs, ctx):
    said = {said}
    while said < {most}:
        asked = open({asked!r}).read()
        if asked == "over":
            return
        while said < min(int(asked), {most}):
            said += 1
            print(said, {text!r})
        time.sleep(0.002)
"""


class Talker:
    """A run of such nodes in sequence, on a rig with a web process. They print `most` lines at most."""

    def __init__(self, rig: Rig, characters: int, slug: str = "talk", most: int = KEPT) -> None:
        self.rig = rig
        self.lines, self.most = 0, most
        self._asked = rig.folder / slug
        self._ask("0")
        nodes = [
            python(f"n{said}", CODE.format(asked=str(self._asked), said=said, most=said + KEPT, text="x" * characters))
            for said in range(0, most, KEPT)
        ]
        rig.publish(slug, document(nodes, *(f"{one['id']}>{other['id']}" for one, other in pairwise(nodes))))
        self.run = rig.launch(slug)

    def _ask(self, text: str) -> None:
        # Replaced at once, so that the node never reads a part of it.
        new = Path(f"{self._asked}.new")
        new.write_text(text)
        new.rename(self._asked)

    def say(self, lines: int) -> None:
        """Print so many more lines."""
        self.lines += lines
        assert self.lines <= self.most
        self._ask(str(self.lines))

    def end(self) -> None:
        self._ask("over")

    def stored(self, seconds: float = 30) -> None:
        """Wait until all lines are in the database."""
        wait_until(lambda: self._stored() == self.lines, seconds)

    def _stored(self) -> int:
        with self.rig.database() as db:
            found = db.execute(
                f"SELECT SUM(last_seq - first_seq + 1) FROM engine_logbatch WHERE run_id = {int(self.run)}"
            ).fetchone()
        return int(found[0] or 0)
