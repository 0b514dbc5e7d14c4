"""Node types for pages: their texts in the reader's language, their icons, and which field of a config holds code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

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
"""The icon of templates/components/_sprite.html for the lucide name that a node type gives."""


def translate(text: str) -> str:
    """An English text in the reader's language: from the catalogue, else from the package of a node type."""
    if not text:
        return ""
    found = _(text)
    return (registry.translation(text, get_language() or "en") or text) if found == text else found


def describe() -> list[dict[str, Any]]:
    """All node types for the editor (see NodeType.describe), with icons of the sprite."""
    return [{**one, "icon": icon(one["type"])} for one in registry.describe(translate)]


def name(node_type: str) -> str:
    """The name of a node type; for a type that is not installed, the type itself."""
    known = registry.get(node_type)
    return translate(known.name) if known else node_type


def icon(node_type: str) -> str:
    """The sprite's icon of a node type; a dot where there is none."""
    known = registry.get(node_type)
    return _SPRITE.get(known.icon, "dot") if known else "dot"


def field_title(node_type: Any, field: str) -> str:
    """The title of a field of a config; empty: it has none."""
    known = registry.get(node_type) if isinstance(node_type, str) else None
    return translate(str(known.properties.get(field, {}).get("title") or "")) if known else ""


def language_of(node_type: str, field: str) -> str:
    """The language of a field of a config; empty: it holds no code."""
    known = registry.get(node_type)
    return known.language_of(field) if known else ""


def code_of(node_type: str, config: Mapping[str, Any]) -> str:
    """The author's code in a config, in which the lines of errors count; empty: there is none."""
    field = _code_field(node_type)
    code = config.get(field.field) if field else None
    return code if isinstance(code, str) else ""


def own_file(node_type: str, node: str) -> str:
    """The file name of the node's own code in tracebacks; empty: it has none."""
    field = _code_field(node_type)
    return f"<{node}>" if field and field.language == "python" else ""


def summary(node_type: str, config: Mapping[str, Any]) -> str:
    """The field of a config that says most about a node, on one line: its code, else its first text."""
    known = registry.get(node_type)
    texts = (config.get(field) for field in (known.properties if known else config))
    text = code_of(node_type, config) or next((one for one in texts if isinstance(one, str) and one), "")
    return " ".join(text.split())


def _code_field(node_type: str) -> CodeField | None:
    known = registry.get(node_type)
    return known.code if known else None
