"""Quiet: no output, no progress, no CPU time and no I/O for thirty seconds."""

from engine.supervisor.quiet import QuietDetector, SilenceDetector


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


def test_an_idle_attempt_is_reported_once() -> None:
    assert quiet_at(QuietDetector(0.0, 0.0), 200) == [30]


def test_an_attempt_is_reported_again_after_a_line_or_progress() -> None:
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


def silent_at(
    end: int, *, did: dict[int, float] | None = None, demand: float = 1.0, moved: float = 0
) -> list[tuple[int, str]]:
    """Return when it was reported and how. `demand`: CPU time that it used or waited for in each second."""
    silence = SilenceDetector(0.0, 0.0)
    found, active_at = [], 0.0
    for now in range(1, end):
        active_at = (did or {}).get(now, active_at)
        if how := silence.sample(float(now), active_at, demand * now, moved):
            found.append((now, how))
    return found


def test_a_loop_without_a_line_is_reported_once_after_a_minute() -> None:
    assert silent_at(200) == [(60, "computing")]
    assert silent_at(300, did={20: 19.5, 100: 99.5}) == [(80, "computing"), (160, "computing")]
    assert silent_at(200, demand=0.92) == [(60, "computing")]


def test_work_that_now_and_then_waits_or_moves_data_is_not_reported() -> None:
    assert silent_at(200, demand=0.6) == []
    assert silent_at(200, demand=0.02, moved=1_000_000) == []


def test_a_loop_that_looks_now_and_then_is_reported_as_idling() -> None:
    assert silent_at(200, demand=0.02, moved=4000) == [(60, "idling")]


def test_computing_counts_from_when_it_began() -> None:
    silence = SilenceDetector(0.0, 0.0)
    demand, found = 0.0, []
    for now in range(1, 200):
        demand += 0.3 if now <= 30 else 1.0
        if how := silence.sample(float(now), 0.0, demand, 100_000):
            found.append((now, how))
    ((at, how),) = found
    assert how == "computing"
    assert 85 <= at <= 95


def test_the_second_before_the_first_sample_counts_for_either() -> None:
    for demand, moved, how in ((1.0, 0, "computing"), (0.01, 100, "idling")):
        silence = SilenceDetector(1.0, demand, 0.0)
        found = [now for now in range(2, 90) if silence.sample(float(now), 0.0, demand * now, moved) == how]
        assert found == [60]
