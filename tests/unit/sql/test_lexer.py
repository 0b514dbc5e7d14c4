import time
import timeit

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sql import lexer

MARKS = ["select", "from", "1", "1e5", ".5", "x", "é", "'", "''", '"', "e'", "\\", "$", "$$", "$a$", "$1", "?"]
PIECES = st.lists(
    st.sampled_from([*MARKS, "--", "/*", "*/", "/", "*", "-", "\n", "\r", " ", ";", "(", ")", ","]), max_size=14
).map("".join)
DUCKDB = duckdb.connect()


@given(st.one_of(PIECES, st.text(max_size=30)))
@settings(max_examples=400, deadline=None)
def test_only_white_space_is_between_tokens(sql):
    at = 0
    for token in lexer.tokens(sql):
        assert at <= token.start < token.end
        assert not sql[at : token.start].strip()
        at = token.end
    assert not sql[at:].strip()
    lexer.query_problems(sql)


@given(PIECES)
@settings(max_examples=1000, deadline=None)
def test_every_query_of_duckdb_is_accepted(sql):
    sql = "select 1 " + sql
    try:
        statements = DUCKDB.extract_statements(sql)
    except duckdb.Error:
        return
    if len(statements) == 1 and not statements[0].named_parameters:
        assert lexer.query_problems(sql) == [], sql
    elif len(statements) > 1:
        assert "sql_several_statements" in {problem.code for problem in lexer.query_problems(sql)}, sql


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("select 'a''b'", ["word", "string"]),
        ("e'a\\'b'", ["string"]),
        ("'a\\'", ["string"]),
        ('"a""b"', ["identifier"]),
        ("$x$ $y$ $x$", ["string"]),
        ("/* /* */ */1", ["comment", "number"]),
        ("--a\n1", ["comment", "number"]),
        ("a$1", ["word"]),
        ("$1", ["parameter"]),
    ],
)
def test_quotes_and_comments_are_recognized(sql, kinds):
    assert [token.kind for token in lexer.tokens(sql)] == kinds


def test_an_expression_is_one_token():
    kinds = [token.kind for token in lexer.tokens("a = {{ 'it' }}", ((4, 14),))]
    assert kinds == ["word", "mark", "expression"]


@pytest.mark.timed
@pytest.mark.parametrize("piece", ["'", "/*", "$a$", "x ", "'x' ", "$"])
def test_time_grows_linearly_with_the_length(piece: str) -> None:
    def seconds(pieces: int) -> float:
        # The problems of a query are cached, so each is another one.
        queries = iter([f"select {number} {piece * pieces}" for number in range(3)])
        return min(
            timeit.repeat(lambda: lexer.query_problems(next(queries)), timer=time.process_time, number=1, repeat=3)
        )

    # Of a time that grows with the square of the length, this would be 100 times.
    assert seconds(100_000) < 30 * seconds(10_000)
