"""Quiet: no output, no progress, no CPU time and no I/O for thirty seconds."""

from engine.supervisor.quiet import QuietDetector


def quiet_at(
    quiet: QuietDetector, end: int, *, did: dict[int, float] | None = None, cpu: float = 0.0, moved: int | None = 0
) -> list[int]:
    """Return the seconds at which it became quiet. `did`: second -> when it was active; `cpu`: used in each second."""
    found, active_at = [], 0.0
    for now in range(1, end):
        active_at = (did or {}).get(now, active_at)
        if quiet.sample(float(now), active_at, cpu * now, moved):
            found.append(now)
    return found


def test_it_is_reported_once() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200) == [30]


def test_after_a_line_or_progress_it_is_reported_again() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200, did={20: 19.5, 100: 99.5}) == [50, 130]


def test_work_is_not_quiet_but_a_polling_loop_is() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200, cpu=0.05) == []
    assert quiet_at(QuietDetector(0.0, 0.0), 200, moved=5) == []
    assert quiet_at(QuietDetector(0.0, 0.0), 100, cpu=0.002) == [30]


def test_io_that_is_not_determined_counts_as_none() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 100, moved=None) == [30]


def test_cpu_time_lost_with_ended_children_is_not_work() -> None:
    quiet = QuietDetector(0.0, 10.0)
    assert not quiet.sample(1.0, 0.0, 2.0, 0)
    assert not quiet.sample(2.0, 0.0, 2.1, 0)
    assert quiet.sample(31.0, 0.0, 2.1, 0)
