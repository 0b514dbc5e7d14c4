from typing import Any

import pytest

from engine.diagnosis.bottleneck import critical_path
from engine.diagnosis.facts import PathStep
from engine.diagnosis.finding import Finding
from engine.diagnosis.rules import diagnosis
from tests.unit.diagnosis.made import ago, facts


def step(node: str, working: float, waiting: float = 0.0, **more: Any) -> PathStep:
    return PathStep(node, node.capitalize(), working, waiting, more.pop("ended_at", ago(1)), **more)


def found(*path: PathStep, seconds: float = 60, **more: Any) -> list[Finding]:
    """Return the findings about a run of this path that took 59 s, or `seconds`."""
    more.setdefault("state", "succeeded")
    return list(diagnosis(facts(finished_at=ago(59 - seconds), critical_path=path, **more)).findings)


def said(finding: Finding) -> list[str]:
    return [str(one.message) for one in finding.evidence]


def test_the_critical_path_leads_back_from_the_node_that_ended_last() -> None:
    ends = {"a": ago(50), "b": ago(20), "c": ago(40), "d": ago(10), "side": ago(11)}
    upstream = {"b": ["a"], "c": ["a"], "d": ["b", "c"], "side": ["c", "skipped"]}
    assert critical_path(ends, upstream) == ["a", "b", "d"]
    assert critical_path(ends, upstream, 2) == ["b", "d"]
    assert critical_path({}, upstream) == []


def test_a_slow_run_names_the_node_that_worked_longest() -> None:
    (one,) = found(step("load", 10), step("export", 45, 4, cpu_seconds=44.0), usual_seconds=15.0)
    assert (one.code, one.node) == ("bottleneck", "export")
    assert str(one.message) == (
        'Most of the run\'s 1 m (4 times the usual 15 s) went into "Export", which worked for 45 s, 75 % of it.'
    )
    assert said(one) == [
        "Critical path of 2 nodes: 55 s of work, 4 s of waiting",
        '"Export" worked for 45 s and waited for 4 s before it',
        '"Load" worked for 10 s',
        '"Export" used 44 s of CPU',
    ]


def test_a_slow_run_that_waited_for_slots_says_so_and_offers_one_more() -> None:
    (one,) = found(step("load", 5), step("export", 5, 50, pool="disk", pool_slots=2), usual_seconds=12.0)
    assert 'went into waiting: "Export" could start only after 50 s, 83 % of it.' in str(one.message)
    assert '"Export" worked for 5 s and waited for 50 s before it (slots of pool disk)' in said(one)
    assert [(action.path, action.body) for action in one.actions] == [("/api/v1/pools/disk/", {"slots": 3})]


def test_work_without_cpu_is_said_to_have_waited_outside_of_the_run() -> None:
    (one,) = found(step("call", 58, cpu_seconds=0.4), usual_seconds=10.0)
    assert '"Call" used only 0.4 s of CPU: it mostly waited for something outside of the run' in said(one)


def test_attempts_that_failed_are_counted_with_the_step() -> None:
    (one,) = found(step("call", 30, 28, attempts=3), usual_seconds=10.0)
    assert '"Call" worked for 30 s and waited for 28 s before it (3 attempts)' in said(one)


@pytest.mark.parametrize(
    ("path", "seconds", "usual", "is_slow"),
    [
        ([step("a", 55)], 60, 29.0, True),
        ([step("a", 55)], 60, 31.0, False),
        ([step("a", 3)], 4, 1.0, False),
        ([step("a", 9)], 9, None, False),
        ([step("a", 11)], 11, None, True),
        ([step("a", 11, expected=8.0, expected_from="author")], 11, None, False),
        ([step("a", 11, expected=5.0, expected_from="author")], 11, None, True),
        ([step("a", 11, expected=5.0, expected_from="author")], 11, 10.0, True),
        ([], 60, 1.0, False),
    ],
)
def test_slow_is_what_takes_twice_as_long_as_usual_or_expected(
    path: list[PathStep], seconds: float, usual: float | None, is_slow: bool
) -> None:
    assert bool(found(*path, seconds=seconds, usual_seconds=usual)) is is_slow


def test_only_a_run_that_succeeded_has_a_bottleneck() -> None:
    assert found(step("a", 55), state="cancelled", usual_seconds=1.0) == []
