"""Quiet: nothing written, no progress, no CPU and no I/O for thirty seconds."""

from __future__ import annotations

from engine.supervisor.quiet import QuietDetector


def quiet_at(
    quiet: QuietDetector, end: int, *, did: dict[int, float] | None = None, cpu: float = 0.0, moved: int | None = 0
) -> list[int]:
    """Seconds at which it has become quiet; `cpu` seconds are used in each second."""
    told, did_at = [], 0.0
    for now in range(1, end):
        did_at = (did or {}).get(now, did_at)
        if quiet.sample(float(now), did_at, cpu * now, moved):
            told.append(now)
    return told


def test_it_is_told_once() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200) == [30]


def test_a_line_or_progress_begins_anew() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200, did={20: 19.5, 100: 99.5}) == [50, 130]


def test_work_is_not_quiet_and_a_loop_that_only_looks_is() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200, cpu=0.05) == []
    assert quiet_at(QuietDetector(0.0, 0.0), 200, moved=5) == []
    assert quiet_at(QuietDetector(0.0, 0.0), 100, cpu=0.002) == [30]


def test_what_is_not_determined_counts_as_nothing() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 100, moved=None) == [30]


def test_time_that_ended_children_take_with_them_is_no_work() -> None:
    quiet = QuietDetector(0.0, 10.0)
    assert not quiet.sample(1.0, 0.0, 2.0, 0)
    assert not quiet.sample(2.0, 0.0, 2.1, 0)
    assert quiet.sample(31.0, 0.0, 2.1, 0)
