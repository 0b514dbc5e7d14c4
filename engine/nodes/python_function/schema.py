"""`python.function`: a function of an installed package."""

import keyword
from collections.abc import Iterator

from engine.nodes.base import Config, NodeType
from engine.problems import ConfigProblem
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _


def check(config: Config) -> Iterator[ConfigProblem]:
    """Check that the path names a module and a function, and that the arguments can be passed by name."""
    parts = config["function"].split(".")
    if len(parts) < 2 or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        message = _("Enter a dotted path, the module and then the function, such as package.module.function.")
        yield ConfigProblem("function_path", Sentence(message), ("function",))
    for name in config.get("args", {}):
        if not name.isidentifier() or keyword.iskeyword(name):
            message = _("An argument name must be a valid Python identifier.")
            yield ConfigProblem("argument_name", Sentence(message), ("args", name))


NODE_TYPE = NodeType(
    type="python.function",
    name=_("Python function"),
    category="code",
    icon="square-function",
    description=_("Calls function(inputs, ctx, **args) of an installed package. Its return value is the output."),
    run="engine.nodes.python_function.run",
    config={
        "type": "object",
        "properties": {
            "function": {
                "type": "string",
                "title": _("Function"),
                "description": _("A dotted path, such as package.module.function"),
                "minLength": 1,
                "maxLength": 500,
                "x-editor": "function",
                "x-missing": _("Enter a dotted path."),
            },
            "args": {
                "type": "object",
                "title": _("Arguments"),
                "description": _("Passed by name. Values may contain {{ }} expressions."),
                "default": {},
                "x-expression": True,
            },
        },
        "required": ["function"],
        "additionalProperties": False,
    },
    python=True,
    check=check,
    followed_by=("python", "table.sql", "table.write", "branch"),
)
