"""Work goes to node processes, is prefetched when short, and is recalled."""

import os
import signal
import sys
from pathlib import Path

import pytest

from engine.executors.base import PREFETCH_MAX, Ended, Progress, Report, Returned, Started
from engine.inspect import procfs
from engine.supervisor import attempt_monitor, process, supervisor
from engine.supervisor import reports as queue
from tests.support.supervised import FAKE_NODE, Supervised, alive, error_of


@pytest.fixture
def nothing_is_recalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefetched work stays, even behind an attempt that a busy machine delays."""
    monkeypatch.setattr(attempt_monitor, "RECALL_SECONDS", 60.0)


def zombies() -> set[int]:
    return {one.pid for one in procfs.processes().values() if one.state == "Z" and one.parent == os.getpid()}


@pytest.mark.smoke
def test_an_attempt_reports_its_start_and_its_end(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.work()
        ended = node.run(work)
        (started,) = node.of(Started, work.claim)
        assert started.worker.startswith("local/")
        assert started.pid_started == str(procfs.start_of(started.pid))
        assert (ended.state, ended.error, ended.receipt) == ("succeeded", None, None)
        assert ended.output is not None
        assert ended.output["value"] is None


def test_python_that_raises_fails_with_its_line(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        ended = node.run(node.python("def main(inputs, ctx):\n    return 1 / 0\n"))
        assert ended.state == "failed"
        assert (error_of(ended)["class"], error_of(ended)["line"]) == ("ZeroDivisionError", 2)


def test_free_and_room_match_what_send_accepts(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=2) as node:
        long = "import time\ndef main(inputs, ctx):\n    time.sleep(30)\n"
        node.settle()
        assert node.supervisor.prefetch_credit() == 2 * PREFETCH_MAX
        node.send(node.python(long), node.python(long))
        assert node.supervisor.prefetch_credit() in (0, 2 * PREFETCH_MAX - 2)
        late = node.python(long)
        assert not node.supervisor.has_room(late)
        node.send(late)
        assert Returned([late.claim]) in node.supervisor.poll(0)


def test_short_work_is_prefetched_and_recalled_from_behind_a_long_attempt(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        claimed_short = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(30)\n", expected=0.001)
        node.send(claimed_short)
        node.started(claimed_short)
        # It has just started, so it still counts as short.
        others = [node.work(expected=0.001, node=f"n{number}") for number in range(3)]
        node.send(*others)
        node.until(lambda: len(node.returned()) == 3)
        assert set(node.returned()) == {work.claim for work in others}
        assert not node.supervisor.has_room(others[0])


def test_prefetched_work_can_be_recalled_and_nothing_runs_twice(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        ledger = tmp_path / "ledger"
        code = (
            "import os\ndef main(inputs, ctx):\n"
            f"    fd = os.open({str(ledger)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
            "    os.write(fd, (ctx.node + '\\n').encode())\n    os.close(fd)\n"
        )
        works = [node.python(code, node=f"n{number}", expected=0.001) for number in range(200)]
        waiting = list(works)
        while waiting:
            batch = [waiting.pop() for _ in range(min(len(waiting), node.supervisor.prefetch_credit()))]
            node.send(*batch)
            node.supervisor.recall()
            for one in node.poll(0.01):
                if isinstance(one, Returned):
                    waiting += [node.works[claim] for claim in one.claims]
        for work in works:
            assert node.ended(work).state == "succeeded"
        assert sorted(ledger.read_text().split()) == sorted(work.node for work in works)


@pytest.mark.usefixtures("nothing_is_recalled")
def test_killing_work_that_has_not_started_returns_it_and_what_was_sent_with_it(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        first = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(0.3)\n", expected=0.001)
        second, third = node.work(expected=0.001), node.work(expected=0.001)
        node.send(first, second, third)
        node.started(first)
        node.supervisor.kill(second.claim, "cancelled")
        assert node.ended(first).state == "succeeded"
        assert set(node.returned()) == {second.claim, third.claim}


def test_killing_an_unknown_claim_does_nothing(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        node.supervisor.kill("nobody", "cancelled")
        assert node.run(node.work()).state == "succeeded"


def test_a_large_envelope_and_many_behind_it_arrive(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        works = []
        for number in range(64):
            code = f"def main(inputs, ctx):\n    return {number}\n#" + "x" * (60_000 if number % 2 else 200_000)
            works.append(node.python(code, node=f"n{number}", expected=0.001))
        ended = node.run_all(works)
        values = {one.claim: one.output["value"] for one in ended if one.output}
        assert [values[work.claim] for work in works] == list(range(64))
        assert not list((tmp_path / "scratch").rglob("*.envelope"))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_ten_thousand_short_attempts_leave_nothing_behind(tmp_path: Path) -> None:
    files, before = os.listdir("/proc/self/fd"), zombies()
    with Supervised(tmp_path, workers=2) as node:
        ended = node.run_all(node.work(node=f"n{number}") for number in range(10_000))
        assert {one.state for one in ended} == {"succeeded"}
        node.settle()
        assert not list((tmp_path / "scratch").glob("*/*"))
        assert zombies() <= before
        assert len(node.supervisor.node_processes()) <= 4
        # A process has its socket pair, three pipes, its pidfd and two channels for stacks open; the selector is one.
        assert len(os.listdir("/proc/self/fd")) == len(files) + 8 * len(node.supervisor.node_processes()) + 1
    assert len(os.listdir("/proc/self/fd")) == len(files)
    assert zombies() <= before


def test_a_process_is_replaced_after_many_attempts_with_an_authors_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ATTEMPTS_MAX", 100)
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        before = {one.pid for one in node.supervisor.node_processes()}
        node.run_all(node.work() for _ in range(250))
        node.settle()
        assert before == {one.pid for one in node.supervisor.node_processes()}
        node.run_all(node.python("def main(inputs, ctx):\n    return 1\n") for _ in range(250))
        node.settle()
        assert before - {one.pid for one in node.supervisor.node_processes()}


def test_a_process_with_leftovers_is_not_used_again(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        work = node.python("import subprocess\ndef main(inputs, ctx):\n    subprocess.Popen(['sleep', '600'])\n")
        ended = node.run(work)
        assert ended.state == "succeeded"
        assert ended.receipt is not None
        assert ended.receipt["processes"] == 2
        pid = node.started(work).pid
        assert not alive(pid)
        other = node.work()
        assert node.run(other).state == "succeeded"
        assert node.started(other).pid != pid


def test_another_interpreter_has_its_own_processes_under_the_same_limit(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    code = "import time\ndef main(inputs, ctx):\n    time.sleep(1)\n"
    with Supervised(tmp_path, workers=2) as node:
        works = [node.python(code, python=str(other)), node.python(code)]
        node.send(*works)
        assert not node.supervisor.has_room(node.python(code, python=str(other)))
        assert {node.ended(work).state for work in works} == {"succeeded"}


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_an_interpreter_that_does_not_start_fails_the_attempt_and_is_named(tmp_path: Path, python: str) -> None:
    with Supervised(tmp_path) as node:
        work = node.python("def main(inputs, ctx):\n    return 1\n", python=python)
        (ended,) = node.run_all([work])
        assert ended.state == "failed"
        assert python in error_of(ended)["message"]
        assert node.run(node.work()).state == "succeeded"


def test_a_watched_file_ends_the_wait(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with Supervised(tmp_path) as node:
        called: list[bytes] = []
        node.supervisor.watch(reader, lambda: called.append(os.read(reader, 10)))
        os.write(writer, b"x")
        node.supervisor.poll(10)
        assert called == [b"x"]
        node.supervisor.unwatch(reader)
        os.write(writer, b"x")
        node.supervisor.poll(0.05)
        assert called == [b"x"]
    os.close(reader)
    os.close(writer)


@pytest.mark.usefixtures("nothing_is_recalled")
def test_a_stop_returns_what_has_not_started_and_lets_the_running_end(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        first = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(0.5)\n", expected=0.001)
        second = node.work(expected=0.001)
        node.send(first, second)
        node.started(first)
        node.stop(10)
        assert node.ended(first).state == "succeeded"
        assert node.returned() == [second.claim]
        assert not alive(node.started(first).pid)


def test_a_stop_interrupts_what_does_not_end_in_time(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(600)\n")
        node.send(work)
        node.started(work)
        node.stop(0.2)
        ended = node.ended(work)
        assert (ended.state, ended.interrupted) == ("lost", True)
        assert not alive(node.started(work).pid)
        late = node.work()
        assert not node.supervisor.has_room(late)


def test_a_process_that_sends_invalid_frames_is_ended_and_its_attempt_lost(tmp_path: Path) -> None:
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        for frames in (["\x04\x00\x00\x00oops"], ["\xff\xff\xff\xff"], [{"k": "done"}], [{"k": "log", "at": None}]):
            work = node.work(frames=frames, then="sleep")
            ended = node.run(work)
            assert ended.state == "lost"
            assert "broke its channel" in error_of(ended)["message"]
            assert not alive(node.started(work).pid)


def test_a_process_that_closes_its_frame_pipe_and_continues_is_ended(tmp_path: Path) -> None:
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        work = node.work(then="close")
        ended = node.run(work)
        assert ended.state == "lost"
        assert "closed the pipe" in error_of(ended)["message"]
        assert not alive(node.started(work).pid)


@pytest.fixture
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "UNRESPONSIVE_SECONDS", 1.0)


@pytest.mark.usefixtures("short_silence")
def test_a_process_that_hangs_between_attempts_is_replaced_and_its_work_goes_elsewhere(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        idle = [one.pid for one in node.supervisor.node_processes()]
        for pid in idle:
            os.kill(pid, signal.SIGSTOP)
        # Both, because which one gets the work is up to the supervisor.
        works = [node.python("def main(inputs, ctx):\n    return ctx.node\n", node=f"n{number}") for number in range(4)]
        assert {one.state for one in node.run_all(works)} == {"succeeded"}
        assert {one.pid for one in node.of(Started)}.isdisjoint(idle)
        assert {one.state for one in node.of(Ended)} == {"succeeded"}


@pytest.mark.usefixtures("short_silence")
def test_work_that_several_processes_take_but_do_not_start_is_refused_with_the_reason(tmp_path: Path) -> None:
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        (ended,) = node.run_all([node.work(silent=True, then="sleep")])
        assert len(node.returned()) == 2
        assert ended.state == "failed"
        assert error_of(ended)["message"] == "The node process did nothing for 1 s and was ended."


@pytest.mark.usefixtures("short_silence", "nothing_is_recalled")
def test_a_long_silent_attempt_does_not_count_as_a_hanging_process(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        held = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(3)\n", expected=0.001)
        node.send(held)
        node.started(held)
        behind = node.work(expected=0.001, node="behind")
        node.send(behind)
        assert node.ended(held).state == "succeeded"
        assert node.ended(behind).state == "succeeded"


def test_frames_of_another_claim_change_nothing(tmp_path: Path) -> None:
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        strange = {"k": "done", "c": "other", "seconds": 1, "output": {}}
        good = {"k": "done", "seconds": 1, "output": {"kind": "json", "value": 7}}
        ended = node.run(node.work(frames=[strange, good, strange]))
        assert ended.output == {"kind": "json", "value": 7}


@pytest.mark.usefixtures("nothing_is_recalled")
def test_ends_of_short_attempts_are_reported_together_while_enough_waits_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "DELAY_SECONDS", 30.0)
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        works = [
            node.python("def main(inputs, ctx):\n    return 1\n", node=f"n{number}", expected=0.001)
            for number in range(PREFETCH_MAX)
        ]
        node.send(*works)
        reports = node.poll(30)
        first = [one.claim for one in reports if isinstance(one, Ended)]
        assert first == [work.claim for work in works[: len(first)]]
        assert len(reports) >= queue.DELAYED_MAX
        assert {node.ended(work).state for work in works} == {"succeeded"}


def test_an_end_with_little_behind_it_is_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "DELAY_SECONDS", 30.0)
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        first = node.python("def main(inputs, ctx):\n    return 1\n", expected=0.001)
        long = "import time\ndef main(inputs, ctx):\n    time.sleep(30)\n"
        behind = [node.python(long, node=f"n{number}", expected=0.001) for number in range(3)]
        node.send(first, *behind)
        reports: list[Report] = []
        while not node.of(Ended, first.claim):
            reports = node.poll(30)
        # What is behind a long attempt is recalled a tenth of a second later, which delays nothing. With all of them it
        # was the first that a busy machine delayed.
        assert not any(isinstance(one, Returned) and behind[0].claim not in one.claims for one in reports)


@pytest.mark.usefixtures("nothing_is_recalled")
def test_reports_on_one_attempt_come_in_order_however_long_they_are_delayed(tmp_path: Path) -> None:
    code = "def main(inputs, ctx):\n    ctx.progress(0.5)\n    ctx.progress(1)\n    return 1\n"
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        works = []
        for number in range(PREFETCH_MAX):
            tells = code if number % 3 == 0 else "def main(inputs, ctx):\n    return 1\n"
            works.append(node.python(tells, node=f"n{number}", expected=0.001))
        node.send(*works)
        for number, work in enumerate(works):
            node.ended(work)
            reports = [one for one in node.reports if isinstance(one, Started | Progress | Ended)]
            kinds = [type(one) for one in reports if one.claim == work.claim]
            assert kinds == ([Started, Progress, Progress, Ended] if number % 3 == 0 else [Started, Ended])
