"""Statistics. Pure."""

import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return {median, p95, max}."""
    return {"median": statistics.median(values), "p95": quantile(values, 0.95), "max": max(values)}


def case(name: str, unit: str, values: Sequence[float], floors: Sequence[float] = (), **more: Any) -> dict[str, Any]:
    """Return one case: the median of its repetitions, all of them, and its ratio to the floor."""
    made: dict[str, Any] = {"name": name, "unit": unit, "value": statistics.median(values), "all": list(values)}
    if floors:
        made["floor"] = statistics.median(floors)
        made["ratio"] = made["value"] / made["floor"] if made["floor"] else None
    return made | more


def milliseconds(text: str) -> float:
    """Return a time of the API as milliseconds since 1970."""
    return datetime.fromisoformat(text).timestamp() * 1000
