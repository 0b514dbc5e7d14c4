from typing import Any

import pytest

from engine.diagnosis.facts import HolderFacts, UpstreamRoot
from engine.diagnosis.finding import Diagnosis, Finding
from engine.diagnosis.rules import diagnosis
from tests.unit.diagnosis.made import (
    PID,
    ago,
    body,
    child,
    facts,
    failure,
    frame,
    kept,
    line,
    running,
    samples,
    thread,
    waiting,
)

SLEEP = body(thread(frame(3, "time.sleep(600)"), wait="sleep"))


def first(of: Diagnosis) -> Finding:
    assert of.findings, "nothing was found"
    return of.findings[0]


def of_stack(stack: dict[str, Any], **more: Any) -> Finding:
    return first(diagnosis(facts(running(stack=kept(stack), **more))))


def test_a_sleeping_node_is_reported_with_line_process_and_duration() -> None:
    found = of_stack(SLEEP, seconds=175, expected=21.6, expected_from="learned")
    assert found.code == "sleeping"
    assert str(found.message) == (
        '"Load" sleeps in line 3: time.sleep(600); it has run for 2 m 55 s, 8.1 times the expected 22 s.'
    )
    duration = found.evidence[0]
    assert (duration.kind, duration.value, duration.unit, duration.pid) == ("duration", 175, "seconds", PID)
    assert duration.at == "2026-11-24T09:41:05.000000Z"
    assert "process 41207" in str(duration.message)
    assert str(found.evidence[1].message) == "Identical in 3 samples at 09:43:58 UTC in line 3: time.sleep(600)"


def test_a_node_that_uses_a_whole_core_is_reported_as_a_loop() -> None:
    found = of_stack(body(thread(frame(7, "while True:")), cpu=99.2), samples=samples(98, 99, 100))
    assert found.code == "cpu_loop"
    assert "keeps computing in line 7: while True:" in str(found.message)
    assert any(one.kind == "cpu" and one.value == 100 and one.pid == PID for one in found.evidence)


def test_a_loop_with_little_cpu_time_is_reported_as_a_loop_unless_it_used_none() -> None:
    assert of_stack(body(thread(frame(7, "while True:")), cpu=11.0)).code == "cpu_loop"
    # A thread of which the kernel's view is not known, in a process that does nothing, is not.
    assert of_stack(body(thread(frame(7, "while True:")), cpu=0.0)).code == "not_determined"


def test_a_read_from_a_socket_names_the_address() -> None:
    wait = {"kind": "socket", "message": "reads from 127.0.0.1:5433", "address": "127.0.0.1:5433"}
    found = of_stack(
        body(thread(frame(88, "return recv(n)", author=False, file="/lib/x.py"), frame(14, "ask()"), wait=wait))
    )
    assert found.code == "blocked_on_socket"
    assert '"Load" waits for an answer from 127.0.0.1:5433 in line 14: ask()' in str(found.message)


def test_a_poll_on_a_socket_is_reported_as_blocked_on_the_socket() -> None:
    wait = {"kind": "poll", "message": "polls", "address": "10.0.0.7:80"}
    assert of_stack(body(thread(frame(2, "get()"), wait=wait))).code == "blocked_on_socket"


@pytest.mark.parametrize("kind", ["child", "pipe", "poll"])
def test_a_hanging_child_is_reported_with_its_command(kind: str) -> None:
    stack = body(thread(frame(5, "subprocess.run(...)"), wait=kind), children=[child(command="rsync a b")])
    found = of_stack(stack)
    assert found.code == "child_hangs"
    assert "process 5001, which hangs: rsync a b" in str(found.message)
    told = next(one for one in found.evidence if one.kind == "child")
    assert (told.pid, told.at) == (5001, "2026-11-24T09:43:40.000000Z")


def test_of_a_shell_and_the_command_it_waits_for_the_command_is_named() -> None:
    shell = child(5000, "/bin/sh -c 'sleep 9; ls'", waits_on={"kind": "child", "message": "waits", "pid": 5001})
    found = of_stack(body(thread(wait="poll"), children=[shell, child(5001, "sleep 9")]))
    assert "process 5001, which hangs: sleep 9" in str(found.message)


@pytest.mark.parametrize("cpu", [97, 12])
def test_a_child_that_runs_is_reported_as_computing(cpu: float) -> None:
    found = of_stack(body(thread(frame(5, "run()"), wait="child"), children=[child(state="running")], cpu=cpu))
    assert found.code == "child_computes"


def test_the_message_contains_the_supervisors_description_of_a_wait() -> None:
    wait = {"kind": "file", "message": "a lock on /x, held by process 7 (vi)", "path": "/x"}
    assert "waits for a lock on /x, held by process 7 (vi) in line 8" in str(
        of_stack(body(thread(frame(8, "flock()"), wait=wait))).message
    )


