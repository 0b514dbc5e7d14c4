"""Highlighting never changes the code."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.presenters.code import HIGHLIGHTED_CHARACTERS_MAX, highlight


def kinds(text: str, language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in highlight(text, language):
        for piece in line:
            found.setdefault(piece.kind, []).append(piece.text)
    return found


@given(st.text(alphabet="ab'\"\\{}#-/* \n0_f", max_size=200), st.sampled_from(["python", "sql", "shell", ""]))
def test_the_pieces_of_all_lines_are_the_text(text, language):
    shown = "\n".join("".join(piece.text for piece in line) for line in highlight(text, language))
    assert shown == text


def test_python_is_highlighted():
    texts = kinds("def main(inputs, ctx):\n    return 'a # b' + str(12)  # why\n", "python")
    assert texts["kw"] == ["def", "return"]
    assert texts["str"] == ["'a # b'"]
    assert texts["num"] == ["12"]
    assert texts["com"] == ["# why"]


def test_sql_is_highlighted_with_its_expressions():
    texts = kinds("SELECT a FROM t WHERE m = {{ inputs.month }} -- now\n  and x = 'it''s'", "sql")
    assert texts["kw"] == ["SELECT", "FROM", "WHERE", "and"]
    assert texts["ex"] == ["{{ inputs.month }}"]
    assert texts["str"] == ["'it''s'"]
    assert texts["com"] == ["-- now"]


@pytest.mark.parametrize("language", ["python", "sql", "shell"])
@pytest.mark.parametrize("part", ["'", '"', "'''", "{{", "/*", "\\", "rb'", "a"])
def test_no_text_takes_long_to_highlight(language, part):
    text = (part * HIGHLIGHTED_CHARACTERS_MAX)[:HIGHLIGHTED_CHARACTERS_MAX]
    began = time.process_time()
    highlight(text, language)
    assert time.process_time() - began < 2


def test_long_code_is_not_highlighted():
    text = "def " * HIGHLIGHTED_CHARACTERS_MAX
    assert kinds(text, "python") == {"": [text]}
