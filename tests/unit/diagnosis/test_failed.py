import inspect

import pytest

from engine.diagnosis import remedies
from engine.diagnosis.rules import diagnosis
from engine.worker import errors
from tests.unit.diagnosis.made import PID, body, facts, failure, frame, kept, line, thread

MIB = 2**20


def test_a_failure_is_located_with_class_line_message_lines_and_a_remedy() -> None:
    logs = [line(f"line {n}", 9 - n, n) for n in range(8)]
    # The scheduler's own line is no word of the node's.
    logs.append(line("Marked stuck after 10 s (expected 5 s). Stack traces saved.", 0.5, 8))
    (one,) = diagnosis(facts(failure(logs=logs, message='could not convert "1.204,50"\nmore'), state="failed")).findings
    assert one.code == "failed_value_error"
    assert str(one.message).startswith(
        '"Parse amounts" failed: ValueError in line 9, could not convert "1.204,50". A value'
    )
    assert one.node == "parse"
    error, *rest = one.evidence
    assert (error.kind, error.value, error.pid) == ("error", 9, PID)
    assert [str(each.message) for each in rest if each.kind == "log"] == [f"line {n}" for n in range(3, 8)]
    assert [str(action.label) for action in one.actions] == ["Edit this node", "Retry", "Skip node"]
    assert one.actions[0].edits == ("parse", 9)
    assert one.actions[0].path == "/api/v1/workflows/delays/draft/"


@pytest.mark.parametrize(
    ("kind", "message", "first"),
    [
        ("ValueError", "m", "Edit this node"),
        ("KeyError", "m", "Edit this node"),
        ("SqlError", "Parser Error: syntax error", "Edit this node"),
        ("ExitCode", "The command ended with exit code 2.", "Edit this node"),
        ("ExitCode", "The command was ended by SIGKILL.", "Retry"),
        ("WorkerLost", "The node process was ended by SIGKILL while the attempt ran.", "Retry"),
        ("WorkerLost", "The node process ended with exit code 3: the node's code ended it.", "Edit this node"),
        ("HardTimeout", "m", "Retry with a 15 m limit"),
        ("requests.exceptions.ReadTimeout", "m", "Retry"),
        ("ConnectionRefusedError", "m", "Retry"),
        ("OSError", "No space left on device", "Retry"),
        ("BadConfig", "m", "Edit this node"),
    ],
)
def test_editing_comes_first_unless_a_retry_of_the_same_code_can_help(kind: str, message: str, first: str) -> None:
    failed = failure(kind, message, soft_timeout=300)
    (one,) = diagnosis(facts(failed, state="failed")).findings
    assert str(one.actions[0].label) == first
    assert "Edit this node" in {str(action.label) for action in one.actions}


def test_an_error_whose_base_class_is_a_connection_error_is_retried() -> None:
    failed = failure("ApiDown", "m", error_bases=["acme.ApiDown", "ConnectionError", "OSError", "Exception"])
    (one,) = diagnosis(facts(failed, state="failed")).findings
    assert str(one.actions[0].label) == "Retry"


def test_who_may_not_edit_is_not_offered_to_edit() -> None:
    found = diagnosis(facts(failure(), state="failed")).without_edits()
    assert [str(action.label) for action in found.findings[0].actions] == ["Retry", "Skip node"]


ENGINE = [
    "SoftTimeout", "HardTimeout", "MemoryLimit", "WorkerLost", "ExitCode", "SqlError", "ExpressionError", "BadOutput",
    "BadInput", "BadConfig", "BadData", "NoSuchFile", "PathRefused", "TableExists", "MissingPackage", "ProcessLimit",
    "ArtifactStoreError", "ArtifactGone", "WrongContent",
]  # fmt: skip


@pytest.mark.parametrize("kind", ENGINE)
def test_every_class_of_the_engine_has_a_code_and_a_remedy_of_its_own(kind: str) -> None:
    error = {"class": kind, "message": "x"}
    assert remedies.code_of(error) not in ("failed_error", "")
    others = {str(remedies.remedy({"class": name, "message": "x"})) for name in ENGINE if name != kind}
    assert str(remedies.remedy(error)) not in others


def test_every_error_class_of_the_node_process_has_a_code() -> None:
    named = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException) and name != "NodeError"
    }
    assert {name for name in named if remedies.code_of({"class": name}) == "failed_error"} == set()