def test_the_evidence_says_why_a_stack_has_no_frames() -> None:
    told = of_stack({**body(thread(), cpu=99), "message": "The process did not answer."}).evidence
    assert "Sampled at 09:43:58 UTC: The process did not answer." in [str(one.message) for one in told]


def two_locked(*more: dict[str, Any]) -> dict[str, Any]:
    join = thread(
        frame(1169, "lock.acquire()", author=False, file="/usr/lib/python3.11/threading.py", function="join"),
        frame(20, "a.join()"),
        wait="lock",
    )
    return body(
        join,
        thread(frame(8, "with second:"), wait="lock", name="loader", id=2),
        thread(frame(13, "with first:"), wait="lock", name="writer", id=3),
        *more,
    )


def test_a_deadlock_names_both_threads_and_their_lines() -> None:
    found = of_stack(two_locked())
    assert found.code == "deadlock"
    assert (
        "in a deadlock: thread loader in line 8: with second: and thread writer in line 13: with first: wait for each"
        in str(found.message)
    )
    assert {one.value for one in found.evidence if one.kind == "stack"} == {8, 13}


def test_threads_that_wait_for_a_lock_of_a_sleeping_thread_are_no_deadlock() -> None:
    holder = thread(frame(30, "time.sleep(60)"), wait="sleep", name="holder", id=4)
    assert of_stack(two_locked(holder)).code == "sleeping"


def test_the_cause_of_a_joining_main_thread_is_what_the_joined_thread_does() -> None:
    join = thread(frame(9, "join", author=False, file="/lib/threading.py"), frame(20, "t.join()"), wait="lock")
    other = thread(frame(4, "sock.recv(1)"), wait={"kind": "socket", "message": "x", "address": "h:1"}, id=2)
    assert of_stack(body(join, other)).code == "blocked_on_socket"


def test_the_cause_of_a_wait_for_a_future_is_what_the_librarys_thread_does() -> None:
    future = thread(frame(9, "wait", author=False, file="/lib/threading.py"), frame(20, "f.result()"), wait="lock")
    library = thread(
        frame(1, "recv", author=False, file="/site-packages/http.py"),
        wait={"kind": "socket", "message": "x", "address": "h:1"},
        name="pool-1",
        id=2,
    )
    assert of_stack(body(future, library)).code == "blocked_on_socket"


def test_a_thread_that_joins_one_that_waits_for_a_lock_is_a_deadlock() -> None:
    join = thread(
        frame(9, "join", author=False, file="/lib/threading.py", function="join"), frame(20, "t.join()"), wait="lock"
    )
    worker = thread(frame(4, "with lock:"), wait="lock", name="worker", id=2)
    found = of_stack(body(join, worker))
    assert found.code == "deadlock"
    assert "thread worker in line 4: with lock: and thread MainThread in line 20: t.join()" in str(found.message)


def test_threads_that_wait_for_a_lock_of_multiprocessing_are_no_deadlock() -> None:
    outside = "/usr/lib/python3.11/multiprocessing/synchronize.py"
    held = frame(95, "return self._semlock.__enter__()", author=False, file=outside, function="__enter__")
    two = [
        thread(held, frame(4, "with lock:"), wait="lock", name=name, id=id)
        for id, name in ((1, "MainThread"), (2, "b"))
    ]
    assert of_stack(body(*two)).code == "blocked_on_lock"


def test_a_thread_that_waits_for_the_interpreter_lock_is_reported_as_computing() -> None:
    turn = {"kind": "other", "message": "its turn at Python's interpreter lock, or a lock for less than 20 ms"}
    found = of_stack(
        body(thread(frame(4, "t.join()"), wait="lock"), thread(frame(7, "x += 1"), wait=turn, id=2), cpu=99)
    )
    assert found.code == "cpu_loop"
    assert "in line 7: x += 1" in str(found.message)


def test_frames_of_the_product_are_no_evidence() -> None:
    ours = frame(87, "self.poll.poll()", author=False, file="/srv/engine/nodes/shell/run.py", function="follow")
    found = of_stack(body(thread(ours, wait="child"), children=[child()]), type="shell")
    assert "run.py" not in str([str(one.message) for one in found.evidence])


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ([("wait", "threading.py"), ("get", "queue.py")], "waits for an item from a queue that nothing is added to"),
        ([("wait", "threading.py"), ("put", "queue.py")], "waits for space in a queue that nothing is taken from"),
        ([("wait", "threading.py"), ("result", "_base.py")], "waits for a result of another thread"),
        ([("wait", "threading.py"), ("wait", "threading.py")], "waits for a signal of another thread"),
    ],
)
def test_a_lock_of_a_queue_or_future_is_described_as_such(library: list[tuple[str, str]], said: str) -> None:
    frames = [frame(9, name, author=False, file=f"/usr/lib/python3.11/{file}", function=name) for name, file in library]
    found = of_stack(body(thread(*frames, frame(6, "q.get()"), wait="lock")))
    assert found.code == "blocked_on_lock"
    assert f'"Load" {said}' in str(found.message)
    assert "in line 6: q.get()" in str(found.message)


