"""How often the database is read while messages over Redis are lost."""

import pytest

from engine.hints.loss import LOST_SECONDS, PAUSE_MAX, PAUSE_MIN, LossDetector

USUAL = 1.0
NOW = 100.0


def test_the_database_is_read_as_usual_while_messages_arrive() -> None:
    detector = LossDetector()
    detector.set_away(False, NOW)
    detector.expect(NOW)
    assert detector.pause(NOW, USUAL) == USUAL
    detector.found_without(NOW)
    assert detector.pause(NOW, USUAL) == PAUSE_MIN
    detector.arrived()
    assert detector.pause(NOW, USUAL) == USUAL


def test_while_redis_is_away_the_pauses_grow_with_the_time_in_which_nothing_happens() -> None:
    detector = LossDetector()
    detector.set_away(True, NOW)
    pauses = [detector.pause(NOW + seconds, USUAL) for seconds in (0.0, 0.08, 0.8, 60.0)]
    assert pauses == pytest.approx([PAUSE_MIN, 0.01, 0.1, PAUSE_MAX])
    detector.expect(NOW + 60.0)
    assert detector.pause(NOW + 60.0, USUAL) == PAUSE_MIN


def test_messages_count_as_lost_for_a_while_after_redis_has_returned() -> None:
    detector = LossDetector()
    detector.set_away(True, NOW)
    detector.set_away(False, NOW + 60.0)
    assert detector.are_lost(NOW + 60.0)
    assert not detector.are_lost(NOW + 60.0 + LOST_SECONDS)
