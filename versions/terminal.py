"""A run in the terminal: events are folded into a view, and the view is printed or drawn."""

import sys
import time
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from engine.states import NODE_TERMINAL

MARKS: Final = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "timed_out": ("✗", "red"),
    "upstream_failed": ("–", "yellow"),
    "cancelled": ("–", "yellow"),
    "skipped": ("–", "bright_black"),
    "retrying": ("↻", "yellow"),
}
LEVEL_STYLES: Final = {"debug": "bright_black", "warning": "yellow", "error": "red"}
RUNNING_SHOWN: Final = 8


def readable(text: str) -> str:
    """Replace control and direction characters, which a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\t" or unicodedata.category(character) == "Zs" else "�"
        for character in text
    )


def seconds_text(seconds: float) -> str:
    """Format a duration: 0.4 s, 2 m 55 s, 3 h 10 m."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} m {int(seconds % 60)} s"
    return f"{minutes // 60} h {minutes % 60} m"


@dataclass
class View:
    """The state of a run, from its first snapshot and every event since."""

    run: dict[str, Any]
    nodes: dict[str, dict[str, Any]]
    """Node runs by id, in document order."""
    running_since: dict[str, float] = field(default_factory=dict)
    """Monotonic time at which this view saw the start."""

    @property
    def done(self) -> int:
        return sum(node["state"] in NODE_TERMINAL for node in self.nodes.values())

    def apply(self, event: Mapping[str, Any]) -> None:
        """Apply one event of the live protocol."""
        if event["type"] == "run":
            self.run = event["run"]
        elif event["type"] == "node":
            node = event["node"]
            self.nodes[node["node"]] = node
            if node["state"] == "running":
                self.running_since.setdefault(node["node"], time.monotonic())
            else:
                self.running_since.pop(node["node"], None)
        elif event["type"] == "progress":
            self.nodes[event["node"]]["progress"] = {"fraction": event["fraction"], "message": event["message"]}

    def seconds(self) -> float:
        """Return how long the run took; 0 until it has ended."""
        return _between(self.run["started_at"], self.run["finished_at"])