def test_a_stuck_node_with_recent_progress_is_slow_and_its_first_action_ends_nothing() -> None:
    works: dict[str, Any] = {
        "stack": kept(SLEEP),
        "fraction": 0.25,
        "progress_message": "row 250",
        "soft_timeout": 30.0,
    }
    found = first(diagnosis(facts(running(seconds=20, progress_at=ago(0), **works))))
    assert found.code == "slow"
    assert str(found.message) == (
        '"Load" is slow but making progress: 25 % after 20 s; at this rate it ends in about 1 m.'
    )
    told = [str(one.message) for one in found.evidence]
    assert "Progress 25 % in process 41207, 0 s ago: row 250" in told
    assert "Its soft limit of 30 s ends it before that" in told
    assert (found.actions[0].method, found.actions[0].path.split("/")[-2]) == ("GET", "stack")
    # What it reported before, or long ago, says nothing of now; nor does a report that all is done.
    for more in ({"progress_at": ago(12)}, {"progress_at": None}, {"progress_at": ago(0), "fraction": 1.0}):
        assert first(diagnosis(facts(running(seconds=20, **(works | more))))).code == "sleeping"
    assert first(diagnosis(facts(running(seconds=200, progress_at=ago(16), **works)))).code == "sleeping"


def test_bytes_read_and_written_per_second_are_evidence_if_there_are_many() -> None:
    found = of_stack(SLEEP, samples=samples(1, 2, 3, io_bytes=3 * 2**20))
    told = next(one for one in found.evidence if one.kind == "io")
    assert (str(told.message), told.unit) == ("Reads and writes 3.0 MiB per second", "bytes_per_second")
    assert not [one for one in of_stack(SLEEP, samples=samples(1, 2, 3, io_bytes=10)).evidence if one.kind == "io"]


def test_a_single_thread_that_waits_for_a_lock_is_in_a_deadlock_with_itself_unless_the_wait_ends() -> None:
    found = of_stack(body(thread(frame(8, "lock.acquire()"), wait="lock")))
    assert found.code == "deadlock"
    assert "it waits for a lock, and no other thread could release it in line 8" in str(found.message)
    ends = {"kind": "lock", "message": "a lock", "seconds": 60.0}
    assert of_stack(body(thread(frame(8, "lock.acquire(timeout=60)"), wait=ends))).code == "blocked_on_lock"


@pytest.mark.parametrize(
    ("wait", "code"),
    [
        ({"kind": "file", "message": "reads /mnt/x", "path": "/mnt/x"}, "blocked_on_file"),
        ("pipe", "blocked_on_pipe"),
        ("io", "io_wait"),
        ({"kind": "io", "message": "x", "path": "/mnt/x"}, "blocked_on_file"),
        ("poll", "polling"),
        ("other", "blocked"),
        ("something new", "blocked"),
    ],
)
def test_each_kind_of_wait_has_a_code(wait: Any, code: str) -> None:
    assert of_stack(body(thread(frame(8, "x()"), wait=wait))).code == code


def test_the_first_action_is_a_retry_with_a_limit() -> None:
    action = of_stack(SLEEP, seconds=175, expected=21.6, expected_from="learned").actions[0]
    assert str(action.label) == "Retry with a 1 m limit"
    assert (action.method, action.path) == ("POST", "/api/v1/runs/812/nodes/load/retry/")
    assert action.body == {"policy": {"soft_timeout": 60, "hard_timeout": 90}}


def test_without_stacks_the_cause_is_not_determined_and_capturing_them_is_offered() -> None:
    found = first(diagnosis(facts(running(seconds=20, expected=5))))
    assert found.code == "not_determined"
    assert "It is not known why" in str(found.message)
    assert (found.actions[0].method, found.actions[0].path) == ("GET", "/api/v1/runs/812/nodes/load/stack/")


def test_a_node_that_has_just_become_stuck_has_no_finding_until_its_stacks_arrive() -> None:
    found = diagnosis(facts(running(seconds=10.5, expected=5)))
    assert [node.node for node in found.stuck] == ["load"]
    assert found.findings == []


