"""Lines that the scheduler writes into logs, and the order of those that attempts write."""

import json
import random

from engine.executors.base import Ended, Lines
from engine.log_lines import ERROR_LINES_MAX, LINE_BYTES_MAX, error_lines
from engine.scheduler.core.report_handler import SORTED_MAX, TURNS_MAX, in_turns
from tests.support.factories import document, node

TRACEBACK = "Traceback (most recent call last):\n  File \"load.py\", line 2, in main\nKeyError: 'lod'\n"


def failed(claim, **error):
    whole = {"class": "KeyError", "message": "'lod' is not there", "line": 2, "traceback": TRACEBACK, **error}
    return Ended(claim, "failed", 20.0, 1.0, error=whole)


def shown(run):
    return [line for _, line in run.lines]


def test_an_error_and_its_traceback_are_log_lines(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    sim.settle()
    sim.executor.reports.append(failed(sim.executor.begin()))
    sim.settle()
    assert sim.states(run) == {"a": "failed"}
    assert shown(run) == TRACEBACK.rstrip().split("\n")
    assert {level for _, level in run.levels} == {"error"}


def test_an_error_that_is_reported_twice_is_logged_once(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    sim.settle()
    ended = failed(sim.executor.begin(), traceback=None)
    sim.executor.reports += [ended, ended]
    sim.settle()
    assert shown(run) == ["KeyError: 'lod' is not there"]


def test_each_attempt_logs_its_error(simulate):
    sim = simulate()
    run = sim.start(document([node("a", retries=1, retry_delay=1, retry_backoff="fixed")]))
    for number in (1, 2):
        sim.settle()
        sim.executor.reports.append(failed(sim.executor.begin(), message=f"try {number}", traceback=None))
        sim.settle()
        sim.clock.advance(2)
    assert shown(run) == ["KeyError: try 1", "KeyError: try 2"]


def test_an_attempt_that_a_stop_interrupts_logs_no_error(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    sim.settle()
    sim.executor.end(sim.executor.begin(), "lost", interrupted=True)
    sim.settle()
    assert shown(run) == []


def test_lines_of_parallel_nodes_are_in_order_of_their_time(simulate):
    sim = simulate()
    run = sim.start(document(["a", "b"]))
    sim.settle()
    a, b = sim.executor.begin(), sim.executor.begin()
    sim.settle()
    sim.executor.reports += [
        Lines(a, [(10.0, "info", "a1"), (10.3, "info", "a2")]),
        Lines(b, [(10.1, "info", "b1"), (10.4, "info", "b2")]),
        Lines(a, [(10.2, "info", "a3, whose clock was set back")]),
    ]
    sim.settle()
    assert shown(run) == ["a1", "b1", "a2", "a3, whose clock was set back", "b2"]


def test_many_lines_of_parallel_nodes_become_few_rows():
    rng = random.Random(1)
    for count in (100, SORTED_MAX):
        sources = [sorted((rng.random() * 0.5, "info", f"{name}{n}") for n in range(count)) for name in ("a", "b", "c")]
        turns = list(in_turns(sources))
        assert len(turns) <= TURNS_MAX
        for place, source in enumerate(sources):
            assert [line for turn in turns for where, line in turn if where == place] == source


def test_an_error_has_a_limited_number_of_lines_of_limited_length():
    lines = error_lines(
        {"class": "E", "message": "m", "traceback": "\n".join(["x" * 20_000] + ["  y"] * 5000 + ["E: m"])}
    )
    assert len(lines) == ERROR_LINES_MAX
    assert len(lines[0].encode()) <= LINE_BYTES_MAX
    assert lines[-1] == "E: m"
    assert "4,803 lines left out" in "".join(lines)


def test_an_error_that_its_traceback_does_not_end_with_is_named_after_it():
    error = {"class": "SoftTimeout", "message": "The soft limit\nhad passed", "traceback": TRACEBACK}
    assert error_lines(error)[-2:] == ["SoftTimeout: The soft limit", "had passed"]
    assert error_lines({"class": "WorkerLost", "message": ""}) == ["WorkerLost"]
    assert json.dumps(error_lines({"message": "\ud800"})) == '["Error: ?"]'
