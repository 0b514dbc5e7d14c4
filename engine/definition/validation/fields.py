"""The fields of `policy` and `settings`: their types and limits as one table."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.definition.validation.problem_list import ProblemList
from engine.policy import TRIGGER_RULES
from engine.problems import Fix, Path, format_value, nearest, pointer
from engine.sentences import Sentence, Text, any_of
from engine.sentences import gettext_noop as _

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
YEAR_SECONDS = 366 * 86400


@dataclass(frozen=True, slots=True)
class Field:
    """The values that a field may have."""

    kind: str
    """`integer`, `seconds`, `choice`, `text`, `name` (usable in a worker's command) or `texts`."""
    low: float = 0
    high: float = YEAR_SECONDS
    null_means: str = ""
    """What null stands for; empty: null is not allowed."""
    choices: tuple[str, ...] = ()
    above: bool = False
    """The value must be above `low`; `low` itself is not allowed."""

    def fits(self, value: Any) -> bool:
        if value is None:
            return bool(self.null_means)
        if self.kind in ("integer", "seconds"):
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
                return False
            in_range = self.low <= value <= self.high and not (self.above and value == self.low)
            return in_range and (self.kind == "seconds" or value == int(value))
        if self.kind == "texts":
            return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)
        if not isinstance(value, str) or not value:
            return False
        if self.kind == "choice":
            return value in self.choices
        return self.kind != "name" or NAME.fullmatch(value) is not None

    def schema(self) -> dict[str, Any]:
        """Return what fits as a JSON Schema."""
        found: dict[str, Any]
        if self.kind in ("integer", "seconds"):
            lowest = "exclusiveMinimum" if self.above else "minimum"
            found = {"type": "integer" if self.kind == "integer" else "number", lowest: self.low, "maximum": self.high}
        elif self.kind == "texts":
            found = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
        elif self.kind == "choice":
            found = {"type": "string", "enum": [*self.choices]}
        elif self.kind == "name":
            found = {"type": "string", "pattern": f"^{NAME.pattern}$"}
        else:
            found = {"type": "string", "minLength": 1}
        return {**found, "type": [found["type"], "null"]} if self.null_means else found

    def expected(self) -> Text:
        """Return what fits as a part of a sentence."""
        limits = {"low": f"{self.low:g}", "high": f"{self.high:.10g}"}
        expected: Text
        if self.kind == "integer":
            expected = Sentence(_("a whole number from {low} to {high}"), limits)
        elif self.kind == "seconds":
            message = _("a number of seconds from {low} to {high}")
            if self.above:
                message = _("a number of seconds above {low}, at most {high}")
            expected = Sentence(message, limits)
        elif self.kind == "choice":
            expected = any_of(self.choices)
        elif self.kind == "name":
            expected = Sentence(_('a name of up to 100 letters, digits, ".", "_" and "-"'))
        elif self.kind == "texts":
            expected = Sentence(_("a list of at least one name"))
        else:
            expected = Sentence(_("text"))
        if self.null_means:
            values = {"expected": expected, "meaning": Sentence(self.null_means)}
            expected = Sentence(_("{expected}, or null ({meaning})"), values)
        return expected


_NO_LIMIT = _("no limit")
POLICY: Mapping[str, Field] = {
    "retries": Field("integer", 0, 1000),
    "lost_retries": Field("integer", 0, 1000),
    "retry_delay": Field("seconds"),
    "retry_backoff": Field("choice", choices=("exponential", "linear", "fixed")),
    "retry_max_delay": Field("seconds"),
    "retry_on": Field("texts", null_means=_("all error classes")),
    "soft_timeout": Field("seconds", above=True, null_means=_NO_LIMIT),
    "hard_timeout": Field("seconds", above=True, null_means=_NO_LIMIT),
    "expected_duration": Field("seconds", above=True, null_means=_("learned from earlier runs")),
    "pool": Field("text", null_means=_("no pool")),
    "slots": Field("integer", 1, 1_000_000),
    "priority": Field("integer", 1, 9, null_means=_("the priority of the run")),
    "queue": Field("name"),
    "memory_mb": Field("integer", 1, 1 << 30, null_means=_("the limit of this installation")),
    "trigger_rule": Field("choice", choices=TRIGGER_RULES),
}
POLICY_NOT_YET = ("map", "cache", "checkpoint_interval")
SETTINGS: Mapping[str, Field] = {
    "priority": Field("integer", 1, 9, null_means="5"),
    "max_concurrent": Field("integer", 1, 1_000_000, null_means=_NO_LIMIT),
    "max_runs": Field("integer", 1, 1_000_000, null_means=_NO_LIMIT),
    "timeout": Field("seconds", above=True, null_means=_NO_LIMIT),
    "on_failure": Field("choice", choices=("stop", "continue")),
}


