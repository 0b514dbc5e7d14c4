"""Checks `requires` of a definition: what it needs of an installation."""

from collections.abc import Mapping
from typing import Any

from engine.definition.validation.fields import POLICY
from engine.definition.validation.problem_list import ProblemList
from engine.problems import format_value
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

_SLOTS = POLICY["slots"]
_NOT_YET = ("connections", "secrets")


def check_requires(requires: Any, problems: ProblemList, pools: Mapping[str, int] | None) -> dict[str, int]:
    """Report problems of `requires`; return the pools that it names: {name: slots}.

    `pools`: those that exist, if they must; None: they need not.
    """
    path = ("requires",)
    if requires is None:
        return {}
    if not isinstance(requires, dict):
        problems.wrong_type("requires", Sentence(_("an object")), requires, path)
        return {}
    problems.unknown_fields(requires, ("pools", *_NOT_YET), path)
    problems.not_available_yet(requires, _NOT_YET, path)
    named = requires.get("pools")
    if named is None:
        return {}
    if not isinstance(named, dict):
        problems.wrong_type("pools", Sentence(_("an object")), named, (*path, "pools"))
        return {}
    found = {}
    for name, slots in named.items():
        if not isinstance(slots, int) or not _SLOTS.fits(slots):
            problems.wrong_type(name, _SLOTS.expected(), slots, (*path, "pools", name))
            continue
        found[name] = slots
        if pools is not None:
            _check_pool(name, slots, problems, pools)
    return found


def _check_pool(name: str, slots: int, problems: ProblemList, pools: Mapping[str, int]) -> None:
    path = ("requires", "pools", name)
    values = {"pool": format_value(name), "n": slots, "slots": pools.get(name, 0)}
    if name not in pools:
        message = _("The definition requires pool {pool} with {n} slots. Create it under Resources.")
        problems.add("pool_required", Sentence(message, values), path)
    elif pools[name] < slots:
        message = _("Pool {pool} has {slots} slots; the definition requires {n}. Add slots under Resources.")
        problems.add("pool_smaller", Sentence(message, values), path, severity="warning")
