"""Stacks that are captured without a request: stuck, quiet, before a limit acts."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.executors.base import Ended, Sampled, Stacks, Work
from engine.supervisor import attempt_stacks, cgroup, quiet, stack_sampler
from tests.support.effort import in_time
from tests.support.supervised import Supervised, error_of

SLEEP = "import time\ndef main(inputs, ctx):\n    time.sleep(600)\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path) as supervised:
        yield supervised


def reasons(node: Supervised, work: Work) -> list[str]:
    return [one.why for one in node.of(Stacks, work.claim)]


def author_lines(stacks: Stacks) -> set[str]:
    return {
        frame["source"]
        for sample in stacks.body["samples"]
        for thread in sample["threads"]
        for frame in thread["frames"]
        if frame["author"]
    }


def poll_for(node: Supervised, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        node.poll()


@pytest.mark.smoke
def test_an_attempt_that_counts_as_stuck_is_sampled_once_and_soon(node: Supervised) -> None:
    work = node.python(SLEEP, stuck_after=0.5)
    node.send(work)
    began = node.started(work).at
    (stacks,) = node.until(lambda: node.of(Stacks, work.claim))
    assert stacks.why == "stuck"
    assert 2 <= len(stacks.body["samples"]) <= 5
    assert stacks.at - began > 0.5
    in_time(stacks.at - began, 0.5 + 1.5)
    assert author_lines(stacks) == {"time.sleep(600)"}
    poll_for(node, 2.0)
    assert reasons(node, work) == ["stuck"]


def test_stacks_of_an_attempt_that_ends_in_time_are_never_captured(node: Supervised) -> None:
    works = [node.python("def main(inputs, ctx):\n    return 1\n", soft=300, hard=600, stuck_after=5) for _ in range(5)]
    assert {one.state for one in node.run_all(works)} == {"succeeded"}
    assert node.of(Stacks) == []


def test_before_the_soft_and_the_hard_limit_act_stacks_are_taken(
    node: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a process that a busy machine delays until its limit, only the kernel's view is available.
    monkeypatch.setattr(attempt_stacks, "LEAD_SECONDS", 1.0)
    code = (
        "import time\ndef main(inputs, ctx):\n    try:\n        time.sleep(600)\n    except ctx.SoftTimeout:\n"
        "        time.sleep(500)\n"
    )
    work = node.python(code, soft=2.0, hard=4.0)
    ended = node.run(work)
    assert ended.state == "timed_out"
    assert ended.seconds >= 4.0
    in_time(ended.seconds, 4.0 + 1.0)
    assert reasons(node, work) == ["soft_timeout", "hard_timeout"]
    soft, hard = node.of(Stacks, work.claim)
    assert author_lines(soft) == {"time.sleep(600)"}
    assert author_lines(hard) == {"time.sleep(500)"}
    assert len(hard.body["samples"]) in (1, 2)
    claims = [one for one in node.reports if getattr(one, "claim", None) == work.claim]
    assert claims.index(hard) < claims.index(ended)


def test_limits_shorter_than_the_interval_of_checks_hold_too(node: Supervised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_sampler, "QUICK_PATIENCE_SECONDS", 10.0)
    loop = (
        "def main(inputs, ctx):\n    while True:\n        try:\n            sum(range(10**9))\n"
        "        except BaseException:\n            pass\n"
    )
    work = node.python(loop, soft=1.0, hard=2.0)
    ended = node.run(work)
    assert error_of(ended)["class"] == "HardTimeout"
    assert ended.seconds >= 2.0
    in_time(ended.seconds, 2.0 + 1.0)
    assert reasons(node, work) == ["soft_timeout", "hard_timeout"]


def test_an_attempt_that_ends_just_before_its_limit_reports_no_stacks(node: Supervised) -> None:
    work = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(0.5)\n", soft=0.65, hard=600)
    ended = node.run(work)
    if ended.state == "succeeded":
        assert reasons(node, work) == []


def test_a_request_just_before_a_limit_is_answered(node: Supervised, monkeypatch: pytest.MonkeyPatch) -> None:
    # Requested stacks are still captured when the limit is near.
    monkeypatch.setattr(stack_sampler, "APART_SECONDS", 1.0)
    work = node.python(SLEEP, hard=3.0)
    node.send(work)
    node.started(work)
    poll_for(node, 1.0)
    node.supervisor.take_stacks(work.claim)
    node.ended(work)
    assert sorted(reasons(node, work)) == ["asked", "hard_timeout"]


@pytest.mark.parametrize("by_group", [True, False])
def test_before_the_limit_on_memory_acts_stacks_are_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_group: bool
) -> None:
    if not by_group:
        monkeypatch.setattr(cgroup, "create", lambda name: None)
    code = (
        "import time\ndef main(inputs, ctx):\n    data = [bytearray(20 << 20)]\n    while True:\n"
        "        data.append(bytearray(1 << 20))  # grows\n        time.sleep(0.1)\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code, memory_mb=64)
        ended = node.run(work)
        assert error_of(ended)["class"] == "MemoryLimit"
        (stacks,) = node.of(Stacks, work.claim)
        assert stacks.why == "memory"
        assert author_lines(stacks) <= {"time.sleep(0.1)", "data.append(bytearray(1 << 20))  # grows"}
        assert author_lines(stacks)
        claims: list[Any] = [one for one in node.reports if getattr(one, "claim", None) == work.claim]
        assert claims.index(stacks) < claims.index(ended)


def test_a_sudden_rush_of_memory_is_ended_without_delay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "create", lambda name: None)
    code = "import time\ndef main(inputs, ctx):\n    data = bytearray(200 << 20)\n    time.sleep(600)\n"
    with Supervised(tmp_path) as node:
        work = node.python(code, memory_mb=100)
        ended = node.run(work)
        in_time(ended.seconds, 1.5)
        assert reasons(node, work) == ["memory"]


@pytest.fixture
def short_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "QUIET_SECONDS", 2.0)


@pytest.mark.usefixtures("short_quiet")
def test_an_idle_attempt_is_reported_as_quiet_once_until_it_does_something(node: Supervised) -> None:
    code = "import time\ndef main(inputs, ctx):\n    time.sleep(5.5)\n    print('awake')\n    time.sleep(600)\n"
    work = node.python(code)
    node.send(work)
    (first,) = node.until(lambda: node.of(Stacks, work.claim))
    assert first.why == "quiet"
    assert author_lines(first) == {"time.sleep(5.5)"}
    # A user's request does not count as activity of the attempt.
    node.supervisor.take_stacks(work.claim)
    node.until(lambda: node.lines(work) == ["awake"] and len(reasons(node, work)) > 1)
    assert reasons(node, work) == ["quiet", "asked"]
    node.until(lambda: reasons(node, work) == ["quiet", "asked", "quiet"])
    assert author_lines(node.of(Stacks, work.claim)[-1]) == {"time.sleep(600)"}


@pytest.mark.usefixtures("short_quiet")
@pytest.mark.parametrize(
    "line",
    [
        "sum(range(3000000)); time.sleep(0.2)",
        "print('.'); time.sleep(0.2)",
        pytest.param("open('f', 'w').write('x' * 1000); time.sleep(0.2)", marks=pytest.mark.long),
        pytest.param("ctx.progress(0.5); time.sleep(0.2)", marks=pytest.mark.long),
    ],
)
def test_an_attempt_that_does_something_now_and_then_is_not_quiet(node: Supervised, line: str) -> None:
    loop = "    end = time.time() + 4\n    while time.time() < end:\n"
    work = node.python(f"import time\ndef main(inputs, ctx):\n{loop}        {line}\n")
    node.run(work)
    assert reasons(node, work) == []


@pytest.mark.usefixtures("short_quiet")
def test_a_node_with_an_expected_duration_is_never_quiet(node: Supervised) -> None:
    work = node.python(SLEEP, stuck_after=60)
    node.send(work)
    node.started(work)
    poll_for(node, 4.0)
    assert reasons(node, work) == []


@pytest.mark.parametrize(
    ("line", "how"),
    [("re.match(r'(a+)+$', 'a' * 60 + 'b')", "computing"), ("while True: os.system('sleep 0.5')", "idling")],
)
def test_a_silent_attempt_is_reported_with_what_it_does(
    node: Supervised, monkeypatch: pytest.MonkeyPatch, line: str, how: str
) -> None:
    monkeypatch.setattr(quiet, "SILENT_SECONDS", 3.0)
    monkeypatch.setattr(quiet, "RESTART_SECONDS", 1.0)
    work = node.python(f"import os, re\ndef main(inputs, ctx):\n    {line}\n")
    node.send(work)
    (stacks,) = node.until(lambda: node.of(Stacks, work.claim))
    assert (stacks.why, stacks.body["quiet"]) == ("quiet", how)
    if how == "computing":
        assert author_lines(stacks) == {line}
        assert len(stacks.body["samples"]) > 5


@pytest.mark.long
def test_samples_have_the_bytes_that_system_calls_of_the_tree_moved(node: Supervised) -> None:
    work = node.shell("while :; do dd if=/dev/zero of=/dev/null bs=1M count=20 2>/dev/null; sleep 0.1; done", hard=4.5)
    node.run(work)
    moved = [one.io_bytes for one in node.of(Sampled, work.claim)]
    assert moved[0] is None
    still = node.python(SLEEP)
    node.send(still)
    node.until(lambda: len(node.of(Sampled, still.claim)) >= 3)
    node.supervisor.kill(still.claim, "cancelled")
    node.ended(still)
    assert [one.io_bytes for one in node.of(Sampled, still.claim)][1:3] == [0, 0]
    busy = node.python(
        "def main(inputs, ctx):\n    data = b'x' * (1 << 20)\n    with open('/dev/null', 'wb', buffering=0) as file:\n"
        "        while True:\n            file.write(data)\n",
        hard=3.5,
    )
    node.run(busy)
    assert max(one.io_bytes or 0 for one in node.of(Sampled, busy.claim)) > 10 << 20


def test_an_ended_attempt_is_reported_after_all_of_its_stacks(node: Supervised) -> None:
    work = node.python(SLEEP, hard=0.9, stuck_after=0.3)
    ended = node.run(work)
    claims = [type(one) for one in node.reports if getattr(one, "claim", None) == work.claim]
    assert claims[-1] is Ended
    assert ended.state == "timed_out"
    assert sorted(reasons(node, work)) == ["hard_timeout", "stuck"]
