"""`branch`: hands its input on through one of its ports."""

from collections.abc import Iterator

from engine.nodes.base import Config, NodeType, marked_ports
from engine.problems import ConfigProblem
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

_PORT = {"type": "string", "pattern": r"^[a-z][a-z0-9_]{0,62}$", "x-port": True}
_EXPRESSION = {
    "type": ["string", "boolean"],
    "minLength": 1,
    "maxLength": 65_536,
    "x-editor": "expression",
    "x-expression": "cel",
    "x-missing": _("Enter an expression."),
}
_CONFIG = {
    "type": "object",
    "properties": {
        "condition": {
            **_EXPRESSION,
            "title": _("Condition"),
            "description": _("An expression that is true or false, such as {{ nodes.load.output.row_count > 0 }}"),
        },
        "cases": {
            "type": "array",
            "title": _("Cases"),
            "description": _("The first case whose expression is true is used."),
            "items": {
                "type": "object",
                "properties": {
                    "port": {**_PORT, "title": _("Port"), "x-missing": _("Enter a port.")},
                    "when": {**_EXPRESSION, "title": _("When")},
                },
                "required": ["port", "when"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": 100,
        },
        "default": {
            **_PORT,
            "title": _("Default port"),
            "description": _("Used when no case matches. If empty, nothing downstream runs."),
        },
    },
    "additionalProperties": False,
}


def out_ports(config: Config) -> tuple[str, ...]:
    """Return the ports of the cases and of the default; `true` and `false` for a condition."""
    return marked_ports(_CONFIG, config, ("true", "false"))


def check(config: Config) -> Iterator[ConfigProblem]:
    """Check that there is either a condition or cases, and that the ports differ."""
    if "condition" in config and "cases" in config:
        yield ConfigProblem("branch_choice", Sentence(_("Use either a condition or cases, not both.")))
    elif "condition" not in config and "cases" not in config:
        message = _("Add a condition, or cases with a port and an expression.")
        yield ConfigProblem("branch_choice", Sentence(message))
    if "default" in config and "cases" not in config:
        message = _("A default port needs cases. Add cases, or remove the default port.")
        yield ConfigProblem("branch_choice", Sentence(message), ("default",))
    seen: set[str] = set()
    for index, case in enumerate(config.get("cases", ())):
        if case["port"] in seen:
            message = _('Two cases have the port "{port}". Give each case its own port.')
            sentence = Sentence(message, {"port": case["port"]})
            yield ConfigProblem("duplicate_port", sentence, ("cases", index, "port"))
        seen.add(case["port"])


NODE_TYPE = NodeType(
    type="branch",
    name=_("Branch"),
    category="flow",
    icon="split",
    description=_(
        "Passes its input to one port: true or false by a condition, or that of the first case that matches."
    ),
    run="engine.nodes.branch.run",
    config=_CONFIG,
    out_ports=out_ports,
    must_name_port=True,
    names_inputs=False,
    output="input",
    check=check,
    followed_by=("python", "shell", "table.sql"),
    between_rank=3,
)
