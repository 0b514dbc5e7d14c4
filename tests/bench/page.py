"""`bench page`: its cases, one after another, in one product and one browser."""

import os
from collections.abc import Callable
from typing import Any, Final

from tests.bench import editor, find, frames, latency, logs, memory, opening
from tests.bench.browser import chromium
from tests.bench.http import Product
from tests.bench.page_bench import PageBench
from tests.bench.parts import Options

CASES: Final[tuple[tuple[str, Callable[[PageBench], list[dict[str, Any]]]], ...]] = (
    ("latency", latency.measure),
    ("open", opening.measure),
    ("frames", frames.measure),
    ("find", find.measure),
    ("logs", logs.measure),
    ("memory", memory.measure),
    ("editor", editor.measure),
)


def measure(options: Options) -> dict[str, Any]:
    """Return the report. Raises tests.bench.parts.Missing."""
    found: list[dict[str, Any]] = []
    with chromium() as browser:
        product = Product(options.folder / "page")
        try:
            bench = PageBench(options, product, browser, os.getpid())
            for name, case in CASES:
                if any(text.startswith(name) or name.startswith(text) for text in options.only) or not options.only:
                    options.progress(name)
                    found += case(bench)
        finally:
            product.stop()
        return {"cases": found, "browser": browser.version}


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    text = [
        f"Chromium {report['browser']}, Python {machine['python']}, {machine['cores']} cores; medians of "
        f"{report['repeat']}",
        f"{'':52}{'':>10}{'floor':>10}{'ratio':>8}",
    ]
    for case in report["cases"]:
        value = f"{case['value']:,.4g} {case['unit']}"
        floor = f"{case['floor']:>10,.3g}{case['ratio'] or 0:>8.2f}" if "floor" in case else ""
        text.append(f"{case['name']:44}{value:>18}{floor}")
        known = ("name", "unit", "value", "all", "floor", "ratio")
        more = [f"{key.replace('_', ' ')} {_format(value)}" for key, value in case.items() if key not in known]
        if more:
            text.append(f"{'':4}{', '.join(more)}")
    return text


def _format(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
