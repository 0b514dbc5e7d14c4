from typing import Any

import pytest

from engine.diagnosis.facts import UsageSample
from engine.diagnosis.resources import usage
from engine.diagnosis.rules import diagnosis
from tests.unit.diagnosis.made import PID, ago, facts, running, samples

MIB = 2**20


def codes(*things: Any, **more: Any) -> list[str]:
    return [one.code for one in diagnosis(facts(*things, **more)).findings]


def test_memory_near_its_limit_is_a_finding_that_offers_more() -> None:
    (one,) = diagnosis(facts(running(seconds=3, memory_mb=100, samples=[UsageSample(ago(1), 5.0, 91 * MIB)]))).findings
    assert one.code == "memory_near_limit"
    assert (one.evidence[0].value, one.evidence[0].unit, one.evidence[0].pid) == (91 * MIB, "bytes", PID)
    assert one.actions[0].body == {"policy": {"memory_mb": 256}}


@pytest.mark.parametrize(
    "sample", [UsageSample(ago(1), 5.0, 79 * MIB), UsageSample(ago(60), 5.0, 99 * MIB), UsageSample(ago(1), 5.0, None)]
)
def test_memory_below_the_limit_and_old_or_unknown_samples_are_no_finding(sample: UsageSample) -> None:
    assert codes(running(seconds=3, memory_mb=100, samples=[sample])) == []


def test_using_all_allowed_cores_is_a_shortage_and_using_one_of_two_is_not() -> None:
    busy = samples(*[97.0] * 6)
    assert codes(running(seconds=8, expected=None, cores=1, samples=busy)) == ["cpu_limited"]
    assert codes(running(seconds=8, expected=None, cores=2, samples=busy)) == []
    assert codes(running(seconds=8, expected=None, cores=0.5, samples=samples(*[48.0] * 6))) == ["cpu_limited"]
    assert codes(running(seconds=8, expected=None, cores=None, samples=busy)) == []


def test_nodes_that_together_use_all_cores_have_a_shortage() -> None:
    two = [running(name, 8, None, cores=2, samples=samples(*[97.0] * 6)) for name in "ab"]
    (one,) = diagnosis(facts(*two)).findings
    assert (one.code, one.node) == ("cpu_limited", None)
    assert "its 2 running nodes together use 194 % of one core and may use 2 cores" in str(one.message)
    assert [each.pid for each in one.evidence[:2]] == [PID, PID]
    four = [running(name, 8, None, cores=4, samples=samples(*[97.0] * 6)) for name in "ab"]
    assert codes(*four) == []


def test_a_node_within_its_expected_duration_has_no_shortage() -> None:
    assert codes(running(seconds=8, expected=10, cores=1, samples=samples(*[97.0] * 6))) == []


def test_high_usage_in_few_samples_is_no_shortage() -> None:
    assert codes(running(seconds=8, expected=None, cores=1, samples=samples(*[97.0] * 4))) == []


def test_waiting_for_the_disk_in_most_samples_is_a_shortage() -> None:
    disk = [UsageSample(ago(9 - n), 3.0, None, n % 3 != 0, 5000) for n in range(10)]
    (one,) = diagnosis(facts(running(seconds=12, expected=None, samples=disk))).findings
    assert one.code == "io_wait"
    assert one.evidence[0].value == 60.0
    few = [UsageSample(ago(9 - n), 3.0, None, n % 2 == 0) for n in range(10)]
    assert codes(running(seconds=12, expected=None, samples=few)) == []


def test_usage_is_the_sum_over_process_trees_with_its_scope() -> None:
    one = running("a", 3, memory_mb=100, samples=[UsageSample(ago(1), 50.0, 20 * MIB, False, 0, 1000, "tree")])
    two = running("b", 3, memory_mb=300, samples=[UsageSample(ago(1), 30.5, 80 * MIB, True, 0, 500, "tree")])
    found = usage(facts(one, two))
    assert (found.cpu_usage, found.memory_usage, found.io_wait, found.network_io) == (80.5, 25.0, 50.0, 1500.0)
    assert set(found.scopes.values()) == {"tree"}


def test_memory_without_a_limit_is_compared_with_the_machines() -> None:
    one = running("a", 3, samples=[UsageSample(ago(1), 50.0, 512 * MIB)])
    assert usage(facts(one, machine_memory=1024 * MIB)).memory_usage == 50.0


def test_the_hosts_network_is_not_added_up() -> None:
    both = [running(name, 3, samples=[UsageSample(ago(1), network_bytes=700, network_scope="host")]) for name in "ab"]
    found = usage(facts(*both))
    assert (found.network_io, found.scopes["network_io"]) == (700.0, "host")


def test_what_is_not_determined_is_null_and_never_0() -> None:
    found = usage(facts(running(seconds=3)))
    assert (found.cpu_usage, found.memory_usage, found.io_wait, found.network_io) == (None, None, None, None)
    assert set(found.scopes.values()) == {"not_determined"}
