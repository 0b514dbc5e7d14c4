"""What a process knows of the database's clock, whatever happens to its own."""

from __future__ import annotations

import pytest

from engine.database.clock import DatabaseClock


class Machine:
    """Its two clocks."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1000.0, 50.0
        self.database = DatabaseClock(lambda: self.wall, lambda: self.monotonic)

    def hears(self, database: float, way: float = 0.002) -> None:
        self.database.heard(database, self.monotonic - way, self.monotonic)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def test_before_anything_was_heard_it_is_the_own_clock() -> None:
    machine = Machine()
    assert (machine.database.ahead(), machine.database.now()) == (0.0, 1000.0)


@pytest.mark.parametrize(
    ("database", "ahead"), [(1000.0, 0.0), (999.7, 0.0), (990.0, 9.9), (4600.0, -3600.1), (999.2, 0.7), (1000.9, -1.0)]
)
def test_clocks_are_told_apart_beyond_what_the_way_may_take(database: float, ahead: float) -> None:
    machine = Machine()
    machine.hears(database, way=0.2)
    assert machine.database.ahead() == pytest.approx(ahead)


@pytest.mark.parametrize("step", [30.0, -30.0, 3600.0, -3600.0])
def test_whoever_sets_the_own_clock_moves_nothing(step: float) -> None:
    machine = Machine()
    machine.hears(1000.0)
    machine.pass_(2.0)
    machine.wall += step
    assert machine.database.ahead() == pytest.approx(step, abs=0.01)
    assert machine.database.now() == pytest.approx(1002.0, abs=0.01)


def test_a_database_whose_clock_was_set_is_followed() -> None:
    machine = Machine()
    machine.hears(1000.0)
    machine.hears(4600.0)
    assert machine.database.now() == pytest.approx(4600.0, abs=0.01)


def test_a_slow_answer_does_not_move_what_a_quick_one_said() -> None:
    machine = Machine()
    machine.hears(970.0)
    before = machine.database.now()
    machine.hears(969.8, way=1.0)
    assert machine.database.now() == before