def test_waiting_nodes_have_no_finding_before_the_stuck_node_they_wait_for() -> None:
    root = UpstreamRoot("load", "Load", "running", ago(10.5), True, PID)
    behind = [waiting("upstream", "a", state="pending", root=root), waiting("run_limit", "b")]
    assert diagnosis(facts(running(seconds=10.5, expected=5), *behind)).findings == []
    later = diagnosis(facts(running(seconds=10.5, expected=5, stack=kept(SLEEP)), *behind))
    assert [one.code for one in later.findings] == ["sleeping", "upstream", "run_limit"]


def test_old_stacks_that_contradict_newer_samples_determine_no_cause() -> None:
    stale = running(stack=kept(SLEEP, seconds_ago=60), samples=samples(99, 99, 99, 99), seconds=90)
    found = first(diagnosis(facts(stale)))
    assert found.code == "not_determined"
    assert any("contradict" in str(one.message) for one in found.evidence)


def test_old_stacks_that_agree_with_newer_samples_determine_the_cause() -> None:
    old = running(stack=kept(SLEEP, seconds_ago=600), samples=samples(0, 0, 0, 0), seconds=700)
    assert first(diagnosis(facts(old))).code == "sleeping"


@pytest.mark.parametrize(
    ("seconds", "expected", "source", "is_stuck"),
    [
        (9.9, 5, "author", False),
        (10.1, 5, "author", True),
        (1.1, 0.5, "author", True),
        (4.9, 0.5, "learned", False),
        (5.1, 0.5, "learned", True),
        (1000, None, "none", False),
    ],
)
def test_a_node_is_stuck_after_twice_its_expected_duration(
    seconds: float, expected: float | None, source: str, is_stuck: bool
) -> None:
    found = diagnosis(facts(running(seconds=seconds, expected=expected, expected_from=source, stack=kept(SLEEP))))
    assert bool(found.stuck) is is_stuck
    assert bool(found.findings) is is_stuck


def test_a_run_within_its_expected_durations_has_no_findings() -> None:
    found = diagnosis(facts(running(seconds=4, expected=5, samples=samples(0, 80, 100)), running("other", 2, None)))
    assert (found.findings, found.stuck) == ([], [])


def test_a_succeeded_run_has_no_findings() -> None:
    found = diagnosis(facts(state="succeeded", finished_at=ago(1)))
    assert found.findings == []
    assert found.usage.cpu_usage is None
    assert found.usage.scopes["cpu_usage"] == "not_determined"


def quiet(**more: Any) -> Any:
    more.setdefault("samples", samples(*[0.0] * 35, io_bytes=0))
    return running(seconds=more.pop("seconds", 50), expected=None, **more)


def test_an_idle_node_without_expected_duration_is_quiet() -> None:
    found = diagnosis(facts(quiet(stack=kept(SLEEP, "quiet"))))
    assert [(node.node, node.expected, node.expected_from) for node in found.stuck] == [("load", None, "none")]
    assert first(found).code == "quiet"
    assert "sleeps in line 3" in str(first(found).message)
    assert "it has done nothing for" in str(first(found).message)


@pytest.mark.parametrize(
    "sign",
    [
        {"last_output_at": ago(10)},
        {"samples": samples(*[0.0] * 20, 30.0, *[0.0] * 10)},
        {"samples": samples(*[0.0] * 35, io_bytes=1_000_000)},
        {"seconds": 25},
        {"samples": []},
        {"samples": samples(None, None)},
    ],
    ids=["line", "cpu", "io", "too young", "not measured", "not determined"],
)
def test_a_node_with_output_cpu_time_or_io_or_without_samples_is_not_quiet(sign: dict[str, Any]) -> None:
    assert diagnosis(facts(quiet(**sign))).findings == []


def test_the_limit_of_a_quiet_nodes_retry_exceeds_its_time_of_work() -> None:
    worked = quiet(seconds=1000, last_output_at=ago(40), stack=kept(SLEEP, "quiet"))
    action = first(diagnosis(facts(worked))).actions[0]
    assert action.body is not None
    assert action.body["policy"]["soft_timeout"] > 2 * 960


def test_findings_are_ordered_by_how_late_a_node_is_with_quiet_nodes_last() -> None:
    found = diagnosis(
        facts(
            running("a", 20, 5, stack=kept(SLEEP)),
            running("b", 200, 5, stack=kept(SLEEP)),
            quiet(node="c", stack=kept(SLEEP, "quiet")),
        )
    )
    assert [one.node for one in found.findings] == ["b", "a", "c"]


def test_the_last_log_line_and_the_number_of_dependents_are_evidence() -> None:
    found = of_stack(SLEEP, logs=[line("no answer", 9), line("Counts as stuck: ...", 2)], dependents=3)
    told = [str(one.message) for one in found.evidence]
    assert "Last log line 9 s ago: no answer" in told
    assert "3 nodes wait for it" in told


