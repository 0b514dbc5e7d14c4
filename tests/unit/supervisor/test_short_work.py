"""Which work is expected to be short."""

from engine.executors.base import Work
from engine.supervisor.short_work import STREAK, ShortWork


def work(node: str = "n", entry: str = "engine.nodes.python.run", expected: float | None = None) -> Work:
    return Work("c", {}, None, None, None, "", expected, workflow="w", node=node, entry=entry)


def test_unknown_work_is_not_short() -> None:
    assert not ShortWork().is_short(work())


def test_the_expected_duration_decides_before_the_first_attempt() -> None:
    assert ShortWork().is_short(work(expected=0.01))
    assert not ShortWork().is_short(work(expected=1.0))


def test_a_node_type_is_short_after_several_short_attempts_in_a_row() -> None:
    short_work = ShortWork()
    for number in range(STREAK):
        assert not short_work.is_short(work("other"))
        short_work.record(work(f"n{number}"), 0.001, False)
    assert short_work.is_short(work("other"))
    short_work.record(work("slow"), 2.0, False)
    assert not short_work.is_short(work("other"))
    assert short_work.is_short(work("n0"))
    assert not short_work.is_short(work("slow"))


def test_a_node_that_prints_is_not_short() -> None:
    short_work = ShortWork()
    short_work.record(work(), 0.001, True)
    assert not short_work.is_short(work(expected=0.001))


def test_a_node_marked_long_is_not_short_until_an_attempt_of_it_was() -> None:
    short_work = ShortWork()
    for _ in range(STREAK):
        short_work.record(work(), 0.001, False)
    short_work.mark_long(work())
    assert not short_work.is_short(work())
    assert short_work.is_short(work("other"))
    short_work.record(work(), 0.001, False)
    assert short_work.is_short(work())
