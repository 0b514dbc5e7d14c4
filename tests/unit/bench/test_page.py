"""The definitions and calculations of `bench page`. The measurement itself needs a browser and an idle machine."""

import json

import pytest

from engine import definition
from tests.bench import frames, latency, memory, paint, parts, stats, workflows


@pytest.mark.parametrize(
    ("document", "nodes"),
    [
        (workflows.gated_chains(30, 10, workflows.SLEEP.format(seconds=0.02), "/tmp/it's a gate"), 31),
        (workflows.layers(300, 5), 300),
        (workflows.layers(300, 3, workflows.PRINT_AND_SLEEP.format(lines=5, seconds=0.1)), 300),
        (workflows.fan(20), 22),
        (workflows.printing_nodes(3, 10, 'a "word" that occurs once'), 3),
    ],
)
def test_the_measured_definitions_are_valid(document, nodes):
    assert definition.problems(document) == []
    assert len(document["nodes"]) == nodes
    for node in document["nodes"]:
        if "config" in node:
            compile(node["config"]["code"], node["id"], "exec")


def message(*changes: tuple[int, str, str]) -> str:
    events = [
        {"seq": seq, "type": "node", "node": {"state": state, "finished_at": at or None}} for seq, state, at in changes
    ]
    return json.dumps({"type": "events", "events": events})


def test_a_change_counts_until_the_first_frame_that_shows_it():
    second = "2026-11-24T10:00:00.000000Z"
    base = stats.milliseconds(second)
    messages = [
        [base + 20, message((1, "running", ""), (2, "succeeded", second))],
        [base + 30, message((3, "succeeded", second))],
        [base + 70, message((4, "succeeded", second))],
    ]
    drawn = [[1, base + 25, base + 26], [3, base + 40, base + 48], [4, base + 80, 0]]
    assert latency.latencies(messages, drawn) == [(20, 40, 48), (30, 40, 48), (70, 80, 80)]


def test_a_change_that_was_never_drawn_is_left_out():
    second = "2026-11-24T10:00:00.000000Z"
    assert latency.latencies([[0, message((9, "succeeded", second))]], [[8, 1, 1]]) == []


def test_a_case_has_its_median_and_its_ratio_to_the_floor():
    result = stats.case("open", "s", [3, 1, 2], [0.5, 1.5], note=7)
    assert (result["value"], result["floor"], result["ratio"], result["note"]) == (2, 1, 2, 7)
    assert stats.quantile(range(100), 0.95) == 95


def test_the_slowest_second_is_the_one_with_the_fewest_frames():
    even = [float(at) for at in range(0, 3000, 20)]
    assert frames.slowest(even) == 50
    assert frames.slowest([at for at in even if not 1000 <= at < 1800]) == 10
    assert frames.slowest([0.0, 500.0]) == 0


def test_growth_is_the_slope_of_the_regression_line():
    assert memory.slope([(0, 5), (1, 7), (2, 9)]) == 2
    assert memory.slope([(0, 5), (1, 5), (2, 5)]) == 0
    assert memory.slope([(3, 5)]) == 0


def test_the_part_is_found_by_name():
    assert "page" in parts.names()
    assert parts.find("page").lines({"machine": {"python": "3", "cores": 2}, "browser": "1", "repeat": 1, "cases": []})


def test_missed_targets_are_marked_and_shifted_elements_named():
    good = {"name": "runs", "island": False, "first_ms": 200.0, "later_ms": 90.0, "floor_ms": 40.0, "shift": 0.0}
    loaded = {"script_bytes": 59_000, "worker_bytes": 0, "style_bytes": 20_000, "font_bytes": 48_000}
    pages = [
        {**good, **loaded, "moved": []},
        {**good, **loaded, "name": "editor", "island": True, "script_bytes": 449_000, "moved": []},
        {
            **good,
            **loaded,
            "name": "audit",
            "first_ms": 301.0,
            "shift": 0.021,
            "script_bytes": 61_000,
            "moved": ["why"],
        },
    ]
    report = {"machine": {"cores": 2}, "browser": "156", "repeat": 5, "pages": pages}
    *_, runs, editor, audit, moved = paint.lines(report)
    assert "!" not in runs + editor
    assert [cell for cell in audit.split() if "!" in cell] == ["!301", "!0.021", "!61"]
    assert moved.strip() == "moved: why"
