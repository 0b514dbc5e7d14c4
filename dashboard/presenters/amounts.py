"""Format durations, counts, sizes, shares and times past."""

import math
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from engine.diagnosis import wording
from engine.sentences import span


def duration(seconds: float | None) -> str:
    """Format a duration: `0.4 s`, `12 s`, `2 m 55 s`, `3 h 10 m`, `2 d 4 h`; a dash for None."""
    if seconds is None or math.isnan(seconds):
        return "–"
    return span(seconds).translated(_)


def count(number: int | float | None) -> str:
    """Format a whole number with thousands separators."""
    return "–" if number is None else f"{int(number):,}"


def count_to(number: int, most: int) -> str:
    """Format a number that was counted up to `most` only: `10,000+` when it is larger."""
    return count(number) if number <= most else f"{count(most)}+"


def size(number: int | float | None) -> str:
    """Format bytes in binary units: `812 B`, `3.2 KiB`, `184 MiB`."""
    return "–" if number is None else wording.size(number)


def percent(part: float, whole: float) -> str:
    """Format a share: `0.7 %`, `67 %`. A share between 0 and all is never rounded to either."""
    if not whole:
        return "0 %"
    share = 100 * part / whole
    if 0 < share < 10:
        return f"{max(0.1, math.floor(share * 10 + 0.5) / 10):.1f}".removesuffix(".0") + " %"
    return f"{min(99, round(share)) if share < 100 else 100} %"


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0.0, (end - start).total_seconds())


def ago(then: datetime | None, now: datetime) -> str:
    """Format a past time: `just now`, `4 min ago`, `3 h ago`, `5 d ago`; empty for None."""
    if then is None:
        return ""
    seconds = (now - then).total_seconds()
    if seconds < 45:
        return _("just now")
    if seconds < 3600:
        return _("{n} min ago").format(n=max(1, round(seconds / 60)))
    if seconds < 86400:
        return _("{n} h ago").format(n=round(seconds / 3600))
    return _("{n} d ago").format(n=round(seconds / 86400))


def ratio(ratio: float) -> str:
    """Format a ratio: `8.1`, `12`."""
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"


def runs_line(total: int, failed: int, most: int) -> str:
    """Summarize runs: `21 runs, none failed`, `1 run, 1 failed`, `no runs yet`.

    If only the newest `most` were counted: `1,000+ runs, 3+ failed`, without mentioning failures if none of these
    failed.
    """
    if not total:
        return _("no runs yet")
    runs = ngettext("{n} run", "{n} runs", total).format(n=count_to(total, most))
    if not failed:
        return runs if total > most else _("{runs}, none failed").format(runs=runs)
    return _("{runs}, {n} failed").format(runs=runs, n=f"{count(failed)}+" if total > most else count(failed))
