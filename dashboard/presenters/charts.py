"""Small charts: bars of runs, lines of measurements. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from dashboard.presenters.amounts import duration
from dashboard.presenters.states import StateStyle, state_style


def sparkline(values: Sequence[float | None], most: float, *, width: int = 150, height: int = 34) -> str:
    """Return the path of a small chart: `values` oldest first, on a scale from 0 to `most`; None leaves a gap.

    static/src/run/sparkline.ts draws the same.
    """
    step = width / max(1, len(values) - 1)
    path, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        share = min(1.0, max(0.0, value / most)) if most > 0 else 0.0
        path.append(f"{pen}{place * step:.1f} {height - 2 - share * (height - 4):.1f}")
        pen = "L"
    return "".join(path)


@dataclass(frozen=True, slots=True)
class RunBar:
    """One run in a strip: position and size in the strip's own units."""

    x: int
    y: int
    height: int
    style: StateStyle
    run: str
    label: str


def run_bars(runs: Sequence[Mapping[str, Any]], *, height: int = 20, step: int = 7) -> list[RunBar]:
    """Return the bars of runs, given oldest first: height by duration (square root, so that short ones are visible),
    colour by state.

    A run is `{id, state, seconds}`; `seconds` may be None.
    """
    longest = max((run["seconds"] or 0.0 for run in runs), default=0.0)
    bars = []
    for position, run in enumerate(runs):
        share = math.sqrt((run["seconds"] or 0.0) / longest) if longest else 0.5
        tall = max(5, round(height * (0.3 + 0.7 * share)))
        shown = state_style(run["state"])
        label = _("Run {id}: {state}, {duration}").format(
            id=run["id"], state=str(shown.word).lower(), duration=duration(run["seconds"])
        )
        bars.append(RunBar(position * step, height - tall, tall, shown, str(run["id"]), label))
    return bars