def check_fields(
    values: Mapping[Any, Any], fields: Mapping[str, Field], path: Path, problems: ProblemList, node: str | None = None
) -> frozenset[str]:
    """Report problems of all known fields in `values`; return the names of those that are wrong."""
    wrong = set()
    for key, value in values.items():
        field = fields.get(key)
        if field is None or field.fits(value):
            continue
        wrong.add(key)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        code = "wrong_type"
        if is_number and field.kind in ("integer", "seconds"):
            code = "out_of_range"
        elif isinstance(value, str) and field.kind == "choice":
            code = "wrong_value"
        parts = {"field": key, "expected": field.expected(), "value": format_value(value)}
        message = _("{field} must be {expected}, not {value}.")
        if near := nearest(value, field.choices):
            message, parts["near"] = _('{field} must be {expected}, not {value}. Did you mean "{near}"?'), near
        problems.add(code, Sentence(message, parts), (*path, key), node=node)
    return frozenset(wrong)


def check_policy(
    policy: Any, path: Path, problems: ProblemList, node: str | None, pools: Mapping[str, int] | None
) -> None:
    """Report problems of one node's `policy`."""
    if not isinstance(policy, dict):
        problems.wrong_type("policy", Sentence(_("an object")), policy, path, node=node)
        return
    problems.unknown_fields(policy, (*POLICY, *POLICY_NOT_YET), path, node)
    wrong = check_fields(policy, POLICY, path, problems, node)
    problems.not_available_yet(policy, POLICY_NOT_YET, path, node)
    _check_limits(policy, wrong, path, problems, node)
    _check_pool(policy, wrong, path, problems, node, pools)


def _check_limits(
    policy: Mapping[str, Any], wrong: frozenset[str], path: Path, problems: ProblemList, node: str | None
) -> None:
    hard = policy.get("hard_timeout")
    soft = policy.get("soft_timeout", 300)
    if wrong & {"soft_timeout", "hard_timeout"} or hard is None or soft is None or hard >= soft:
        return
    message = _(
        "hard_timeout ({hard:g} s) is shorter than soft_timeout ({soft:g} s), so the node would be killed without "
        "warning. Increase hard_timeout or decrease soft_timeout."
    )
    if "soft_timeout" not in policy:
        message = _(
            "hard_timeout ({hard:g} s) is shorter than soft_timeout (by default {soft:g} s), so the node would be "
            "killed without warning. Increase hard_timeout or decrease soft_timeout."
        )
    sentence = Sentence(message, {"hard": hard, "soft": soft})
    change = {"op": "add", "path": pointer((*path, "soft_timeout")), "value": hard}
    fix = Fix(Sentence(_("Set soft_timeout to {n:g} s"), {"n": hard}), [change])
    problems.add("hard_below_soft", sentence, (*path, "hard_timeout"), node=node, fix=fix)


def _check_pool(
    policy: Mapping[str, Any],
    wrong: frozenset[str],
    path: Path,
    problems: ProblemList,
    node: str | None,
    pools: Mapping[str, int] | None,
) -> None:
    pool, slots = policy.get("pool"), policy.get("slots", 1)
    pool_path, slots_path = (*path, "pool"), (*path, "slots")
    if pool is None:
        if slots != 1 and "slots" not in wrong:
            sentence = Sentence(_("Slots apply only with a pool. Choose a pool, or remove slots."))
            fix = Fix.remove("slots", slots_path)
            problems.add("slots_without_pool", sentence, slots_path, node=node, severity="warning", fix=fix)
    elif pools is None or "pool" in wrong:
        pass
    elif pool not in pools:
        near = nearest(pool, pools)
        message = (
            _('There is no pool {pool}. Did you mean "{near}"?')
            if near
            else _("There is no pool {pool}. Create it under Resources, or choose another one.")
        )
        sentence = Sentence(message, {"pool": format_value(pool), "near": near})
        problems.add("unknown_pool", sentence, pool_path, node=node, fix=Fix.use(near, pool_path) if near else None)
    elif "slots" not in wrong and slots > pools[pool]:
        message = _(
            'The node takes {n} slots of pool "{pool}", which has {slots}. Take fewer, or add slots to the pool.'
        )
        sentence = Sentence(message, {"n": slots, "pool": pool, "slots": pools[pool]})
        fix = Fix.use(str(pools[pool]), slots_path, pools[pool])
        problems.add("slots_above_pool", sentence, slots_path, node=node, fix=fix)
