"""What an audit entry adds to its action, as text: sentences from the action and its stored details. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.models import Role
from dashboard.presenters.amounts import count
from dashboard.presenters.changes import limit_text
from dashboard.presenters.listing import joined, listed
from dashboard.presenters.states import state_style

Details = Mapping[str, Any]


def details_text(action: str, details: Details) -> str:
    """Return what the details of an audit entry say, in the reader's language; empty if there is nothing to add."""
    parts = _PARTS.get(action)
    return joined(parts(details)) if parts is not None else ""


def _role(role: Any) -> str:
    return str(Role(role).label if role in Role else role)


def _account(details: Details) -> str:
    return _("account {user}").format(user=details.get("user", "?"))


def _changed_account(details: Details) -> list[str]:
    parts = [_account(details)]
    if "role" in details:
        before, after = _role(details.get("from", "?")), _role(details["role"])
        parts.append(_("role {before} → {after}").format(before=before, after=after))
    if "active" in details:
        parts.append(_("opened again") if details["active"] else _("closed"))
    if "password" in details:
        parts.append(_("new password"))
    return parts


def _signed_in(details: Details) -> list[str]:
    ways = {"password": _("with a password"), "link": _("with a login link")}
    return [ways.get(details.get("with", ""), ""), _from_address(details)]


def _from_address(details: Details) -> str:
    address = details.get("address")
    return _("from {address}").format(address=address) if address else ""


def _token(details: Details) -> list[str]:
    name = _("token {name}").format(name=details["name"]) if details.get("name") else _("token without a name")
    scopes = details.get("scopes")
    return [_account(details), name, _("may: {scopes}").format(scopes=listed(scopes)) if scopes else ""]


def _pool(details: Details) -> str:
    return _("pool {pool}").format(pool=details.get("pool", "?"))


def _slots(number: Any) -> str:
    return ngettext("{n} slot", "{n} slots", number).format(n=count(number)) if isinstance(number, int) else ""


def _resized_pool(details: Details) -> list[str]:
    before, after = _slots(details.get("from")), _slots(details.get("to"))
    return [_pool(details), f"{before} → {after}" if before and after else ""]


def _changed_workflow(details: Details) -> list[str]:
    labels = {"name": _("name"), "description": _("description"), "tags": _("tags")}
    parts = []
    for field, change in details.items():
        if field in labels and isinstance(change, Mapping):
            before, after = (_value(change.get(end)) for end in ("from", "to"))
            parts.append(_("{before}: {after}").format(before=labels[field], after=f"{before} → {after}"))
    return parts


def _value(value: Any) -> str:
    return (listed(value) if isinstance(value, list) else str(value if value is not None else "")) or "–"


def _deleted_workflow(details: Details) -> list[str]:
    runs = details.get("runs")
    lost = ngettext("{n} run", "{n} runs", runs).format(n=count(runs)) if isinstance(runs, int) else ""
    return [str(details.get("name", "")), lost]


def _deleted_run(details: Details) -> list[str]:
    version = details.get("version")
    return [str(state_style(details.get("state", "")).word), f"v{version}" if version else _("draft")]


def _retried(details: Details) -> list[str]:
    nodes, policy = details.get("nodes"), details.get("policy") or {}
    start = _("from the start") if details.get("from") == "start" else _("from the checkpoint")
    named = _("nodes {nodes}").format(nodes=listed(nodes)) if nodes else ""
    parts = [named, start]
    for key, value in policy.items():
        if isinstance(value, Mapping):
            changed = listed(limit_text(field, one) for field, one in value.items())
            parts.append(_("{before}: {after}").format(before=key, after=changed))
        else:
            parts.append(limit_text(key, value))
    return parts


def _skipped(details: Details) -> list[str]:
    # Older entries do not say it: there was only null.
    return [_("hands on an empty table") if details.get("output") == "empty_table" else _("hands on null")]


_PARTS: Final[Mapping[str, Callable[[Details], Iterable[str]]]] = {
    "workflow_changed": _changed_workflow,
    "workflow_deleted": _deleted_workflow,
    "run_retried": _retried,
    "node_retried": _retried,
    "node_skipped": _skipped,
    "run_deleted": _deleted_run,
    "pool_created": lambda details: [_pool(details), _slots(details.get("slots"))],
    "pool_resized": _resized_pool,
    "pool_deleted": lambda details: [_pool(details)],
    "worker_drained": lambda details: [_("worker {worker}").format(worker=details.get("worker", "?"))],
    "worker_resumed": lambda details: [_("worker {worker}").format(worker=details.get("worker", "?"))],
    "user_created": lambda details: [_account(details), _("role {role}").format(role=_role(details.get("role", "?")))],
    "user_changed": _changed_account,
    "signed_in": _signed_in,
    "sign_in_failed": lambda details: [_from_address(details)],
    "login_link_created": lambda details: [_account(details)],
    "token_created": _token,
    "token_deleted": _token,
    "samples_installed": lambda details: [listed(details.get("workflows", ()))],
}
"""By action; other actions say all by themselves."""
