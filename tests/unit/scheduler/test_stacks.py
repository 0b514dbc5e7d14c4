"""Stacks and samples of running attempts: asked for, taken in, cut, kept, told in the log."""

import json
from typing import Any

import pytest

from engine.executors.base import Sampled, Stacks
from engine.scheduler.core.stacks import STACK_BYTES_MAX, log_line, stack_text
from tests.support.factories import document, node

BODY = {"samples": [{"at": "t", "threads": []}], "children": [], "moves": None}


def frame(number: int = 1, *, author: bool = False, source: str = "x = 1") -> dict[str, Any]:
    return {"file": "node.py", "line": number, "function": "main", "source": source, "author": author}


def thread(number: int, frames: list[Any]) -> dict[str, Any]:
    return {"id": number, "name": f"t{number}", "waits_on": None, "frames": frames}


def running(sim, **policy):
    run = sim.start(document([node("a", **policy)]))
    claim = sim.begin()
    return run, claim


def report(sim, claim: str, why: str = "asked", body: dict[str, Any] | None = None) -> None:
    sim.executor.reports.append(Stacks(claim, sim.clock.now, why, body or BODY))
    sim.settle()


def test_work_contains_the_time_after_which_it_is_stuck(simulate):
    sim = simulate()
    running(sim, expected_duration=3)
    assert sim.executor.history[-1].stuck_after == 6


def test_work_without_expected_duration_is_never_stuck(simulate):
    sim = simulate()
    running(sim)
    assert sim.executor.history[-1].stuck_after is None


def test_a_learned_duration_counts_twice_but_no_less_than_five_seconds(simulate):
    sim = simulate()
    sim.store.stats["w", "a"] = ([0.5, 0.5, 0.5], 0.5)
    running(sim)
    assert sim.executor.history[-1].stuck_after == 5


def test_an_attempt_keeps_the_start_of_its_wait_over_a_crash(simulate):
    sim = simulate()
    run = sim.launch(document(["a"]))
    ready = round(sim.clock.now * 1e6)
    sim.clock.advance(2)
    sim.executor.begin()
    sim.settle()
    assert run.attempts["a", 1]["ready_at"] == ready
    assert run.attempts["a", 1]["started_at"] == ready + 2_000_000
    sim.clock.advance(3)
    sim.crash()
    sim.settle()
    assert (run.attempts["a", 1]["state"], run.attempts["a", 1]["ready_at"]) == ("lost", ready)
    sim.begin()
    assert run.attempts["a", 2]["ready_at"] == ready + 5_000_000


def test_a_sample_keeps_the_bytes_of_system_calls(simulate):
    sim = simulate()
    run, claim = running(sim)
    sim.executor.reports.append(Sampled(claim, sim.clock.now, 10.0, 5000, False, 7, "tree", 123))
    sim.settle()
    (sample,) = run.samples
    assert (sample["io_bytes"], sample["network_bytes"], sample["network_scope"]) == (123, 7, "tree")


def test_stacks_are_kept_with_their_attempt_and_their_reason(simulate):
    sim = simulate()
    run, claim = running(sim)
    report(sim, claim, "soft_timeout")
    (stack,) = run.stacks
    assert (stack["node"], stack["attempt"], stack["why"]) == ("a", 1, "soft_timeout")
    assert stack["taken_at"] == round(sim.clock.now * 1e6)
    assert json.loads(stack["body"]) == BODY
    assert run.lines == []


def test_stacks_of_an_unknown_claim_are_dropped(simulate):
    sim = simulate()
    run, claim = running(sim)
    report(sim, "another")
    sim.executor.end(claim)
    report(sim, claim)
    assert run.stacks == []
    assert sim.scheduler.core.memory.stale_reports == 2


@pytest.mark.parametrize(
    ("why", "expected", "expected_from", "line"),
    [
        ("stuck", 21.6, "learned", "Marked stuck after 43.2 s (usually 21.6 s). Stack traces saved."),
        ("stuck", 20, "author", "Marked stuck after 40 s (expected 20 s). Stack traces saved."),
        (
            "stuck",
            0.4,
            "learned",
            "Marked stuck after 5 s (usually 0.4 s). Stack traces saved.",
        ),
        (
            "quiet",
            None,
            "none",
            "Marked quiet: for 30 s no line, no progress, no CPU and no I/O. Stack traces saved.",
        ),
        ("asked", 1, "author", ""),
        ("hard_timeout", 1, "author", ""),
    ],
)
def test_the_log_says_why_stacks_were_captured_automatically(why, expected, expected_from, line):
    assert log_line(why, expected, expected_from) == line


