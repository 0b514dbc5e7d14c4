"""The policy fields that a retry changes for its run, checked by the table that checks them in a definition."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.definition import Document
from engine.definition.document import Policy
from engine.definition.validation.fields import POLICY, Field
from engine.errors import InvalidValue, NotFound, no_pool
from engine.models import Pool, Run
from engine.problems import format_value
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.text import clean_text

FIELDS: Mapping[str, Field] = {
    # A retry may change the soft limit, but not remove it.
    "soft_timeout": replace(POLICY["soft_timeout"], null_means=""),
    **{name: POLICY[name] for name in ("hard_timeout", "memory_mb", "pool", "slots")},
}


def checked_overrides(
    run: Run, document: Document, policy: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return all overrides of these nodes: those of earlier retries and those of `policy`, {node: {field: value}}.

    Raises InvalidValue, and NotFound for a node that the run does not have.
    """
    checked: dict[str, dict[str, Any]] = {}
    for node, fields in policy.items():
        where = f"policy.{clean_text(str(node))}"
        if node not in document.by_id:
            raise NotFound.node(run.pk, node)
        if not isinstance(fields, Mapping):
            raise InvalidValue(Sentence(_("The changed fields of a node must be an object.")), path=where)
        changed = {name: _checked(name, value, f"{where}.{name}") for name, value in fields.items()}
        base = document.by_id[node].policy
        overrides = _with_limits((run.altered or {}).get(node, {}), changed, base, where)
        _check_pool(overrides, base, where)
        checked[node] = overrides
    return checked


def _checked(name: str, value: Any, where: str) -> Any:
    field = FIELDS.get(name)
    if field is None:
        values = {"field": name, "names": ", ".join(FIELDS)}
        message = _('"{field}" cannot be changed by a retry. These fields can: {names}.')
        raise InvalidValue(Sentence(message, values), path=where)
    if not field.fits(value):
        parts = {"field": name, "expected": field.expected(), "value": format_value(value)}
        raise InvalidValue(Sentence(_("{field} must be {expected}, not {value}."), parts), path=where)
    # JSON may write a whole number as 2.0.
    return int(value) if field.kind == "integer" and value is not None else value


def _with_limits(earlier: Mapping[str, Any], changed: Mapping[str, Any], base: Policy, where: str) -> dict[str, Any]:
    """Return all overrides of a node. If only one of the two time limits is changed and contradicts the other, the
    other one is adapted."""
    overrides = {**earlier, **changed}
    if (
        "hard_timeout" in changed
        and "soft_timeout" not in changed
        and earlier.get("soft_timeout") == earlier.get("hard_timeout")
    ):
        # An earlier retry had lowered the soft limit only because it lowered the hard one.
        overrides.pop("soft_timeout", None)
    soft = overrides.get("soft_timeout", base.soft_timeout)
    hard = overrides.get("hard_timeout", base.hard_timeout)
    if soft is None or hard is None or hard >= soft:
        return overrides
    if "soft_timeout" in changed and "hard_timeout" in changed:
        message = _("hard_timeout ({hard:g} s) is below soft_timeout ({soft:g} s).")
        raise InvalidValue(Sentence(message, {"hard": hard, "soft": soft}), path=f"{where}.hard_timeout")
    if "hard_timeout" in changed:
        overrides["soft_timeout"] = hard
    else:
        # The default of a definition that sets no hard limit.
        overrides["hard_timeout"] = max(600.0, 2 * soft)
    return overrides


def _check_pool(overrides: Mapping[str, Any], base: Policy, where: str) -> None:
    """Raise InvalidValue if the pool does not exist or has fewer slots than the node takes."""
    name = overrides.get("pool", base.pool)
    if not name:
        return
    slots = Pool.objects.filter(name=name).values_list("slots", flat=True).first()
    if slots is None:
        raise InvalidValue(no_pool(name), path=f"{where}.pool")
    taken = overrides.get("slots", base.slots)
    if taken > slots:
        message = _('Pool "{pool}" has only {slots} slots; {n} are needed.')
        raise InvalidValue(Sentence(message, {"pool": name, "slots": slots, "n": taken}), path=f"{where}.slots")