def test_braces_and_markup_in_texts_of_users_stay_unchanged() -> None:
    name = "{node} <b>x</b> {0}"
    found = of_stack(body(thread(frame(3, "f'{x}' # {y}"), wait="sleep")), name=name)
    assert name in str(found.message)
    assert "f'{x}' # {y}" in str(found.message)


def test_a_process_on_another_host_is_named_with_its_worker() -> None:
    (one,) = diagnosis(facts(running(seconds=60, worker="one@there"))).findings
    assert any("process 41207 of worker one@there" in str(evidence.message) for evidence in one.evidence)
    (one,) = diagnosis(facts(failure(worker="one@there"), state="failed")).findings
    assert any("process 41207 of worker one@there" in str(evidence.message) for evidence in one.evidence)


def verbs(finding: Finding) -> list[str]:
    return [action.path.split("/")[-2] for action in finding.actions]


LOCKED_FILE = {"kind": "file", "message": "a lock on /x, held by process 7 (vi)", "path": "/x", "syscall": "flock"}


@pytest.mark.parametrize(
    ("stack", "cpu", "first"),
    [
        (two_locked(), (), "cancel"),
        (body(thread(frame(8, "lock.acquire()"), wait="lock")), (), "cancel"),
        (body(thread(frame(8, "flock()"), wait=LOCKED_FILE)), (), "cancel"),
        (body(thread(frame(8, "open('/f')"), wait={"kind": "file", "message": "/f", "path": "/f"})), (), "cancel"),
        (body(thread(frame(8, "read()"), wait="pipe")), (), "cancel"),
        (body(thread(frame(8, "x += 1")), cpu=99), samples(99, 99, 99), "cancel"),
        (SLEEP, (), "retry"),
        (body(thread(frame(8, "get()"), wait={"kind": "socket", "message": "x", "address": "h:1"})), (), "retry"),
        (body(thread()), (), "stack"),
    ],
    ids=["deadlock", "lock", "file lock", "file", "pipe", "loop", "sleep", "socket", "not determined"],
)
def test_the_first_remedy_fits_the_cause(stack: dict[str, Any], cpu: Any, first: str) -> None:
    found = of_stack(stack, samples=cpu)
    assert verbs(found)[0] == first
    assert {"cancel", "retry", "skip", "stack"} <= set(verbs(found))


def test_a_loop_and_a_deadlock_offer_to_edit_the_line() -> None:
    for stack, at in ((REGEX, 5), (two_locked(), 8)):
        (edit,) = [action for action in of_stack(stack).actions if action.edits is not None]
        assert edit.edits == ("load", at)
    assert not [action for action in of_stack(SLEEP).actions if action.edits is not None]


def test_a_finding_says_what_to_do_about_its_cause() -> None:
    found = of_stack(two_locked())
    assert str(found.message).endswith("it, and take locks in the same order everywhere or with a timeout.")
    assert str(found.brief).endswith("it, and take locks in the same order everywhere or with a timeout.")


def locked_by(pid: int, **more: Any) -> dict[str, Any]:
    """A stack that waits for a lock on /x which that process holds."""
    held: dict[str, Any] = {"pid": pid, "start": 1, "since": None, "command": "vi", "parents": []}
    return body(thread(frame(8, "flock()"), wait={**LOCKED_FILE, "pid": pid, "holder": held}), **more)


def test_a_lock_on_a_file_names_the_process_that_holds_it() -> None:
    found = of_stack(locked_by(7), holders={7: HolderFacts(7, "vi notes", ago(240))})
    assert found.code == "file_lock"
    assert (
        '"Load" waits for a lock on /x, which is held by process 7 (vi notes), for up to 4 m in line 8: flock()'
        in str(found.message)
    )
    assert "Process 7 has run for 4 m: vi notes" in [str(one.message) for one in found.evidence]


def test_a_lock_of_another_run_names_run_node_and_its_own_cause_and_offers_to_cancel_it() -> None:
    holder = HolderFacts(7, "python", ago(240), 12, "export", kept(SLEEP))
    found = of_stack(locked_by(7), holders={7: holder})
    assert 'a lock on /x, which is held by run 12, node "export", for up to 4 m' in str(found.message)
    assert 'The holder, run 12: "export" sleeps in line 3: time.sleep(600) (at 09:43:58 UTC)' in [
        str(one.message) for one in found.evidence
    ]
    assert found.actions[0].path == "/api/v1/runs/12/nodes/export/cancel/"
    assert verbs(found)[1:] == ["cancel", "skip", "stack", "retry"]


def test_a_holder_that_has_ended_is_not_named() -> None:
    found = of_stack(locked_by(7))
    assert "waits for a lock on /x; who holds it is not known" in str(found.message)
    assert "7 (vi)" not in str([str(one.message) for one in found.evidence])


