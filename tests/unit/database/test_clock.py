"""What a process knows about the database's clock, whatever happens to its own."""

import pytest

from engine.database.clock import DatabaseClock


class Machine:
    """Two clocks of a machine, and the database's clock as the machine knows it."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1000.0, 50.0
        self.database = DatabaseClock(lambda: self.wall, lambda: self.monotonic)

    def synchronize(self, database: float, seconds: float = 0.002) -> None:
        """The database tells its time; the answer takes `seconds`."""
        self.database.synchronize(database, self.monotonic - seconds, self.monotonic)

    def let_pass(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def test_the_wall_clock_is_used_until_the_databases_time_is_known() -> None:
    machine = Machine()
    assert (machine.database.ahead(), machine.database.now()) == (0.0, 1000.0)


@pytest.mark.parametrize(
    ("database", "ahead"), [(1000.0, 0.0), (999.7, 0.0), (990.0, 9.9), (4600.0, -3600.1), (999.2, 0.7), (1000.9, -1.0)]
)
def test_a_difference_within_the_duration_of_the_answer_is_ignored(database: float, ahead: float) -> None:
    machine = Machine()
    machine.synchronize(database, 0.2)
    assert machine.database.ahead() == pytest.approx(ahead)


@pytest.mark.parametrize("step", [30.0, -30.0, 3600.0, -3600.0])
def test_setting_the_wall_clock_moves_nothing(step: float) -> None:
    machine = Machine()
    machine.synchronize(1000.0)
    machine.let_pass(2.0)
    machine.wall += step
    assert machine.database.ahead() == pytest.approx(step, abs=0.01)
    assert machine.database.now() == pytest.approx(1002.0, abs=0.01)


def test_a_change_of_the_databases_clock_is_followed() -> None:
    machine = Machine()
    machine.synchronize(1000.0)
    machine.synchronize(4600.0)
    assert machine.database.now() == pytest.approx(4600.0, abs=0.01)


def test_a_slow_answer_does_not_replace_a_quick_one() -> None:
    machine = Machine()
    machine.synchronize(970.0)
    before = machine.database.now()
    machine.synchronize(969.8, 1.0)
    assert machine.database.now() == before
