"""The fields of `policy` and `settings`: their types, limits and what they are for, as one table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.definition.validation.report import Report
from engine.policy import TRIGGER_RULES
from engine.problems import Fix, Path, listed, nearest, pointer, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
YEAR_SECONDS = 366 * 86400


@dataclass(frozen=True, slots=True)
class Field:
    """What a field may hold."""

    kind: str
    """`integer`, `seconds`, `choice`, `text`, `name` (as a worker's command can say it) or `texts`."""
    low: float = 0
    high: float = YEAR_SECONDS
    null: bool = False
    """null is allowed, and means what `null_means` says."""
    null_means: str = ""
    choices: tuple[str, ...] = ()
    above: bool = False
    """The value must be above `low`, not only not below it."""

    def fault(self, value: Any) -> str | None:
        """What is wrong with `value` ("must be ..."); None: nothing."""
        if value is None and self.null:
            return None
        if self.kind in ("integer", "seconds"):
            what = "a whole number" if self.kind == "integer" else "a number of seconds"
            right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if right and self.kind == "integer":
                right = value == int(value)
            if right and self.low <= value <= self.high and not (self.above and value == self.low):
                return None
            start = f"above {self.low:g}" if self.above else f"from {self.low:g}"
            limits = f"{what} {start} to {self.high:.10g}"
        elif self.kind == "choice":
            if isinstance(value, str) and value in self.choices:
                return None
            limits = listed(self.choices)
            near = nearest(value, self.choices)
            if near:
                return f'must be {limits}, not {shown(value)}; did you mean "{near}"?'
        elif self.kind == "name":
            if isinstance(value, str) and NAME.fullmatch(value):
                return None
            limits = 'a name of at most 100 letters, digits, ".", "_" and "-"'
        elif self.kind == "texts":
            if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
                return None
            limits = "a list of at least one name"
        else:
            if isinstance(value, str) and value:
                return None
            limits = "a text"
        if self.null:
            limits += f", or null ({self.null_means})"
        return f"must be {limits}, not {shown(value)}"


POLICY: Mapping[str, Field] = {
    "retries": Field("integer", 0, 1000),
    "lost_retries": Field("integer", 0, 1000),
    "retry_delay": Field("seconds"),
    "retry_backoff": Field("choice", choices=("exponential", "linear", "fixed")),
    "retry_max_delay": Field("seconds"),
    "retry_on": Field("texts", null=True, null_means="all error classes"),
    "soft_timeout": Field("seconds", above=True, null=True, null_means="no limit"),
    "hard_timeout": Field("seconds", above=True, null=True, null_means="no limit"),
    "expected_duration": Field("seconds", above=True, null=True, null_means="learned from earlier runs"),
    "pool": Field("text", null=True, null_means="none"),
    "slots": Field("integer", 1, 1_000_000),
    "priority": Field("integer", 1, 9, null=True, null_means="the run's"),
    "queue": Field("name"),
    "memory_mb": Field("integer", 1, 1 << 30, null=True, null_means="no limit"),
    "trigger_rule": Field("choice", choices=TRIGGER_RULES),
}
POLICY_NOT_YET = ("map", "cache", "checkpoint_interval")
SETTINGS: Mapping[str, Field] = {
    "priority": Field("integer", 1, 9, null=True, null_means="5"),
    "max_concurrent": Field("integer", 1, 1_000_000, null=True, null_means="no limit"),
    "max_runs": Field("integer", 1, 1_000_000, null=True, null_means="no limit"),
    "timeout": Field("seconds", above=True, null=True, null_means="no limit"),
    "on_failure": Field("choice", choices=("stop", "continue")),
}


def check_fields(
    given: Mapping[str, Any], fields: Mapping[str, Field], path: Path, report: Report, node: str | None = None
) -> frozenset[str]:
    """Problems of all known fields in `given`; the names of those that are wrong."""
    wrong = set()
    for key, value in given.items():
        field = fields.get(key)
        fault = field.fault(value) if field else None
        if fault:
            wrong.add(key)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            code = "wrong_type"
            if is_number and fields[key].kind in ("integer", "seconds"):
                code = "out_of_range"
            elif isinstance(value, str) and fields[key].kind == "choice":
                code = "wrong_value"
            report.add(code, f"{key} {fault}.", (*path, key), node=node)
    return frozenset(wrong)


def check_policy(policy: Any, path: Path, report: Report, node: str | None, pools: Mapping[str, int] | None) -> None:
    """Problems of one node's `policy`."""
    if not isinstance(policy, dict):
        report.add("wrong_type", f"policy must be an object, not {shown(policy)}.", path, node=node)
        return
    report.unknown_fields(policy, (*POLICY, *POLICY_NOT_YET), path, "A policy", node)
    wrong = check_fields(policy, POLICY, path, report, node)
    for key in POLICY_NOT_YET:
        if policy.get(key) is not None:
            message = f"policy.{key} is not available yet. Remove it."
            fix = (f"Remove {key}", [{"op": "remove", "path": pointer((*path, key))}])
            report.add("not_available_yet", message, (*path, key), node=node, fix=fix)
    _check_limits(policy, wrong, path, report, node)
    _check_pool(policy, wrong, path, report, node, pools)


def _check_limits(
    policy: Mapping[str, Any], wrong: frozenset[str], path: Path, report: Report, node: str | None
) -> None:
    hard = policy.get("hard_timeout")
    soft = policy.get("soft_timeout", 300)
    if wrong & {"soft_timeout", "hard_timeout"} or hard is None or soft is None or hard >= soft:
        return
    default = "" if "soft_timeout" in policy else " (the default)"
    message = (
        f"hard_timeout {hard:g} s is below soft_timeout {soft:g} s{default}: the node would be killed before it is "
        "told. Raise hard_timeout or lower soft_timeout."
    )
    change = {"op": "add", "path": pointer((*path, "soft_timeout")), "value": hard}
    fix: Fix = (f"Set soft_timeout to {hard:g} s", [change])
    report.add("hard_below_soft", message, (*path, "hard_timeout"), node=node, fix=fix)


def _check_pool(
    policy: Mapping[str, Any],
    wrong: frozenset[str],
    path: Path,
    report: Report,
    node: str | None,
    pools: Mapping[str, int] | None,
) -> None:
    pool = policy.get("pool")
    slots = policy.get("slots", 1)
    if pool is None:
        if slots != 1 and "slots" not in wrong:
            message = "slots counts the slots of a pool, and no pool is named. Name one, or remove slots."
            fix = ("Remove slots", [{"op": "remove", "path": pointer((*path, "slots"))}])
            report.add("slots_without_pool", message, (*path, "slots"), node=node, severity="warning", fix=fix)
        return
    if pools is None or "pool" in wrong:
        return
    if pool not in pools:
        near = nearest(pool, pools)
        hint = f'Did you mean "{near}"?' if near else "Create it under Resources, or remove pool."
        repair = (f"Use {near}", [{"op": "replace", "path": pointer((*path, "pool")), "value": near}]) if near else None
        report.add("unknown_pool", f"There is no pool {shown(pool)}. {hint}", (*path, "pool"), node=node, fix=repair)
    elif "slots" not in wrong and slots > pools[pool]:
        message = f'The node takes {slots} slots of pool "{pool}", which has {pools[pool]}. Take fewer, or add slots.'
        resize: Fix = (
            f"Take {pools[pool]}",
            [{"op": "replace", "path": pointer((*path, "slots")), "value": pools[pool]}],
        )
        report.add("slots_above_pool", message, (*path, "slots"), node=node, fix=resize)