def test_nodes_that_wait_for_each_others_locks_are_in_a_deadlock() -> None:
    holder = HolderFacts(
        7, "python", ago(240), 12, "export", kept(locked_by(PID)), HolderFacts(PID, "", None, 812, "load")
    )
    found = of_stack(locked_by(7), holders={7: holder})
    assert found.code == "deadlock"
    assert 'is in a deadlock with run 12, node "export": it waits for a lock on /x' in str(found.message)


def test_a_node_that_holds_the_lock_that_it_waits_for_is_in_a_deadlock_with_itself() -> None:
    found = of_stack(locked_by(PID), holders={PID: HolderFacts(PID, "", ago(20), 812, "load")})
    assert found.code == "deadlock"
    assert "in a deadlock with itself: it waits for a lock on /x, which it holds through another open" in str(
        found.message
    )
    assert verbs(found)[0] == "cancel"


def test_a_locked_database_is_a_lock_unless_the_code_sleeps_by_itself() -> None:
    held: dict[str, Any] = {"pid": 7, "start": 1, "since": None, "command": "vi", "parents": []}
    wait = {"kind": "sleep", "message": "a sleep", "database": {"path": "/data/x.db", "holder": held}}
    found = of_stack(body(thread(frame(9, "con.execute(sql)"), wait=wait)), holders={7: HolderFacts(7, "vi", None)})
    assert found.code == "file_lock"
    assert "waits for a lock on /data/x.db, which is held by process 7 (vi)" in str(found.message)
    assert of_stack(body(thread(frame(9, "time.sleep(1)"), wait=wait))).code == "sleeping"


def test_a_lock_that_a_child_process_waits_for_is_named() -> None:
    held: dict[str, Any] = {"pid": 7, "start": 1, "since": None, "command": "vi", "parents": []}
    waits = {**LOCKED_FILE, "pid": 7, "holder": held}
    stack = body(thread(wait="child"), children=[child(command="flock /x true", waits_on=waits)])
    found = of_stack(stack, type="shell", holders={7: HolderFacts(7, "sleep", ago(240), 12, "export")})
    assert found.code == "file_lock"
    assert 'held by run 12, node "export"' in str(found.message)


def test_a_process_and_its_child_that_wait_for_each_other_over_pipes_are_in_a_deadlock() -> None:
    write = {"kind": "pipe", "message": "process 5001 (cat) to take data from a pipe", "pid": 5001}
    back = {"kind": "pipe", "message": f"process {PID} to take data from a pipe", "pid": PID}
    cat = child(command="cat", waits_on=back)
    found = of_stack(body(thread(frame(4, "p.stdin.write(data)"), wait=write), children=[cat]))
    assert found.code == "deadlock"
    assert (
        '"Load" is in a deadlock with its child process 5001 (cat): it waits for process 5001 (cat) to take data '
        f"from a pipe, and the child for process {PID} to take data from a pipe in line 4: p.stdin.write(data)"
    ) in str(found.message)
    assert "communicate()" in str(found.message)
    # Another thread that works for the child may end it.
    feeds = thread(frame(9, "link.recv(1)"), wait={"kind": "socket", "message": "x", "address": "h:1"}, id=2)
    other = body(thread(frame(4, "p.wait()"), wait={**write, "kind": "child"}), feeds, children=[cat])
    assert of_stack(other).code == "child_hangs"


def test_a_stopped_child_is_named_with_how_to_continue_it() -> None:
    found = of_stack(body(thread(frame(5, "p.wait()"), wait="child"), children=[child(state="stopped")]))
    assert found.code == "child_stopped"
    assert "child process 5001, which is stopped (SIGSTOP): sleep 600" in str(found.message)
    assert "`kill -CONT 5001` on its host continues it" in str(found.message)
    assert (verbs(found)[0], found.actions[0].body) == ("retry", {})


def test_a_node_process_that_is_stopped_is_said_to_be() -> None:
    wait = {"kind": "other", "message": "being continued", "stopped": True}
    assert of_stack(body(thread(wait=wait))).code == "stopped"


REGEX = body(thread(frame(5, "re.match(pattern, text)")), cpu=99, samples=12)


def silent(how: str, stack: dict[str, Any], **more: Any) -> Any:
    more.setdefault("samples", samples(*[99.0 if how == "computing" else 0.9] * 35, io_bytes=2000))
    at = more.pop("silent_at", ago(5))
    seconds = more.pop("seconds", 66)
    return running(seconds=seconds, expected=None, stack=kept(stack, "quiet", 5), silence=how, silent_at=at, **more)


def test_a_node_without_expectation_that_only_computes_is_quiet_but_computing() -> None:
    found = diagnosis(facts(silent("computing", REGEX)))
    assert [(node.node, node.expected_from) for node in found.stuck] == [("load", "none")]
    one = first(found)
    assert (one.code, one.cause) == ("quiet_computing", "cpu_loop")
    assert "keeps computing in line 5: re.match(pattern, text); it has computed for 1 m 6 s without a line" in str(
        one.message
    )
    assert verbs(one)[0] == "cancel"


