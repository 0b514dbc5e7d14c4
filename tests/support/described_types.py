"""Descriptions of node types that the front end's tests read, compared with the registry's current ones."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("static/src/document/testing")
"""Where the front end's tests have them."""


def compare(name: str, types: list[dict[str, Any]], *, indent: int) -> None:
    """Fail unless the file `name` describes these types. The current description is then in build/, ready to copy."""
    described = json.dumps(types, indent=indent, ensure_ascii=False) + "\n"
    expected = FOLDER / name
    if (ROOT / expected).read_text(encoding="utf-8") != described:
        current = Path("build/node-types") / name
        (ROOT / current).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / current).write_text(described, encoding="utf-8")
        pytest.fail(f"{expected} is out of date. Review the difference, then: cp {current} {expected}")