def _between(started: str | None, finished: str | None) -> float:
    if not started or not finished:
        return 0.0
    return max(0.0, (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds())


class Screen(ABC):
    """Where the view is shown."""

    def __init__(self, view: View) -> None:
        self.view = view

    def open(self) -> None:  # noqa: B027 - a plain screen has nothing to set up
        """Begin to show."""

    def close(self) -> None:  # noqa: B027
        """Restore the terminal."""

    def show(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Apply events to the view and show those that deserve a line."""
        for event in events:
            before = self.view.nodes.get(event["node"]["node"]) if event["type"] == "node" else None
            self.view.apply(event)
            if event["type"] == "log":
                self.line(event["line"])
            elif event["type"] == "node" and (before is None or before["state"] != event["node"]["state"]):
                self.changed(event["node"])
        self.refresh()

    @abstractmethod
    def line(self, line: Mapping[str, Any]) -> None:
        """Show a log line of a node."""

    @abstractmethod
    def changed(self, node: Mapping[str, Any]) -> None:
        """Show that a node changed its state."""

    def refresh(self) -> None:  # noqa: B027
        """Called a few times a second."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Show a message of the command."""

    def summary(self) -> None:
        """Show how the run ended, with the error of each failed node."""
        run = self.view.run
        for node in self.view.nodes.values():
            if node["error"]:
                for text in error_lines(node):
                    self.say(text)
        took = f" in {seconds_text(self.view.seconds())}" if run["started_at"] else ""
        reason = f" ({run['reason']})" if run.get("reason") else ""
        self.say(f"Run {run['id']} of {readable(run['workflow'])} {_word(run['state'])}{took}{reason}.")


def error_lines(node: Mapping[str, Any]) -> list[str]:
    """Format a node's error: class, message and place, then the end of its traceback."""
    error = node["error"]
    place = f", line {error['line']}" if error.get("line") else ""
    lines = [f"{node['node']} {_word(node['state'])}: {error['class']}{place}: {readable(str(error['message']))}"]
    trace = str(error.get("traceback") or "").rstrip().splitlines()
    lines += ["    " + readable(line) for line in trace[-12:]]
    return lines


def _word(state: str) -> str:
    return state.replace("_", " ")


class PlainScreen(Screen):
    """Prints lines, for files and pipes."""

    def __init__(self, view: View, out: TextIO) -> None:
        super().__init__(view)
        self._out = out

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def line(self, line: Mapping[str, Any]) -> None:
        level = "" if line["level"] == "info" else f" {line['level']}"
        self.say(f"{line['at'][11:23]} {line['node']}{level} | {readable(line['message'])}")

    def changed(self, node: Mapping[str, Any]) -> None:
        if node["state"] in ("ready", "pending"):
            return
        at = str(node["finished_at"] or node["started_at"] or "")[11:23]
        took = _between(node["started_at"], node["finished_at"])
        after = (
            f" after {seconds_text(took)}" if node["state"] in NODE_TERMINAL and node["finished_at"] and took else ""
        )
        self.say(f"{at} {node['node']} {_word(node['state'])}{after}".strip())


class LiveScreen(Screen):
    """Shows what is running in a footer, with lines scrolling above it."""

    def __init__(self, view: View, out: TextIO) -> None:
        super().__init__(view)
        self._console = Console(file=out, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._spinners: dict[str, Spinner] = {}

    def open(self) -> None:
        self._live.start()

    def close(self) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(Text(text))

    def line(self, line: Mapping[str, Any]) -> None:
        text = Text(f"{line['at'][11:19]} ", style="bright_black")
        text.append(f"{line['node']} ", style="cyan")
        text.append(readable(line["message"]), style=LEVEL_STYLES.get(line["level"], "default"))
        self._console.print(text)

    def changed(self, node: Mapping[str, Any]) -> None:
        if node["state"] not in MARKS:
            return
        mark, style = MARKS[node["state"]]
        text = Text(f"{mark} ", style=style)
        text.append(readable(node["name"]))
        took = _between(node["started_at"], node["finished_at"])
        detail = seconds_text(took) if node["state"] == "succeeded" else _word(node["state"])
        text.append(f"  {detail}", style="bright_black" if node["state"] == "succeeded" else style)
        self._console.print(text)

    def refresh(self) -> None:
        self._live.update(self._foot(), refresh=True)

    def _foot(self) -> Group:
        view = self.view
        running = [node for node in view.nodes.values() if node["state"] == "running"]
        table = Table.grid(padding=(0, 1))
        for node in running[:RUNNING_SHOWN]:
            spinner = self._spinners.setdefault(node["node"], Spinner("dots", style="cyan"))
            since = time.monotonic() - view.running_since.get(node["node"], time.monotonic())
            progress = node["progress"] or {}
            fraction = progress.get("fraction")
            table.add_row(
                spinner,
                Text(readable(node["name"])),
                Text(seconds_text(since), style="bright_black"),
                Text("" if fraction is None else f"{fraction:.0%}"),
                Text(readable(progress.get("message") or "")[:60], style="bright_black"),
            )
        if len(running) > RUNNING_SHOWN:
            table.add_row("", Text(f"and {len(running) - RUNNING_SHOWN} more", style="bright_black"))
        total = len(view.nodes)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(1, total), completed=view.done, width=30),
            Text(f"{view.done:,} of {total:,} nodes"),
            Text(f"run {view.run['id']} {_word(view.run['state'])}", style="bright_black"),
        )
        return Group(table, bar)


def screen_for(view: View, out: TextIO | None = None) -> Screen:
    """Return a live screen for a terminal, a plain one otherwise."""
    out = out or sys.stdout
    return LiveScreen(view, out) if out.isatty() else PlainScreen(view, out)
