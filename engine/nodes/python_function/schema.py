"""`python.function`: a function of an installed package."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from engine.nodes.base import Config, NodeType
from engine.problems import Finding


def check(config: Config) -> Iterator[Finding]:
    """Whether the path names a module and a function, and the arguments can be passed by name."""
    parts = config["function"].split(".")
    if len(parts) < 2 or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        yield Finding(
            "function_path",
            "The function must be a dotted path, the module and then the function's name: package.module.function.",
            ("function",),
        )
    for name in config.get("args", {}):
        if not name.isidentifier() or keyword.iskeyword(name):
            message = "An argument's name must be a Python identifier, as in the function's def line. Rename it."
            yield Finding("argument_name", message, ("args", name))


NODE_TYPE = NodeType(
    type="python.function",
    name="Python function",
    category="code",
    icon="square-function",
    description="Calls function(inputs, ctx, **args) of an installed package; what it returns is the output.",
    run="engine.nodes.python_function.run",
    config={
        "type": "object",
        "properties": {
            "function": {
                "type": "string",
                "title": "Function",
                "description": "Dotted path: package.module.function",
                "minLength": 1,
                "maxLength": 500,
            },
            "args": {
                "type": "object",
                "title": "Arguments",
                "description": "Passed by name; values may hold {{ }} expressions.",
                "default": {},
                "x-expression": True,
            },
        },
        "required": ["function"],
        "additionalProperties": False,
    },
    python=True,
    check=check,
)
