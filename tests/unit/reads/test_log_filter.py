"""The filter of log lines: it finds a text in messages only, whatever the JSON around them escapes."""

import json
import random
import sys

import pytest

from engine.reads.log_filter import LEVELS, LineFilter, _has_no_case, rows, severity
from engine.text import dump

AT = "2026-11-24T08:40:40.404040Z"


def batch(*messages: str, level: str = "info") -> str:
    return dump([[AT, level, message] for message in messages])


def found(body: str, **given: str) -> list[int]:
    return list(LineFilter(**given).matching(body, len(json.loads(body))))


@pytest.mark.parametrize(
    ("messages", "q", "expected"),
    [
        (["alpha", "Beta", "gamma beta"], "BETA", [1, 2]),
        (["one", "two"], "info", []),
        (["one", "error 404", "two"], "404", [1]),
        (["x"], "2026-11-24", []),
        (['he said "],["', "plain"], '"],["', [0]),
        (['["', "plain"], '["', [0]),
        (["tab\there", "n"], "n", [1]),
        (["a\nb", "nb"], "nb", [1]),
        (["\x1b[31mred", "u001b", "001b"], "001b", [1, 2]),
        (["back\\slash", "backslash"], "\\", [0]),
        (["ends with \\", "next"], "\\", [0]),
        (["\\n", "\n"], "\\n", [0]),
        (['quote"quote', "none"], '"', [0]),
        (["Größe", "GRÖSSE", "grosse"], "größe", [0, 1]),
        (["straße", "STRASSE"], "ss", [0, 1]),
        (["複製資料列", "資料"], "資料列", [0]),
        (["\u212a kelvin", "k"], "K", [0, 1]),
        (["a" * 500, ""], "aaa", [0]),
        (["emoji \U0001f600 here"], "\U0001f600", [0]),
    ],
)
def test_a_text_is_found_in_messages_only(messages, q, expected):
    assert found(batch(*messages), q=q) == expected


def test_a_level_matches_itself_and_more_severe_ones():
    body = dump([[AT, level, f"said {level}"] for level in (*LEVELS, "odd")])
    assert found(body) == [0, 1, 2, 3, 4]
    assert found(body, level="info") == [1, 2, 3, 4]
    assert found(body, level="warning") == [2, 3]
    assert found(body, level="error") == [3]
    assert found(body, level="warning", q="SAID") == [2, 3]
    assert found(body, level="info", q="info") == [1]
    assert found(batch('","error","'), level="error") == []


def test_batches_in_another_form_of_json_are_searched_too():
    body = json.dumps([[AT, "info", "Größe"], [AT, "error", "klein"]])
    assert found(body, q="GRÖSSE") == [0]
    assert found(body, level="error") == [1]
    assert rows(body, [1]) == [(AT, "error", "klein")]


def test_lines_are_read_as_written():
    messages = ["\x1b[1mbold", 'a "quoted" \\ thing', "行", "a,b],[c", ""]
    body = batch(*messages)
    assert [row[2] for row in rows(body, range(5))] == messages
    assert rows(body, [3]) == [(AT, "info", "a,b],[c")]
    assert rows(body, []) == []
    long = batch(*messages * 10)
    assert [row[2] for row in rows(long, range(50))] == messages * 10


def test_no_character_folds_to_one_that_is_searched_without_folding():
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if not 0xD800 <= code < 0xE000 and char.casefold() != char:
            assert not any(map(_has_no_case, char.casefold())), hex(code)
    assert not any(_has_no_case(char) and char.casefold() != char for char in map(chr, range(0x10000)))


def test_a_search_finds_exactly_the_lines_that_a_plain_comparison_finds():
    seed = random.randrange(10**9)
    rng = random.Random(seed)
    alphabet = 'aAbB" \\n,[]:\n\x1b04uTzZ' + "ßẞſKİ行é"
    for _ in range(2000):
        lines = [
            [AT, rng.choice([*LEVELS, "odd"]), "".join(rng.choices(alphabet, k=rng.randrange(8)))]
            for _ in range(rng.randrange(1, 6))
        ]
        q, level = "".join(rng.choices(alphabet, k=rng.randrange(4))), rng.choice(["", *LEVELS])
        min_severity = LEVELS.index(level) if level else 0
        expected = [
            place
            for place, (_, line_level, message) in enumerate(lines)
            if severity(line_level) >= min_severity and q.casefold() in message.casefold()
        ]
        assert found(dump(lines), q=q, level=level) == expected, (seed, lines, q, level)
