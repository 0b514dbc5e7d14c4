"""Texts of pages. The browser's code is tested with the same tables."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.presenters import amounts, node_types
from dashboard.presenters.changes import limit_text
from dashboard.presenters.charts import sparkline
from dashboard.presenters.code import code_around, traceback_lines
from dashboard.presenters.definition import document_text
from dashboard.presenters.sentences import error_sentence, receipt_text, sentence_html, sentence_text
from dashboard.presenters.states import state_style
from dashboard.presenters.text import visible, without_colours
from engine import states
from engine.diagnosis.wording import clock_time
from engine.sentences import Sentence

STATIC = Path(__file__).parents[3] / "static" / "src"
EXAMPLES = json.loads((STATIC / "words" / "examples.json").read_text())
DEFINITION_TEXTS = json.loads((STATIC / "text" / "format.json").read_text())


@pytest.mark.parametrize(("value", "text"), EXAMPLES["duration"])
def test_durations_are_written_as_in_the_browser(value, text):
    assert amounts.duration(value) == text


@pytest.mark.parametrize(("value", "text"), EXAMPLES["count"])
def test_counts_are_written_as_in_the_browser(value, text):
    assert amounts.count(value) == text


@pytest.mark.parametrize(("value", "text"), EXAMPLES["size"])
def test_sizes_are_written_as_in_the_browser(value, text):
    assert amounts.size(value) == text


@pytest.mark.parametrize(
    ("receipt", "text"),
    [
        ({"processes": 3, "slots": 1, "seconds": 0.2}, "Stopped 3 processes in 0.2 s, 1 slot released."),
        ({"processes": 1, "slots": 0, "seconds": 0.02}, "Stopped 1 process in 20 ms."),
        ({"processes": 1200, "slots": 2, "seconds": 61}, "Stopped 1,200 processes in 1 m 1 s, 2 slots released."),
        (None, ""),
    ],
)
def test_a_receipt_says_what_was_stopped(receipt, text):
    assert receipt_text(receipt) == text


@pytest.mark.parametrize(("values", "most", "path"), EXAMPLES["spark"])
def test_small_charts_are_drawn_as_in_the_browser(values, most, path):
    assert sparkline(values, most) == path


def test_sentences_of_the_diagnosis_mark_code_and_escape_markup():
    inner = Sentence("in line {line}: {source}", {"line": 3, "source": "<b>x</b>\u202e"})
    sentence = Sentence('"{node}" waits {where}', {"node": "<i>n</i>", "where": inner})
    assert sentence_text(sentence) == '"<i>n</i>" waits in line 3: <b>x</b>\\u202e'
    assert sentence_html(sentence) == (
        '"&lt;i&gt;n&lt;/i&gt;" waits in line 3: <span class="mono">&lt;b&gt;x&lt;/b&gt;\\u202e</span>'
    )


def test_a_time_in_a_sentence_is_a_time_element():
    sentence = Sentence("sampled at {time}", {"time": clock_time(datetime(2026, 11, 24, 9, 41, 52, 7, tzinfo=UTC))})
    assert sentence_text(sentence) == "sampled at 09:41:52 UTC"
    assert sentence_html(sentence) == (
        'sampled at <time datetime="2026-11-24T09:41:52.000007Z" data-form="time" title="2026-11-24 09:41:52 UTC">'
        "09:41:52</time>"
    )


def test_a_traceback_marks_the_lines_of_the_nodes_own_code():
    text = (
        'Traceback:\n  File "<n>", line 2, in main\n    go()\n    ^^^^\n  File "/x.py", line 1, in go\n    bad\nE: no'
    )
    kinds = [line.kind for line in traceback_lines(text, "<n>")]
    assert kinds == ["", "author", "source", "", "", "", ""]
    assert not any(line.kind for line in traceback_lines(text, ""))


@pytest.mark.parametrize(("value", "text"), EXAMPLES["visible"])
def test_invisible_characters_are_escaped_as_in_the_browser(value, text):
    assert visible(value) == text


def test_colours_of_a_terminal_are_removed_and_nothing_else():
    assert without_colours("\x1b[1;31mred\x1b[0m \x1b]0;title\x07 [31m") == "red \x1b]0;title\x07 [31m"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("retries", 2, "retries 2"),
        ("retry_delay", 1, "retry delay 1 s"),
        ("memory_mb", 500, "memory 500 MiB"),
        ("retry_on", ["KeyError", "OSError"], "retried errors KeyError, OSError"),
        ("pool", None, "pool none"),
        ("cache", {"ttl": 90}, "cache 1 m 30 s"),
    ],
)
def test_a_field_of_a_policy_is_named_with_its_value_and_unit(field, value, text):
    assert limit_text(field, value) == text


@pytest.mark.parametrize(("document", "text"), DEFINITION_TEXTS)
def test_a_definition_is_written_as_in_the_browser(document, text):
    assert document_text(document) == text
    assert json.loads(text) == document


def test_every_state_has_a_word_and_an_icon_of_its_own():
    for state in {*states.RUN_STATES, *states.NODE_STATES, *states.ATTEMPT_STATES}:
        style = state_style(state)
        assert style.icon != "dot", state
        assert str(style.word) != state


def test_every_state_has_its_colours():
    tokens = (STATIC / "styles" / "tokens.css").read_text()
    for state in {*states.RUN_STATES, *states.NODE_STATES, *states.ATTEMPT_STATES, "stuck"}:
        assert f".st-{state}" in tokens


def test_every_icon_in_use_is_in_the_sprite():
    root = Path(__file__).parents[3]
    sprite = (root / "templates" / "components" / "_sprite.html").read_text()
    import re

    used = set()
    for template in (root / "templates").rglob("*.html"):
        used |= set(re.findall(r'{% icon "([a-z]+)"', template.read_text()))
    for script in STATIC.rglob("*.ts"):
        used |= set(re.findall(r'\bicon\("([a-z]+)"', script.read_text()))
    used |= {state_style(state).icon for state in [*states.NODE_STATES, *states.RUN_STATES, "stuck", "lost"]}
    used |= {node_types.icon(name) for name in ("noop", "python", "shell", "table.read", "table.sql", "branch")}
    assert {name for name in used if f'id="i-{name}"' not in sprite} == set()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"class": "ValueError", "message": "could not\nconvert", "line": 9}, "Parse: ValueError in line 9, could not"),
        (
            {"class": "SoftTimeout", "message": "The soft limit of 1 s has passed.", "line": 4},
            "Parse: SoftTimeout in line 4: The soft limit of 1 s has passed.",
        ),
        ({"class": "WorkerLost", "message": "", "line": None}, "Parse: WorkerLost"),
        (None, "Parse failed without an error message"),
    ],
)
def test_an_error_is_one_sentence(error, text):
    assert error_sentence(error, "Parse") == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(3, 418, "0.7 %"), (0, 0, "0 %"), (1, 100_000, "0.1 %"), (999, 1000, "99 %"), (5, 5, "100 %")],
)
def test_a_share_never_rounds_to_nothing_or_all(part, whole, text):
    assert amounts.percent(part, whole) == text


def test_the_line_of_an_error_is_marked_among_its_neighbours():
    code = "\n".join(f"line {number}" for number in range(1, 31))
    shown = code_around(code, 10, around=2)
    assert [(line.number, line.hit) for line in shown] == [(8, False), (9, False), (10, True), (11, False), (12, False)]
    assert code_around(code, 99)[0].number == 1
    assert code_around("", 1) == []