def test_the_log_says_that_a_quiet_node_computes():
    assert log_line("quiet", None, "none", "computing") == (
        "Marked quiet: for 60 s no line and no progress, although it computed all the time. Stack traces saved."
    )
    assert "hardly any CPU" in log_line("quiet", None, "none", "idling")


def test_the_line_of_a_stuck_node_is_in_its_log(simulate):
    sim = simulate()
    run, claim = running(sim, expected_duration=1)
    report(sim, claim, "stuck")
    assert [line for _, line in run.lines] == ["Marked stuck after 2 s (expected 1 s). Stack traces saved."]


def test_an_attempt_keeps_twenty_stacks_and_drops_requested_ones_first(simulate):
    sim = simulate()
    run, claim = running(sim)
    for number in range(30):
        sim.clock.advance(1)
        report(sim, claim, "stuck" if number in (3, 5) else "asked", {**BODY, "number": number})
    kept = [json.loads(stack["body"])["number"] for stack in run.stacks]
    assert kept == [3, 5, *range(12, 30)]


def test_several_requests_for_stacks_share_one_capture(simulate):
    sim = simulate()
    run, claim = running(sim)
    asked = [sim.command("stack", run.id, "a") for _ in range(3)]
    sim.settle()
    assert sim.executor.stacks_asked == [claim]
    assert all(command.done and command.outcome is None for command in asked)
    sim.clock.advance(0.6)
    report(sim, claim)
    sim.clock.advance(0.9)
    sim.apply("stack", run.id, "a")
    assert sim.executor.stacks_asked == [claim], "those of the last second are handed out again"
    sim.clock.advance(0.1)
    sim.apply("stack", run.id, "a")
    assert sim.executor.stacks_asked == [claim, claim]


def test_an_unanswered_request_for_stacks_is_sent_again(simulate):
    sim = simulate()
    run, claim = running(sim)
    for _ in range(2):
        sim.apply("stack", run.id, "a")
        sim.clock.advance(2)
    assert sim.executor.stacks_asked == [claim, claim]


def test_a_node_that_does_not_run_has_no_stacks_to_take(simulate):
    sim = simulate()
    run, claim = running(sim)
    sim.end(claim, "failed")
    command = sim.command("stack", run.id, "a")
    other = sim.apply("stack", 77, "a")
    assert sim.executor.stacks_asked == []
    assert command.outcome == {"refused": "ended"}
    assert other.outcome == {"refused": "ended"}
    assert sim.scheduler.core.memory.stack_requests._by_claim == {}


def test_a_large_body_is_cut_and_marked_as_cut():
    deep = [frame(number) for number in range(1500)]
    body = {"samples": [{"threads": [thread(n, deep) for n in range(150)]}] * 3, "children": [{"pid": 1}] * 900}
    text = stack_text(body)
    assert len(text.encode()) <= STACK_BYTES_MAX
    kept = json.loads(text)
    assert len(kept["samples"]) == 3
    assert kept["samples"][0]["threads"][0]["frames"][0]["line"] == 0, "the innermost frames stay"
    frames = sum(len(one["frames"]) for sample in kept["samples"] for one in sample["threads"])
    assert frames > 0
    assert kept["cut"]["frames"] > 0
    assert kept["cut"]["threads"] == 450 - sum(len(sample["threads"]) for sample in kept["samples"])
    assert kept["cut"]["children"] == 900 - len(kept["children"])


def test_cutting_a_body_keeps_threads_with_lines_of_the_author():
    others = [thread(number, [frame(source="y" * 900)] * 100) for number in range(300)]
    body = {"samples": [{"threads": [*others, thread(999, [frame(author=True)])]}], "children": []}
    threads = json.loads(stack_text(body))["samples"][0]["threads"]
    assert threads[0]["id"] == 999


def test_a_malformed_body_is_stored_as_small_valid_json():
    assert json.loads(stack_text({"samples": "x", "children": None, "cpu_percent": float("nan"), "odd": {1, 2}}))[
        "cpu_percent"
    ] is None  # fmt: skip
    nested: dict[str, Any] = {}
    for _ in range(2000):
        nested = {"x": nested}
    assert len(stack_text({"samples": [nested], "children": []})) < 1000
    huge = {f"k{number}": "z" * 1000 for number in range(1000)}
    assert json.loads(stack_text({**BODY, **huge}))["samples"] == []
    assert json.loads(stack_text(BODY)) == BODY
