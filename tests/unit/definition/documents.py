"""Small definitions for tests."""

from collections.abc import Mapping
from typing import Any

from engine import definition
from engine.problems import Problem


def node(name: str, type: str = "noop", **fields: Any) -> dict[str, Any]:
    return {"id": name, "type": type, **fields}


def edge(source: str, target: str, **ports: Any) -> dict[str, Any]:
    return {"source": source, "target": target, **ports}


def document(*nodes: Any, edges: Any = (), **fields: Any) -> dict[str, Any]:
    return {"schema": definition.SCHEMA, "nodes": list(nodes), "edges": list(edges), **fields}


def chain(length: int, type: str = "noop", **fields: Any) -> dict[str, Any]:
    nodes = [node(f"n{index}", type, **fields) for index in range(length)]
    return document(*nodes, edges=[edge(f"n{index}", f"n{index + 1}") for index in range(length - 1)])


def found(document: Any, **options: Any) -> dict[str, Problem]:
    """Return the problems by code. If several may have one code, call `definition.problems` instead."""
    return {problem.code: problem for problem in definition.problems(document, **options)}


def only(document: Any, code: str, **options: Any) -> Problem:
    """Return the only problem of a document, which must have this code."""
    problems = definition.problems(document, **options)
    assert [problem.code for problem in problems] == [code], problems
    return problems[0]


def changes(problem: Problem) -> list[Mapping[str, Any]]:
    """Return the changes of the problem's fix; it must have one."""
    assert problem.fix is not None
    return list(problem.fix.changes)
