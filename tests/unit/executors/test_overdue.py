"""Which work a host takes without a message."""

from engine.executors.wire import SHORT_WORKS_MAX
from engine.host.overdue import OVERDUE_SECONDS, OverdueWork, choose


def works(short: bool, number: int, age: float = 0.1) -> list[OverdueWork]:
    return [OverdueWork(f"{short}{index}", short, age) for index in range(number)]


def test_short_work_is_taken_ahead_of_a_free_process_and_no_more_than_a_message_has() -> None:
    assert len(choose(works(True, 100), capacity=2, claims=10)) == SHORT_WORKS_MAX


def test_long_work_is_left_to_hosts_with_a_free_process() -> None:
    assert len(choose(works(False, 10), capacity=2, claims=1)) == 1
    assert choose(works(False, 10), capacity=2, claims=2) == []


def test_long_work_that_no_host_has_taken_for_long_is_taken_by_a_full_one_too() -> None:
    assert len(choose(works(False, 10, OVERDUE_SECONDS + 1), capacity=2, claims=2)) == 2


def test_the_oldest_work_comes_first() -> None:
    found = [*works(False, 1), *works(True, 2)]
    assert choose(found, capacity=2, claims=0) == ["False0", "True0", "True1"]
