"""Waiting conditions: a code and parameters, from which Python and TypeScript make the same sentences."""

import json
import re
from pathlib import Path

import pytest
from django.utils import translation

from dashboard.presenters.sentences import sentence_text
from engine.admission.conditions import (
    TEMPLATES,
    ReadyNode,
    SlotHolder,
    WaitingCondition,
    queued_condition,
    retry_condition,
    sentence_of,
    shape_of_stored,
    upstream_condition,
)
from engine.definition import parse
from tests.support.factories import document, node
from tests.support.product import ROOT

READY_CODES = (
    "workflow_limit",
    "run_limit",
    "suspect",
    "pool_missing",
    "pool_too_small",
    "pool_line",
    "pool",
    "queue",
    "worker",
)
NODES = parse(document([{**node(one), "name": f"Node {one}"} for one in "abcd"])).by_id
SENTENCES = [
    *ReadyNode(0, 3, 2, "wh", 4, 3, (), 7, 8, "gpu", 2).conditions(READY_CODES),
    *ReadyNode(0, pool='odd "pool"', pool_slots=4, pool_in_use=4).conditions(["pool", "worker"]),
    *ReadyNode(0, dispatched=True).conditions(["worker"]),
    *(upstream_condition(awaited, NODES, 0) for awaited in ((), ("a",), ("a", "b", "c", "d"))),
    *(queued_condition(max_runs, 0) for max_runs in (None, 2)),
    retry_condition(1, 3, 10, 0),
]


def test_every_template_is_used_and_all_of_its_names_are_parameters() -> None:
    assert {condition.sentence.template for condition in SENTENCES} == set(TEMPLATES.values())
    assert not [condition for condition in SENTENCES if "{" in str(condition.sentence)]


@pytest.mark.parametrize("condition", SENTENCES, ids=lambda condition: str(condition.sentence))
def test_a_condition_survives_its_event_and_the_way_to_a_client(condition: WaitingCondition) -> None:
    shape = shape_of_stored(json.loads(json.dumps(condition.stored())))
    assert shape == condition.shape()
    assert str(sentence_of(shape)) == shape["message"]


def test_a_condition_stored_by_an_earlier_release_is_shown_unchanged() -> None:
    stored = {"code": "worker", "message": "Waits for a free node process.", "since": None}
    assert shape_of_stored(stored) == stored
    assert str(sentence_of(stored)) == stored["message"]


def test_only_conditions_about_slots_name_who_holds_them() -> None:
    holder = SlotHolder(7, "load", 2, 0)
    ready = ReadyNode(0, pool="p", pool_slots=2, pool_in_use=2, holders=[holder])
    shapes = [condition.shape() for condition in ready.conditions(["pool", "pool_line", "worker"])]
    assert [shape.get("holders") for shape in shapes] == [[holder.shape()], [holder.shape()], None]


def test_a_retry_says_until_when_it_waits() -> None:
    shape = retry_condition(1, 3, 10, 0).shape()
    assert shape["until"] == shape["params"]["at"] == "1970-01-01T00:00:00.000010Z"


@pytest.mark.parametrize("condition", SENTENCES, ids=lambda condition: str(condition.sentence))
def test_every_condition_is_translated(condition: WaitingCondition) -> None:
    with translation.override("zh-hant"):
        assert sentence_text(condition.sentence) != str(condition.sentence)
    with translation.override("en"):
        assert sentence_text(condition.sentence) == str(condition.sentence)


def test_the_browser_has_the_same_templates() -> None:
    source = (Path(ROOT) / "static/src/words/engine.ts").read_text()
    entries = re.findall(r"""^  "?([\w.]+)"?: gettext_noop\(\s*("[^"]*"|'[^']*'),?\s*\)""", source, re.MULTILINE)
    assert {key: text[1:-1] for key, text in entries} == TEMPLATES
