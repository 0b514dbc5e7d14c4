"""The part `page` of bench: its cases, one after another on one product and one browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from tests.bench import editing, finding, frames, latency, logs, memory, opening
from tests.bench.browser import chromium
from tests.bench.http import Product
from tests.bench.parts import Wish
from tests.bench.stand import Stand

CASES: Final[tuple[tuple[str, Callable[[Stand], list[dict[str, Any]]]], ...]] = (
    ("latency", latency.measure),
    ("open", opening.measure),
    ("frames", frames.measure),
    ("find", finding.measure),
    ("logs", logs.measure),
    ("memory", memory.measure),
    ("editor", editing.measure),
)


def measure(wish: Wish) -> dict[str, Any]:
    """Raises tests.bench.parts.Missing."""
    found: list[dict[str, Any]] = []
    with chromium() as browser:
        product = Product(wish.folder / "page")
        try:
            stand = Stand(wish, product, browser, os.getpid())
            for name, case in CASES:
                if any(text.startswith(name) or name.startswith(text) for text in wish.only) or not wish.only:
                    wish.say(name)
                    found += case(stand)
        finally:
            product.stop()
        return {"cases": found, "browser": browser.version}


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    told = [
        f"Chromium {report['browser']}, Python {machine['python']}, {machine['cores']} cores; medians of "
        f"{report['repeat']}",
        f"{'':52}{'':>10}{'floor':>10}{'ratio':>8}",
    ]
    for case in report["cases"]:
        value = f"{case['value']:,.4g} {case['unit']}"
        floor = f"{case['floor']:>10,.3g}{case['ratio'] or 0:>8.2f}" if "floor" in case else ""
        told.append(f"{case['name']:44}{value:>18}{floor}")
        known = ("name", "unit", "value", "all", "floor", "ratio")
        more = [f"{key.replace('_', ' ')} {_said(value)}" for key, value in case.items() if key not in known]
        if more:
            told.append(f"{'':4}{', '.join(more)}")
    return told


def _said(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
