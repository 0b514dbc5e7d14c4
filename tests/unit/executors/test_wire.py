"""Work, reports and requests as they stand in the database between the scheduler and the hosts."""

import json

import pytest

from engine.executors import wire
from engine.executors.base import Ended, Lines, Progress, Report, Returned, Sampled, Stacks, Started, Work
from engine.executors.wire import HostRequest, RequestKind

REPORTS: list[Report] = [
    Started("c1", 7, "99", "one@host/1", 1.5),
    Lines("c1", [(1.5, "info", "nul \x00, lone \ud800, 世界"), (1.75, "error", "")]),
    Progress("c1", None, "half", 2.0),
    Progress("c1", 0.5, None, 2.0),
    Sampled("c1", 2.0, None, 4096, True, None, "tree", None),
    Stacks("c1", 2.5, "asked", {"samples": [{"at": "x"}]}),
    Ended("c1", "succeeded", 3.0, 1.5, output={"kind": "json", "value": [1, {"a": None}]}),
    Ended("c2", "cancelled", 3.0, 0.0, error={"class": "X"}, receipt={"processes": 1}, interrupted=True),
    Returned(["c3", "c4"]),
]


def test_reports_are_read_back_unchanged_and_in_order() -> None:
    text = wire.reports_text(REPORTS)
    assert wire.read_reports(text) == REPORTS
    assert "\x00" not in text
    text.encode()


@pytest.mark.parametrize("text", ["[", '[["x"]]', '[["s"]]', '[["s",1,2,3,4,5,6]]', "[[]]", "[3]"])
def test_malformed_reports_are_refused(text: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        wire.read_reports(text)


def sent(**given: object) -> Work:
    work = Work("c1", {"claim": "c1", "inputs": {"a": 1}}, 1.0, 2.0, 64, "", 0.5, **given)  # type: ignore[arg-type]
    work.shared = '"node":"n","config":{"code":"x = 1"}'
    return work


def test_work_is_read_back_with_what_its_host_adds() -> None:
    work = sent(stuck_after=9.0, run="7", workflow="w", node="n", type="python", entry="e", short=True)
    text, envelope = wire.work_text(work), wire.envelope_text(work)
    found = wire.read_work("c1", text, envelope, common='"files":"/here"', python="/usr/bin/python3")
    assert (found.soft_timeout, found.hard_timeout, found.memory_mb, found.expected) == (1.0, 2.0, 64, 0.5)
    assert (found.run, found.workflow, found.node, found.type, found.entry) == ("7", "w", "n", "python", "e")
    assert (found.stuck_after, found.short, found.python) == (9.0, True, "")
    assert json.loads(wire.envelope_text(found)) == {
        "files": "/here",
        "node": "n",
        "config": {"code": "x = 1"},
        "claim": "c1",
        "inputs": {"a": 1},
    }
    assert found.config.get("code") == "x = 1"


def test_work_with_an_interpreter_of_its_own_gets_the_one_of_the_host() -> None:
    text = wire.work_text(sent(own_python=True))
    assert wire.read_work("c1", text, "{}", common="", python="/opt/python").python == "/opt/python"


def test_times_can_be_moved_to_another_clock() -> None:
    there = wire.read_reports(wire.reports_text(REPORTS))
    wire.shift(there, -1000.0)
    assert there != REPORTS
    here = wire.read_reports(wire.reports_text(there))
    wire.shift(here, 1000.0)
    assert here == REPORTS


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (HostRequest(RequestKind.KILL, "timed_out"), "kill timed_out"),
        (HostRequest(RequestKind.STACKS, "3"), "stacks 3"),
        (HostRequest(RequestKind.RETURN), "back"),
    ],
)
def test_requests_are_read_back_unchanged(request_: HostRequest, text: str) -> None:
    assert str(request_) == text
    assert HostRequest.parse(text) == request_


def test_a_request_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="pause"):
        HostRequest.parse("pause 3")
