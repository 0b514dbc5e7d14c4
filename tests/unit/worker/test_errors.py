"""Errors of attempts, described for people."""

from engine.expressions.evaluation import ExpressionError
from engine.worker.errors import BadOutput, describe


def test_errors_that_the_engine_raises_keep_their_line_and_have_no_traceback() -> None:
    for error in (ExpressionError("wrong", 3), BadOutput("wrong", line=3)):
        described = describe(error)
        assert "Exception" in described.pop("bases")
        assert described == {"class": type(error).__name__, "message": "wrong", "line": 3, "traceback": None}


def test_an_error_names_all_classes_that_it_derives_from() -> None:
    class Own(KeyError):
        pass

    bases = describe(Own("x"))["bases"]
    assert bases[0].endswith("Own")
    assert bases[1:] == ["KeyError", "LookupError", "Exception", "BaseException"]