@pytest.mark.parametrize(
    ("kind", "message", "part"),
    [
        ("EOFError", "EOF when reading a line", "inputs"),
        ("ExitCode", "The command ended with exit code 126.\nx: Permission denied", "chmod"),
        ("ExitCode", "The command ended with exit code 127 (command not found).", "PATH"),
        ("ExitCode", "The command ended with exit code 137 (a process was ended by SIGKILL).", "SIGKILL"),
        ("ExitCode", "The command was ended by SIGTERM and wrote nothing to stderr.", "SIGTERM"),
        ("ExitCode", "The command ended with exit code 1.\nbad", "last output"),
        ("WorkerLost", "Ended by SIGKILL: killed by the kernel, probably out of memory.", "ran out"),
        ("WorkerLost", "The node process was ended by SIGSEGV while the attempt ran.", "crashed"),
        ("WorkerLost", "The node process ended with exit code 3: the node's code ended it.", "os._exit"),
        ("ModuleNotFoundError", "No module named 'pandas.core'", "Install pandas for"),
        ("KeyError", "'amount' is not there", "target ports"),
        ("ConnectionRefusedError", "[Errno 111] Connection refused", "start the service"),
        ("SqlError", 'Binder Error: Referenced column "x" not found in FROM clause!', "no such column"),
        ("SqlError", "Catalog Error: Table with name x does not exist!", "no such table"),
        ("SqlError", "Parser Error: syntax error at or near", "cannot parse the SQL"),
        ("SqlError", "Conversion Error: Could not convert string", "try_cast"),
        ("OSError", "[Errno 28] No space left on device", "disk is full"),
        ("requests.exceptions.ConnectionError", "x", "check the address"),
        ("MyOwnError", "x", "Check the line"),
        ("ExpressionError", "x", "{{ and }}"),
    ],
)  # fmt: skip
def test_the_remedy_fits_the_error(kind: str, message: str, part: str) -> None:
    assert part in str(remedies.remedy({"class": kind, "message": message}))


def test_a_time_out_offers_more_time() -> None:
    late = failure("SoftTimeout", "The soft limit of 30 s had passed.", state="timed_out", soft_timeout=30, seconds=31)
    (one,) = diagnosis(facts(late, state="failed")).findings
    assert one.code == "failed_soft_timeout"
    body = one.actions[0].body
    assert body is not None
    assert body["policy"]["soft_timeout"] >= 60
    assert body["policy"]["hard_timeout"] >= body["policy"]["soft_timeout"]
    assert any(each.kind == "duration" and each.value == 31 for each in one.evidence)


def test_the_finding_of_a_timeout_says_what_the_node_did_at_its_limit() -> None:
    before = kept(body(thread(frame(3, "time.sleep(600)"), wait="sleep")), "soft_timeout", 4)
    late = failure("SoftTimeout", "x", state="timed_out", soft_timeout=30, stack=before)
    (one,) = diagnosis(facts(late, state="failed")).findings
    told = next(each for each in one.evidence if each.kind == "stack")
    assert (
        str(told.message) == 'Just before it ended, at 09:43:56 UTC: "Parse amounts" sleeps in line 3: time.sleep(600)'
    )
    assert (told.value, told.pid) == ("sleeping", PID)


def test_stacks_without_cpu_usage_are_judged_by_the_cpu_time_of_the_attempt() -> None:
    before = kept(body(thread(frame(4, "while True:")), cpu=None, samples=2), "soft_timeout", 4)
    late = failure("SoftTimeout", "x", soft_timeout=5, seconds=5.1, cpu_seconds=1.2, stack=before)
    (one,) = diagnosis(facts(late, state="failed")).findings
    assert [each.value for each in one.evidence if each.kind == "stack"] == ["cpu_loop"]


def test_a_memory_limit_offers_more_memory_and_says_what_was_used() -> None:
    big = failure("MemoryLimit", "x", memory_mb=100, memory_peak=104 * MIB)
    (one,) = diagnosis(facts(big, state="failed")).findings
    assert one.actions[0].body == {"policy": {"memory_mb": 256}}
    assert any(each.kind == "memory" and each.value == 104 * MIB and each.unit == "bytes" for each in one.evidence)


def test_advice_in_the_message_of_an_error_is_replaced_by_the_remedy() -> None:
    text = "The attempt used 104 MiB of memory; its limit (memory_mb) is 100. Raise memory_mb, or work in parts."
    (one,) = diagnosis(facts(failure("MemoryLimit", text, memory_mb=100), state="failed")).findings
    assert str(one.message) == (
        '"Parse amounts" failed: MemoryLimit in line 9: The attempt used 104 MiB of memory; its limit (memory_mb) is '
        "100. Give it more memory (memory_mb), or process the data in parts."
    )


def test_no_more_memory_is_offered_than_the_machine_has() -> None:
    big = failure("MemoryLimit", "x", memory_mb=1000, memory_peak=1000 * MIB)
    (one,) = diagnosis(facts(big, state="failed", machine_memory=1020 * MIB)).findings
    assert one.actions[0].body == {}


def test_further_failures_are_counted() -> None:
    (one,) = diagnosis(facts(failure(), state="failed", failed_total=4)).findings
    assert str(one.evidence[-1].message) == "3 more nodes failed after it"


def test_a_node_that_was_not_started_points_to_the_failure() -> None:
    (one,) = diagnosis(facts(failure(), state="failed", requested_node="tell", requested_name="Tell the team")).findings
    assert one.code == "upstream_failed"
    assert one.node == "tell"
    assert str(one.message).startswith('"Tell the team" was not started because "Parse amounts" failed: ValueError')


def test_a_failure_without_an_error_is_not_determined() -> None:
    (one,) = diagnosis(facts(failure(error=None), state="failed")).findings
    assert one.code == "failed_error"
    assert "without an error message" in str(one.message)


def test_a_run_past_its_time_limit_has_a_finding() -> None:
    (one,) = diagnosis(facts(state="timed_out", counts={"cancelled": 2})).findings
    assert one.code == "run_timeout"
    assert one.actions[0].path == "/api/v1/runs/812/retry/"
