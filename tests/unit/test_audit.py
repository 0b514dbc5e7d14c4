"""The audit tells three things apart: a hole, none, and that nobody could be asked."""

import runpy
from pathlib import Path

AUDIT = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "audit.py"))
CLEAN = {"name": "a", "version": "1", "vulns": []}
HOLED = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


def test_a_vulnerable_package_is_named_with_the_version_that_fixes_it():
    assert AUDIT["pip"]({"dependencies": [CLEAN, HOLED]}) == (["b 2: PYSEC-1, mended in 3"], "")


def test_packages_that_the_service_skipped_are_reported():
    assert AUDIT["pip"]({"dependencies": [CLEAN]}) == ([], "")
    assert AUDIT["pip"]({"dependencies": [CLEAN, SKIPPED]}) == ([], "PyPI did not know 1 of 2 packages")
    assert AUDIT["pip"]({"dependencies": []})[1]


def test_npm_names_vulnerable_packages_and_those_that_depend_on_them():
    vulnerabilities = {
        "x": {"range": "<2", "severity": "high", "via": [{"title": "ReDoS"}]},
        "y": {"range": "*", "severity": "high", "via": ["x"]},
    }
    assert AUDIT["npm"]({"vulnerabilities": vulnerabilities}) == (["x <2: high, ReDoS", "y *: high, by x"], "")
    assert AUDIT["npm"]({"vulnerabilities": {}}) == ([], "")


def test_an_error_of_npm_is_reported():
    assert AUDIT["npm"]({"message": "405 Method Not Allowed", "error": {"summary": ""}}) == (
        [],
        "405 Method Not Allowed",
    )
