"""`branch`: hands its input on through one of its ports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.nodes.base import Config, NodeType
from engine.problems import Finding

PORT = r"^[a-z][a-z0-9_]{0,62}$"


def out_ports(config: Config) -> tuple[str, ...]:
    """`true` and `false`, or the cases' ports and the default's, each once, in order."""
    cases = config.get("cases")
    if not isinstance(cases, list):
        return ("true", "false")
    names = [case.get("port") for case in cases if isinstance(case, dict)] + [config.get("default")]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and re.match(PORT, name)))


def check(config: Config) -> Iterator[Finding]:
    """Whether it is either a condition or cases, and the ports differ."""
    if ("condition" in config) == ("cases" in config):
        message = (
            "A branch has either a condition (ports true and false) or cases (a port each), not both. Remove one."
            if "cases" in config
            else "The branch has nothing to decide by. Give it a condition, or cases with a port and a when each."
        )
        yield Finding("branch_choice", message)
    if "default" in config and "cases" not in config:
        yield Finding("branch_choice", "default belongs to cases. Remove it, or write cases.", ("default",))
    seen: set[str] = set()
    for index, case in enumerate(config.get("cases", ())):
        if case["port"] in seen:
            message = f'Two cases have the port "{case["port"]}". Give each case a port of its own.'
            yield Finding("duplicate_port", message, ("cases", index, "port"))
        seen.add(case["port"])


_EXPRESSION = {
    "type": ["string", "boolean"],
    "minLength": 1,
    "maxLength": 65_536,
    "x-editor": "expression",
    "x-expression": "cel",
}

NODE_TYPE = NodeType(
    type="branch",
    name="Branch",
    category="flow",
    icon="split",
    description="Hands its input on through one port: true or false by a condition, or the first case that holds.",
    run="engine.nodes.branch.run",
    config={
        "type": "object",
        "properties": {
            "condition": {
                **_EXPRESSION,
                "title": "Condition",
                "description": "An expression that gives true or false: {{ nodes.load.output.row_count > 0 }}",
            },
            "cases": {
                "type": "array",
                "title": "Cases",
                "description": "The first whose expression is true is taken.",
                "items": {
                    "type": "object",
                    "properties": {
                        "port": {"type": "string", "title": "Port", "pattern": PORT},
                        "when": {**_EXPRESSION, "title": "When"},
                    },
                    "required": ["port", "when"],
                    "additionalProperties": False,
                },
                "minItems": 1,
                "maxItems": 100,
            },
            "default": {
                "type": "string",
                "title": "Default port",
                "description": "Taken when no case holds; without it nothing is taken then.",
                "pattern": PORT,
            },
        },
        "additionalProperties": False,
    },
    out_ports=out_ports,
    must_name_port=True,
    check=check,
)