def test_where_a_node_computes_is_told_by_the_share_of_each_line() -> None:
    places = [7, 7, 8, 7]
    stack = body(thread(frame(7, "y = f(x)")), cpu=99)
    stack["samples"] = [{"threads": [thread(frame(n, f"line {n}"))]} for n in places]
    told = [str(one.message) for one in first(diagnosis(facts(silent("computing", stack)))).evidence]
    assert "75 % of 4 samples at 09:43:55 UTC in line 7: line 7" in told
    assert "25 % of 4 samples at 09:43:55 UTC in line 8: line 8" in told


def test_a_node_that_looks_now_and_then_with_other_processes_is_quiet_after_a_minute() -> None:
    one = first(diagnosis(facts(silent("idling", SLEEP))))
    assert (one.code, one.cause) == ("quiet", "sleeping")
    assert "it has written no line and reported no progress for 1 m 6 s" in str(one.message)


@pytest.mark.parametrize(
    "sign",
    [
        {"last_output_at": ago(2)},
        {"samples": samples(*[0.0] * 10, io_bytes=1)},
        {"silent_at": None},
    ],
    ids=["line", "no cpu", "not noticed"],
)
def test_a_node_that_does_something_else_since_is_not_quiet_but_computing(sign: dict[str, Any]) -> None:
    assert diagnosis(facts(silent("computing", REGEX, **sign))).findings == []


def look(kind: str, what: str, every: float | None = 1.0, there: bool | None = None) -> dict[str, Any]:
    return {"kind": kind, "what": what, "every": every, "line": 3, "there": there}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            look("file", "x.csv", there=False),
            "looks for x.csv every second since 09:43:40 UTC; it is not there in line",
        ),
        (look("file", "run.lock", 0.5, True), "looks for run.lock every 0.5 s since 09:43:40 UTC; it is there"),
        (look("file", "$X", None), "looks for $X since 09:43:40 UTC in line 4"),
        (look("table", "done"), "looks into table done every second since 09:43:40 UTC; what it looks for does not"),
        (look("address", "http://h:1"), "asks http://h:1 every second since 09:43:40 UTC; it does not get"),
        (look("condition", "job.done"), "checks every second since 09:43:40 UTC whether this has changed: job.done"),
    ],
)
def test_a_loop_that_sleeps_and_looks_says_for_what(found: dict[str, Any], said: str) -> None:
    stack = {**body(thread(frame(4, "time.sleep(1)"), wait="sleep")), "look": found}
    one = of_stack(stack)
    assert (one.code, one.cause) == ("looks_for", "looks_for")
    assert said in str(one.message)
    assert verbs(one)[0] == "cancel"


def test_a_shell_loop_that_looks_is_not_a_child_that_hangs() -> None:
    stack = body(thread(wait="child"), children=[child(command="sleep 1")])
    assert of_stack({**stack, "look": look("file", "/in/x", there=False)}, type="shell").code == "looks_for"


def test_a_line_or_progress_is_since_when_it_looks() -> None:
    stack = {**body(thread(frame(4, "time.sleep(1)"), wait="sleep")), "look": look("file", "x.csv", there=False)}
    assert "since 09:43:50 UTC" in str(of_stack(stack, last_output_at=ago(10)).message)


def socket_wait(**more: Any) -> dict[str, Any]:
    wait = {"kind": "socket", "message": "data", "address": "10.0.0.2:53", **more}
    return body(thread(frame(4, "socket.getaddrinfo(host, 80)"), wait=wait))


def test_a_name_that_is_not_resolved_is_named_with_the_server() -> None:
    one = of_stack(socket_wait(lookup={"name": "db.example"}))
    assert one.code == "name_lookup"
    assert "looks up the name db.example, and the name server 10.0.0.2:53 does not answer in line 4" in str(one.message)
    assert "looks up a name, and" in str(of_stack(socket_wait(lookup={"name": None})).message)


def test_a_connection_that_is_not_made_and_one_that_is_waited_for_differ_from_an_answer() -> None:
    assert of_stack(socket_wait(state="connecting")).code == "connecting"
    assert of_stack(socket_wait(state="listening")).code == "listening"
    assert of_stack(socket_wait(state="closed by its peer")).code == "blocked_on_socket"


