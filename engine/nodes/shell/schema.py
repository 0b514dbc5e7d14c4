"""`shell`: a command of /bin/sh. Values come in through `env` and input files, never into the command's text."""

import re
from collections.abc import Iterator

from engine.nodes.base import Config, NodeType
from engine.problems import ConfigProblem, Path
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check(config: Config) -> Iterator[ConfigProblem]:
    """Check that the command can be passed to /bin/sh and that the names of variables can be used."""
    yield from _check_nul(config["command"], ("command",))
    for name, value in config.get("env", {}).items():
        if not _NAME.match(name):
            message = _("Variable names consist of letters, digits and underscores, and do not start with a digit.")
            yield ConfigProblem("variable_name", Sentence(message), ("env", name))
        elif name.upper().startswith("INTERLOCK_"):
            message = _("Names that start with INTERLOCK_ are reserved for the engine. Choose another name.")
            yield ConfigProblem("variable_name", Sentence(message), ("env", name))
        yield from _check_nul(value, ("env", name))


def _check_nul(value: object, path: Path) -> Iterator[ConfigProblem]:
    if isinstance(value, str) and "\0" in value:
        yield ConfigProblem("nul_character", Sentence(_("The text contains a NUL character. Remove it.")), path)


NODE_TYPE = NodeType(
    type="shell",
    name=_("Shell"),
    category="code",
    icon="square-terminal",
    description=_("Runs a command with /bin/sh in its own folder. Output: exit code and standard output."),
    run="engine.nodes.shell.run",
    config={
        "type": "object",
        "properties": {
            "command": {
                "type": "string",
                "title": _("Command"),
                "description": _(
                    "Inputs are files named by $INTERLOCK_INPUT_<PORT>. {{ }} does not work here; use Environment."
                ),
                "minLength": 1,
                "maxLength": 100_000,
                "x-editor": "shell",
                "x-missing": _("Enter a command."),
            },
            "env": {
                "type": "object",
                "title": _("Environment"),
                "description": _("Variables for the command. Values may contain {{ }} expressions."),
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "default": {},
                "x-expression": True,
            },
        },
        "required": ["command"],
        "additionalProperties": False,
    },
    output="value",
    check=check,
    followed_by=("python", "table.read", "shell"),
    start_rank=4,
)
