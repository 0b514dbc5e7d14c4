"""Evaluates the expressions of an attempt in its node process, before its code runs.

CEL is evaluated by the package `cel`. If the user's interpreter does not have it, the product's Python evaluates them
in a child process, the resolver.
"""

from __future__ import annotations

import json
import sys

from engine.worker import MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

    from engine.worker.task import Task

RESOLVER_SECONDS = 60


def render(task: Task, bound: Container[str]) -> None:
    """Replace the expressions in the task's config by their values, except in the fields `bound`.

    Raises ExpressionError.
    """
    paths = [path for path in task.envelope["expressions"] if path[0] not in bound]
    if not paths:
        return
    from engine.expressions.rendering import render_at

    try:
        task.config = render_at(task.config, paths, task.expression_context)
    except ModuleNotFoundError as error:
        if error.name != "cel":
            raise
        task.config = _ask_resolver(task, paths)


def _ask_resolver(task: Task, paths: list[list[str | int]]) -> dict[str, Any]:
    import subprocess

    from engine.expressions.evaluation import ExpressionError

    question = json.dumps({"config": task.config, "paths": paths, "context": task.expression_context})
    resolver = subprocess.run(
        [task.envelope["resolver"], "-I", MAIN, "--resolve"],
        input=question.encode(),
        capture_output=True,
        timeout=RESOLVER_SECONDS,
        check=False,
    )
    try:
        answer = json.loads(resolver.stdout)
    except ValueError:
        raise ExpressionError(
            f"The expressions could not be evaluated: {resolver.stderr.decode(errors='replace')[-2000:].strip()}"
        ) from None
    if "error" in answer:
        raise ExpressionError(answer["error"], answer["line"])
    config: dict[str, Any] = answer["config"]
    return config


def answer() -> None:
    """Run as the resolver: read a question from stdin and write its answer to stdout."""
    from engine.expressions.evaluation import ExpressionError
    from engine.expressions.rendering import render_at

    question = json.load(sys.stdin)
    try:
        result: dict[str, Any] = {"config": render_at(question["config"], question["paths"], question["context"])}
    except ExpressionError as error:
        result = {"error": str(error), "line": error.line}
    json.dump(result, sys.stdout)