def test_a_lock_in_postgresql_names_the_run_that_holds_it() -> None:
    held: dict[str, Any] = {"pid": 7, "start": 1, "since": None, "command": "python", "parents": []}
    backend = {"pid": 99, "does": "UPDATE waiting", "database": "shop", "waits": True, "holder": held}
    one = of_stack(socket_wait(backend=backend), holders={7: HolderFacts(7, "python", ago(240), 12, "export")})
    assert one.code == "database_lock"
    assert (
        "waits for a lock in the PostgreSQL database shop at 10.0.0.2:53 (UPDATE waiting), which is held by run 12, "
        'node "export", for up to 4 m'
    ) in str(one.message)
    assert one.actions[0].path == "/api/v1/runs/12/nodes/export/cancel/"
    busy = of_stack(socket_wait(backend={**backend, "does": "SELECT", "waits": False}))
    assert (busy.code, "which is busy for it (SELECT)" in str(busy.message)) == ("blocked_on_socket", True)


@pytest.mark.parametrize("cpu", [0.0, 180.0])
def test_a_query_of_duckdb_shows_statement_progress_and_what_it_has_written(cpu: float) -> None:
    queries = [{"statement": "select * from a, b", "percent": 41.5, "bytes": 5 << 20}]
    stack = {**body(thread(wait="lock" if not cpu else None), cpu=cpu), "queries": queries}
    one = of_stack(stack, type="table.sql", samples=samples(cpu, cpu, cpu))
    assert one.code == "query"
    assert '"Load" runs a query (42 % done, 5.0 MiB written so far): select * from a, b;' in str(one.message)
    assert verbs(one)[0] == "cancel"


def test_threads_of_a_pool_that_wait_for_its_results_are_in_a_deadlock() -> None:
    result = frame(9, "result", author=False, file="/usr/lib/python3.11/concurrent/futures/_base.py", function="result")
    main, worker = (
        thread(result, frame(line, "f.result()"), wait="lock", name=name, id=line)
        for line, name in ((6, "MainThread"), (4, "pool_0"))
    )
    assert of_stack(body(main, worker)).code == "deadlock"
    assert of_stack(body(main)).code == "blocked_on_lock"


def test_a_poll_of_several_files_is_part_of_no_deadlock() -> None:
    back = {"kind": "pipe", "message": f"data from process {PID}", "pid": PID, "among": 2}
    stack = body(thread(wait={"kind": "child", "message": "x", "pid": 5001}), children=[child(waits_on=back)])
    assert of_stack(stack, type="shell").code == "child_hangs"


def test_what_a_node_waits_for_to_vanish_is_not_to_be_supplied() -> None:
    stack = {**body(thread(frame(4, "time.sleep(1)"), wait="sleep")), "look": look("file", "run.lock", there=True)}
    assert "It goes on when that is gone" in str(of_stack(stack).message)


def test_memory_comes_before_a_cause_that_only_lasts() -> None:
    near: dict[str, Any] = {"memory_mb": 100, "samples": samples(1, 1, 1, memory_bytes=84 * 2**20)}
    codes = [one.code for one in diagnosis(facts(running(stack=kept(SLEEP), **near))).findings]
    assert codes == ["memory_near_limit", "sleeping"]
    codes = [one.code for one in diagnosis(facts(running(stack=kept(two_locked()), **near))).findings]
    assert codes == ["deadlock", "memory_near_limit"]


def waits_for_file(pid: int, of: int) -> dict[str, Any]:
    """A child that waits for a lock which the process `of` holds."""
    held: dict[str, Any] = {"pid": of, "start": 1, "since": None, "command": "flock", "parents": []}
    return child(pid, "flock 9", waits_on={**LOCKED_FILE, "pid": of, "holder": held})


def test_children_that_wait_for_each_others_locks_are_in_a_deadlock() -> None:
    stack = body(thread(wait="child"), children=[waits_for_file(5001, 5002), waits_for_file(5002, 5001)])
    found = of_stack(stack, type="shell")
    assert found.code == "deadlock"
    assert "waits for child processes that are in a deadlock: process 5001 (flock 9)" in str(found.message)


def test_a_lock_that_another_process_of_the_node_holds_is_no_deadlock() -> None:
    stack = body(thread(wait="child"), children=[waits_for_file(5001, 5002), child(5002, "sleep 600")])
    holder = HolderFacts(5002, "sleep 600", ago(20), 812, "load")
    found = of_stack(stack, type="shell", holders={5002: holder})
    assert found.code == "file_lock"
    assert "which is held by process 5002 (sleep 600), for up to 20 s" in str(found.message)
    assert verbs(found) == ["cancel", "skip", "stack", "retry"]


def test_the_line_that_takes_most_of_the_time_is_named() -> None:
    stack = body(thread(frame(8, "b()")), cpu=99)
    stack["samples"] = [{"threads": [thread(frame(n, f"line {n}"))]} for n in (7, 7, 7, 8)]
    assert "keeps computing in line 7: line 7" in str(of_stack(stack).message)
