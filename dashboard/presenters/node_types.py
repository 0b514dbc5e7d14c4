"""Node types for pages: texts in the reader's language, icons, and the config field that contains code."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from engine.definition import Document
from engine.nodes import registry
from engine.nodes.base import CodeField

_SPRITE: Final[Mapping[str, str]] = {
    "circle-dot": "dot",
    "code": "py",
    "database": "sql",
    "file-output": "out",
    "globe": "globe",
    "mail": "mail",
    "split": "split",
    "square-function": "fn",
    "square-terminal": "shell",
    "table": "table",
}
"""The icon of templates/components/_sprite.html for the lucide name of a node type."""


def translate(text: str) -> str:
    """Translate an English text with the message catalogue, else with the package of a node type."""
    if not text:
        return ""
    found = _(text)
    return (registry.translation(text, get_language() or "en") or text) if found == text else found


def describe() -> list[dict[str, Any]]:
    """Describe all node types for the editor (see NodeType.describe), with icons of the sprite."""
    return [{**one, "icon": icon(one["type"])} for one in registry.describe(translate)]


def name(node_type: str) -> str:
    """Return the name of a node type; the type itself if it is not installed."""
    found = registry.get(node_type)
    return translate(found.name) if found else node_type


def icon(node_type: str) -> str:
    """Return the sprite's icon of a node type; a dot if it has none."""
    found = registry.get(node_type)
    return _SPRITE.get(found.icon, "dot") if found else "dot"


def icons(definition: Document) -> dict[str, str]:
    """The sprite's icon of each node type of a definition."""
    return {node_type: icon(node_type) for node_type in sorted({node.type for node in definition.nodes})}


def field_title(node_type: Any, field: str) -> str:
    """Return the title of a config field; empty if it has none."""
    found = registry.get(node_type) if isinstance(node_type, str) else None
    return translate(str(found.properties.get(field, {}).get("title") or "")) if found else ""


def language_of(node_type: str, field: str) -> str:
    """Return the language of a config field; empty if it contains no code."""
    found = registry.get(node_type)
    return found.language_of(field) if found else ""


def code_of(node_type: str, config: Mapping[str, Any]) -> str:
    """Return the author's code in a config, which line numbers of errors refer to; empty if there is none."""
    field = _code_field(node_type)
    code = config.get(field.field) if field else None
    return code if isinstance(code, str) else ""


def own_file(node_type: str, node: str) -> str:
    """Return the file name of the node's own code in tracebacks; empty if it has none."""
    field = _code_field(node_type)
    return f"<{node}>" if field and field.language == "python" else ""


def summary(node_type: str, config: Mapping[str, Any]) -> str:
    """Return the most informative field of a config, on one line: its code, else its first text."""
    found = registry.get(node_type)
    texts = (config.get(field) for field in (found.properties if found else config))
    text = code_of(node_type, config) or next((one for one in texts if isinstance(one, str) and one), "")
    return " ".join(text.split())


def _code_field(node_type: str) -> CodeField | None:
    found = registry.get(node_type)
    return found.code if found else None
