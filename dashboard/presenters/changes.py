"""Describe the differences between two definitions in sentences: `Delays by wind: SQL changed`.

The editor's list of changes has the same texts (static/src/editor/).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.presenters import node_types
from dashboard.presenters.amounts import duration
from dashboard.presenters.listing import listed

_FIELDS_MAX: Final = 5
_SECONDS: Final = (
    "retry_delay", "retry_max_delay", "soft_timeout", "hard_timeout", "expected_duration", "checkpoint_interval",
)  # fmt: skip
_NAMES: Final[Mapping[str, Callable[[], str]]] = {
    "name": lambda: _("name"),
    "notes": lambda: _("notes"),
    "type": lambda: _("type"),
    "position": lambda: _("place"),
    "policy.retries": lambda: _("retries"),
    "policy.lost_retries": lambda: _("restarts after a lost worker"),
    "policy.retry_delay": lambda: _("retry delay"),
    "policy.retry_backoff": lambda: _("backoff"),
    "policy.retry_max_delay": lambda: _("longest delay"),
    "policy.retry_on": lambda: _("retried errors"),
    "policy.soft_timeout": lambda: _("soft time limit"),
    "policy.hard_timeout": lambda: _("hard time limit"),
    "policy.expected_duration": lambda: _("expected duration"),
    "policy.pool": lambda: _("pool"),
    "policy.slots": lambda: _("slots"),
    "policy.priority": lambda: _("priority"),
    "policy.queue": lambda: _("queue"),
    "policy.memory_mb": lambda: _("memory"),
    "policy.trigger_rule": lambda: _("trigger rule"),
    "policy.cache": lambda: _("cache"),
    "policy.checkpoint_interval": lambda: _("checkpoint interval"),
    "settings.priority": lambda: _("priority"),
    "settings.max_concurrent": lambda: _("nodes at once"),
    "settings.max_runs": lambda: _("runs at once"),
    "settings.timeout": lambda: _("run time limit"),
    "settings.on_failure": lambda: _("on failure"),
}


def change_sentences(changes: Sequence[Mapping[str, Any]], newer: Any) -> list[str]:
    """Return a sentence for each change that `versions.diff.changes` found; `newer` is the newer document.

    Edges of added and removed nodes are left out. Nodes that only moved are counted.
    """
    nodes = _nodes(newer)
    added_or_removed = {one["node"] for one in changes if one["kind"] in ("node_added", "node_removed")}
    sentences: list[str] = []
    moved: list[str] = []
    for one in changes:
        kind, name = one["kind"], one.get("name", "")
        if kind == "node_added":
            sentences.append(_("{name} added").format(name=name))
        elif kind == "node_removed":
            sentences.append(_("{name} removed").format(name=name))
        elif kind == "node_changed":
            fields = [field for field in one["fields"] if field != "position"]
            if fields:
                named = _shortened_list([field_name(field, nodes.get(one["node"])) for field in fields])
                sentences.append(_("{name}: {fields} changed").format(name=name, fields=named))
            else:
                moved.append(name)
        elif kind in ("edge_added", "edge_removed"):
            ends = {end: one["edge"][end] for end in ("source", "target")}
            if added_or_removed.isdisjoint(ends.values()):
                named_ends = {end: _name_or_id(nodes.get(id_), id_) for end, id_ in ends.items()}
                text = (
                    _("{source} → {target} connected")
                    if kind == "edge_added"
                    else _("{source} → {target} disconnected")
                )
                sentences.append(text.format(**named_ends))
        elif kind == "edge_changed":
            edge = one["edge"]
            named_ends = {end: _name_or_id(nodes.get(edge[end]), edge[end]) for end in ("source", "target")}
            text = (
                _("{source} → {target} only orders now")
                if edge["order"]
                else _("{source} → {target} hands its value on now")
            )
            sentences.append(text.format(**named_ends))
        elif kind == "settings_changed":
            named = _shortened_list([field_name(f"settings.{field}") for field in one["fields"]])
            sentences.append(_("Workflow: {field} changed").format(field=named))
        elif kind == "requires_changed":
            sentences.append(_("What the workflow requires changed"))
        else:
            sentences.append(_("Inputs of the workflow changed"))
    if moved:
        n = len(moved)
        sentences.append(
            _("{name} moved").format(name=moved[0])
            if n == 1
            else ngettext("{n} node moved", "{n} nodes moved", n).format(n=n)
        )
    return sentences


def field_name(path: str, node: Mapping[str, Any] | None = None) -> str:
    """Return a field's label; for a field of `config`, the title in its type's form."""
    if path in _NAMES:
        return _NAMES[path]()
    first, _dot, field = path.partition(".")
    title = node_types.field_title(node.get("type"), field) if first == "config" and node is not None else ""
    return title or field or first


def limit_text(field: str, value: Any) -> str:
    """Return a field of a policy with its value: `memory 500 MiB`, `retry delay 1 s`."""
    if value in (None, ""):
        text = _("none")
    elif isinstance(value, list):
        text = listed(value)
    elif field in _SECONDS and isinstance(value, int | float):
        text = duration(value)
    elif field == "cache" and isinstance(value, Mapping) and isinstance(ttl := value.get("ttl"), int | float):
        text = duration(ttl)
    else:
        text = f"{value} MiB" if field == "memory_mb" else str(value)
    return f"{field_name(f'policy.{field}')} {text}"


def _shortened_list(names: Sequence[str]) -> str:
    return ", ".join(names[:_FIELDS_MAX]) + (" …" if len(names) > _FIELDS_MAX else "")


def _name_or_id(node: Mapping[str, Any] | None, id_: str) -> str:
    return str((node.get("name") if node is not None else None) or id_)


def _nodes(document: Any) -> dict[str, Mapping[str, Any]]:
    nodes = document.get("nodes") if isinstance(document, Mapping) else None
    return {
        node["id"]: node
        for node in (nodes if isinstance(nodes, list) else ())
        if isinstance(node, Mapping) and isinstance(node.get("id"), str)
    }
