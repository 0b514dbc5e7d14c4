"""Sentences of the engine that pages show: each that it can say is known, and comes out in the reader's language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils import translation

from dashboard.engine_words import engine_words
from dashboard.presenters.sentences import error_sentence, sentence_html, sentence_text
from engine.diagnosis import wording
from engine.inspect import waits
from engine.sentences import Sentence


@pytest.fixture
def chinese():
    with translation.override("zh-hant"):
        yield


def sentences(source: str) -> set[str]:
    """Texts that a module gives to `_wait`, or puts together for it, with something in their places."""
    found = set()
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_wait":
            found |= {_filled(part) for part in _branches(call.args[1])}
        elif isinstance(call, ast.Assign) and isinstance(call.targets[0], ast.Name) and call.targets[0].id == "text":
            found |= {_filled(part) for part in _branches(call.value)}
    return {text for text in found if " " in text}


def _branches(value: ast.expr) -> list[ast.expr]:
    return [*_branches(value.body), *_branches(value.orelse)] if isinstance(value, ast.IfExp) else [value]


def _filled(part: ast.AST) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    if not isinstance(part, ast.JoinedStr):
        return ""
    filled = ""
    for one in part.values:
        hole = ast.unparse(one.value) if isinstance(one, ast.FormattedValue) else ""
        # What of these two may be empty begins with a space or " of ".
        filled += "" if hole in ("of", "where") else "7.5 s" if "_seconds" in hole else "7" if hole else _filled(one)
    return filled


def test_what_a_thread_waits_on_is_said_in_the_readers_language(chinese):
    known = sentences(Path(waits.__file__).read_text(encoding="utf-8"))
    assert len(known) > 25
    assert not [text for text in sorted(known) if engine_words(text) == text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data from 127.0.0.1:80, which has closed the connection", "來自 127.0.0.1:80 的資料，對方已關閉連線"),
        ("data from 127.0.0.1:80, or 2 more", "來自 127.0.0.1:80 的資料，或另外 2 項"),
        ("a lock, in join (threading)", "鎖（threading 的 join）"),
        ("input or output of /a/b in the kernel (folio_wait)", "檔案 /a/b 在作業系統核心的輸入或輸出（folio_wait）"),
        ("a sleep of 7.5 s", "為時 7.5 秒 的睡眠結束"),
        ("something else", "something else"),
    ],
)
def test_parts_of_a_sentence_are_said_too_and_other_texts_stay(chinese, text, said):
    assert engine_words(text) == said


def test_how_long_a_sleep_goes_on_is_said_as_a_duration():
    assert engine_words("a sleep with 99,995.4 s left") == "a sleep with 1 d 3 h left"


def test_an_error_in_a_sentence_of_the_diagnosis_is_said_as_above_it(chinese):
    error = {"class": "ValueError", "line": 9, "message": "x in line 3, y"}
    sentence = Sentence("{cause}.", {"cause": wording.error_sentence(error), "line": "A in line 1"})
    assert sentence_text(sentence) == f"{error_sentence(error)}."
    assert sentence_html(sentence) == f"{error_sentence(error)}."
