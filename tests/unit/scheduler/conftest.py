from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.simulation import Simulation


@pytest.fixture
def simulate(tmp_path: Path) -> Callable[..., Simulation]:
    """Makes a simulation; keyword arguments are its own."""

    def make(**given: Any) -> Simulation:
        return Simulation(tmp_path, **given)

    return make
