from __future__ import annotations

from engine.executors.base import Work
from engine.supervisor.prefetch import STREAK, Forecast


def work(node: str = "n", entry: str = "engine.nodes.python.run", expected: float | None = None) -> Work:
    return Work("c", {}, None, None, None, "", expected, workflow="w", node=node, entry=entry)


def test_unknown_work_is_not_short() -> None:
    assert not Forecast().is_short(work())


def test_what_the_author_or_the_past_expects_decides() -> None:
    assert Forecast().is_short(work(expected=0.01))
    assert not Forecast().is_short(work(expected=1.0))


def test_a_kind_of_node_is_short_after_several_short_attempts_in_a_row() -> None:
    forecast = Forecast()
    for number in range(STREAK):
        assert not forecast.is_short(work("other"))
        forecast.note(work(f"n{number}"), 0.001, False)
    assert forecast.is_short(work("other"))
    forecast.note(work("slow"), 2.0, False)
    assert not forecast.is_short(work("other"))
    assert forecast.is_short(work("n0"))
    assert not forecast.is_short(work("slow"))


def test_a_node_that_prints_is_not_sent_ahead() -> None:
    forecast = Forecast()
    forecast.note(work(), 0.001, True)
    assert not forecast.is_short(work(expected=0.001))


def test_a_doubted_node_is_not_short_until_an_attempt_of_it_was() -> None:
    forecast = Forecast()
    for _ in range(STREAK):
        forecast.note(work(), 0.001, False)
    forecast.doubt(work())
    assert not forecast.is_short(work())
    assert forecast.is_short(work("other"))
    forecast.note(work(), 0.001, False)
    assert forecast.is_short(work())
