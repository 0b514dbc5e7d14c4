"""Errors of attempts, described for people."""

from __future__ import annotations

from engine.expressions.evaluation import ExpressionError
from engine.worker.errors import BadOutput, describe


def test_errors_that_the_engine_raises_keep_their_line_and_have_no_traceback() -> None:
    for error in (ExpressionError("wrong", 3), BadOutput("wrong", line=3)):
        assert describe(error) == {"class": type(error).__name__, "message": "wrong", "line": 3, "traceback": None}
