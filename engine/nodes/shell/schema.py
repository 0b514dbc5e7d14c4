"""`shell`: a command of /bin/sh. Values come in through `env` and input files, never into the command's text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.nodes.base import Config, NodeType
from engine.problems import Finding

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check(config: Config) -> Iterator[Finding]:
    """Whether the command can be passed to /bin/sh and the names of variables can be used."""
    if "\0" in config["command"]:
        yield Finding("nul_character", "The command holds a NUL character. Remove it.", ("command",))
    for name, value in config.get("env", {}).items():
        if not _NAME.match(name):
            message = "A variable's name is made of letters, digits and _, and starts with no digit. Rename it."
            yield Finding("variable_name", message, ("env", name))
        elif name.upper().startswith("INTERLOCK_"):
            message = "Variables that start with INTERLOCK_ are set by the engine. Choose another name."
            yield Finding("variable_name", message, ("env", name))
        if isinstance(value, str) and "\0" in value:
            yield Finding("nul_character", "The value holds a NUL character. Remove it.", ("env", name))


NODE_TYPE = NodeType(
    type="shell",
    name="Shell",
    category="code",
    icon="square-terminal",
    description="Runs a command with /bin/sh in a folder of its own; gives its exit code and what it wrote.",
    run="engine.nodes.shell.run",
    config={
        "type": "object",
        "properties": {
            "command": {
                "type": "string",
                "title": "Command",
                "description": "Inputs are files named by $INTERLOCK_INPUT_<PORT>. No {{ }} here: use env.",
                "minLength": 1,
                "maxLength": 100_000,
                "x-editor": "shell",
            },
            "env": {
                "type": "object",
                "title": "Environment",
                "description": "Variables for the command; values may hold {{ }} expressions.",
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "default": {},
                "x-expression": True,
            },
        },
        "required": ["command"],
        "additionalProperties": False,
    },
    check=check,
)
