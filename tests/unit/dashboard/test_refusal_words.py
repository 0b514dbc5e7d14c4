"""Why the engine refuses a wish: each sentence that its code can say comes out in the reader's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from django.utils import translation

from dashboard.api import problems
from dashboard.engine_words import engine_words
from engine import errors
from engine.actions import runs
from engine.states import NODE_STATES, NODE_TERMINAL, RUN_STATES

ENGINE = Path(errors.__file__).parent
UNSAID = ("InterlockError", "LostLeadership", "InvalidInputs")
"""Nobody asks a scheduler to lead, and what is wrong with inputs is said at their fields."""
REFUSALS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.InterlockError) and name not in UNSAID
}
STATES = {*NODE_STATES, *RUN_STATES}
CJK = re.compile("[\u4e00-\u9fff]")


def texts(value: ast.expr, known: dict[str, set[str]]) -> set[str]:
    """What an expression can say, its holes filled with what the module puts there, else with a number."""
    if isinstance(value, ast.IfExp):
        return texts(value.body, known) | texts(value.orelse, known)
    if isinstance(value, ast.Constant):
        return {value.value} if isinstance(value.value, str) else set()
    if isinstance(value, ast.JoinedStr):
        parts = [
            sorted(filling(one.value, known)) if isinstance(one, ast.FormattedValue) else sorted(texts(one, known))
            for one in value.values
        ]
        return {"".join(each) for each in product(*parts)}
    return set()


def filling(hole: ast.expr, known: dict[str, set[str]]) -> set[str]:
    written = ast.unparse(hole)
    if written.startswith("_past("):
        return {runs._past(state) for state in NODE_TERMINAL}
    if written.split(".")[-1] == "state":
        return STATES
    return known.get(written) or {"7"}


def refusals(source: str) -> Iterator[str]:
    """Sentences with which a module refuses."""
    tree = ast.parse(source)
    known: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for name, value in zip(target.elts if isinstance(target, ast.Tuple) else [target], values, strict=False):
                said = {text for text in texts(value, known) if " " in text}
                if isinstance(name, ast.Name) and said:
                    known.setdefault(name.id, set()).update(said)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args and node.func.id in REFUSALS:
            yield from texts(node.args[0], known)
        elif isinstance(node, ast.ClassDef) and node.name in REFUSALS:
            for call in ast.walk(node):
                # How a kind of error says itself.
                if isinstance(call, ast.Call) and ast.unparse(call.func) in ("cls", "super().__init__"):
                    yield from (text for one in call.args for text in texts(one, known))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem" and "InvalidTargets" in source:
            yield from texts(node.args[1], known)


SENTENCES = sorted(
    {
        text
        for source in ENGINE.rglob("*.py")
        # Node processes have errors of their own, which are shown as they are.
        if source.relative_to(ENGINE).parts[0] not in ("worker", "nodes")
        for text in refusals(source.read_text(encoding="utf-8"))
    }
)


def test_they_are_found_where_they_are_raised():
    assert len(SENTENCES) > 60
    for text in (
        'Node "7" of run 7 cannot be skipped: it has been cancelled.',
        'Node "7" of run 7 cannot be retried: it is ready. Wait until it has started.',
        'There is a pool "7" already.',
        "There is no run 7.",
        "slots must be a whole number from 1.",
    ):
        assert text in SENTENCES


@pytest.mark.parametrize("text", SENTENCES)
def test_a_refusal_is_said_in_the_readers_language(text):
    with translation.override("zh-hant"):
        said = engine_words(text)
    assert CJK.search(said), said
    # Nothing of it stays English but names of fields.
    assert not re.search(r"[A-Za-z]+ [A-Za-z]+", said), said
    with translation.override("en"):
        assert engine_words(text) == text.replace("timed_out", "timed out").replace(
            "upstream_failed", "upstream failed"
        )


def test_the_page_gets_it_from_the_api_in_the_readers_language():
    error = errors.WrongState('Node "a" of run 7 cannot be skipped: it has succeeded.')
    with translation.override("zh-hant"):
        assert problems.exception_handler(error, {}).data["detail"] == engine_words(str(error)) != str(error)
    wrong = errors.Problem("unknown_node", 'There is no node "a" to run up to.', "targets[0]")
    targets = errors.InvalidTargets([wrong])
    with translation.override("zh-hant"):
        found = problems.exception_handler(targets, {}).data
        assert found["detail"] == found["errors"][0]["message"]
        assert CJK.search(found["detail"])
