"""What fault tests share over a session."""

from __future__ import annotations

from tests.faults import rig


def pytest_sessionfinish() -> None:
    rig.forget_templates()
