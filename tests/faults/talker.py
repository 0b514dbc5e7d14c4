"""A node that prints as many lines as it is asked for, while it runs."""

from __future__ import annotations

from pathlib import Path

from tests.faults.rig import Rig, document, python
from tests.support.wait import wait_until

CODE = """
import os, time

def main(inputs, ctx):
    said = 0
    while True:
        asked = open({asked!r}).read()
        if asked == "over":
            return said
        while said < int(asked):
            said += 1
            print(said, {text!r})
        time.sleep(0.002)
"""


class Talker:
    """A run of one such node, on a rig that serves."""

    def __init__(self, rig: Rig, characters: int, slug: str = "talk") -> None:
        self.rig = rig
        self.lines = 0
        self._asked = rig.folder / slug
        self._ask("0")
        rig.publish(slug, document([python("n", CODE.format(asked=str(self._asked), text="x" * characters))]))
        self.run = rig.launch(slug)

    def _ask(self, text: str) -> None:
        # Whole at any moment for who reads it.
        new = Path(f"{self._asked}.new")
        new.write_text(text)
        new.rename(self._asked)

    def say(self, lines: int) -> None:
        """So many more."""
        self.lines += lines
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
