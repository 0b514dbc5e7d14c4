"""Durations as sentences. Pure."""

from __future__ import annotations

import math

from engine.sentences import Sentence, gettext_noop

_MS = gettext_noop("{ms} ms")
_S = gettext_noop("{s} s")
_M = gettext_noop("{m} m")
_MS_ = gettext_noop("{m} m {s} s")
_H = gettext_noop("{h} h")
_HM = gettext_noop("{h} h {m} m")
_D = gettext_noop("{d} d")
_DH = gettext_noop("{d} d {h} h")


def span(seconds: float) -> Sentence:
    """Return a duration: `0.4 s`, `12 s`, `2 m 55 s`, `3 h 10 m`, `2 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        if 0 < seconds < 0.05:
            return Sentence(_MS, {"ms": max(1, math.floor(seconds * 1000 + 0.5))})
        return Sentence(_S, {"s": f"{math.floor(seconds * 10 + 0.5) / 10:.1f}".removesuffix(".0")})
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return Sentence(_S, {"s": whole})
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return Sentence(_MS_, {"m": minutes, "s": rest}) if rest else Sentence(_M, {"m": minutes})
    hours, rest = divmod(whole // 60, 60)
    if hours < 24:
        return Sentence(_HM, {"h": hours, "m": rest}) if rest else Sentence(_H, {"h": hours})
    days, rest = divmod(hours, 24)
    return Sentence(_DH, {"d": days, "h": rest}) if rest else Sentence(_D, {"d": days})
