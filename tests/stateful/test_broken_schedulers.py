"""Each property fails on a scheduler that is broken on purpose, within the lives that every change tries."""

import pytest

from tests.stateful import mutants, properties
from tests.stateful.properties import Property, try_out
from tests.stateful.test_simulation import BY_EVERY_CHANGE, live_all
from tests.support.broken import Broken

WAYS: list[tuple[str, Property, str]] = [
    ("release_forgotten", properties.every_run_ends, "I3"),
    ("pool_forgotten", properties.every_run_ends, "I3"),
    ("reports_forgotten", properties.every_run_ends, "I3"),
    ("lost_not_declared", properties.every_run_ends, "I3"),
    ("one_success_enough", properties.every_run_ends, "I2"),
    ("edge_forgotten", properties.no_node_before_its_upstream, "upstream"),
    ("one_success_enough", properties.no_node_before_its_upstream, "upstream"),
    ("run_limit_ignored", properties.limits_are_never_exceeded, "I5"),
    ("pool_ignored", properties.limits_are_never_exceeded, "I5"),
    ("released_twice", properties.limits_are_never_exceeded, "I5"),
    ("smaller_pool_unnoticed", properties.limits_are_never_exceeded, "I5"),
    ("workflow_limit_ignored", properties.limits_are_never_exceeded, "I5"),
    ("room_not_counted", properties.limits_are_never_exceeded, "I5"),
    ("last_in_first_out", properties.smallest_key_first, "I20 order"),
    ("priority_ignored", properties.smallest_key_first, "I20 order"),
    ("no_ageing", properties.waiting_is_bounded, "I20 bound"),
    ("last_in_first_out", properties.waiting_is_bounded, "I20 bound"),
    ("no_reservation", properties.slots_are_reserved, "I20 reservation"),
    ("full_pool_blocks_all", properties.nothing_waits_beside_room, "I20 idle"),
    ("run_not_woken", properties.nothing_waits_beside_room, "I20 idle"),
    ("pool_not_woken", properties.nothing_waits_beside_room, "I20 idle"),
    ("unknown_claim_accepted", properties.each_result_is_used_once, "I4"),
    ("started_twice", properties.each_result_is_used_once, "I4"),
    ("success_thrown_away", properties.each_result_is_used_once, "I4"),
    ("losses_not_counted", properties.each_result_is_used_once, "I8"),
    ("retries_not_counted", properties.each_result_is_used_once, "I8"),
    ("consumers_kept", properties.inputs_are_current, "inputs"),
]


@pytest.mark.parametrize(("mutant", "wanted", "invariant"), WAYS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_scheduler_is_detected(
    mutant: str, wanted: Property, invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    getattr(mutants, mutant)(monkeypatch)
    with pytest.raises(Broken, match=f"^{invariant}: "):
        try_out(wanted)


KILLED_WAYS = [
    ("sent_before_commit", "I4"),
    ("epoch_ignored", "I4"),
    ("lost_not_declared", "I3"),
    ("not_sent_again", "I3"),
    ("not_decided_again", "I3"),
    ("memory_reused", "I3"),
    ("slots_held_by_dead_scheduler", "I3"),
    ("losses_not_counted", "I8"),
    ("started_attempts_ignored", "I8"),
    ("edge_forgotten", "upstream"),
    ("released_twice", "I5"),
    ("place_lost", "I20 bound"),
]


@pytest.mark.parametrize(("mutant", "invariant"), KILLED_WAYS)
def test_a_scheduler_with_a_broken_restart_is_detected(
    mutant: str, invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    getattr(mutants, mutant)(monkeypatch)
    with pytest.raises(Broken, match=f"^{invariant}: "):
        live_all(1, BY_EVERY_CHANGE, order=invariant.startswith("I20"))
