"""Actions that help: calls of the API with suitable values. Pure."""

import math
from typing import Any

from engine.diagnosis.facts import FailureFacts, RunningFacts
from engine.diagnosis.finding import Action
from engine.sentences import Sentence, gettext_noop, span

LIMITS = (
    2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200,
    10_800, 14_400, 21_600, 28_800, 43_200, 64_800, 86_400, 172_800, 345_600, 604_800, 1_209_600, 2_592_000,
)  # fmt: skip
"""Seconds that a person would choose as a limit."""
SECONDS_MAX = 31_536_000
LIMIT_TIMES = 3.0
"""A limit is about this many times the expected duration."""
LIMIT_MIN_LEARNED = 5
"""Seconds; the shortest limit if the expected duration is learned."""
LIMIT_MIN_QUIET = 60
"""Seconds; the shortest limit of a node without expected duration."""
MEMORY_STEP_MB = 64

_RETRY_LIMIT = gettext_noop("Retry with a {limit} limit")
_RETRY_MEMORY = gettext_noop("Retry with {memory} MiB")
_EDIT = gettext_noop("Edit this node")
_RETRY = gettext_noop("Retry")
_RETRY_NOW = gettext_noop("Retry now")
_STACKS = gettext_noop("Capture stack traces")
_SKIP = gettext_noop("Skip node")
_CANCEL_NODE = gettext_noop("Cancel node")
_CANCEL_HOLDER = gettext_noop('Cancel "{node}" of run {run}')
_CANCEL_RUN = gettext_noop("Cancel run {run}")
_ADD_SLOT = gettext_noop("Add 1 slot to {pool}")
_ADD_SLOTS = gettext_noop("Add {n} slots to {pool}")
_CREATE_POOL = gettext_noop("Create pool {pool}")


def limit_for(expected: float, *, least: float = 0.0) -> float:
    """Return a limit that a person would choose: about LIMIT_TIMES the expected duration, and beyond stuck."""
    wanted = max(LIMIT_TIMES * expected, least)
    above = [limit for limit in LIMITS if limit > 2 * expected and limit >= least]
    if not above:
        return float(min(SECONDS_MAX, math.ceil(wanted / 86_400) * 86_400))
    return float(min(above, key=lambda limit: abs(math.log(limit / wanted))))


def limit_of(running: RunningFacts, active_seconds: float = 0.0) -> float:
    """Return the limit with which a stuck node is retried.

    `active_seconds`: how long a node without expected duration worked before it became quiet.
    """
    if running.expected is None or running.stuck_after is None:
        return limit_for(active_seconds, least=LIMIT_MIN_QUIET)
    return limit_for(running.expected, least=LIMIT_MIN_LEARNED if running.expected_from == "learned" else 0.0)


def hard_after(soft: float) -> float:
    """Return the hard limit for a soft one: it leaves some time to save and clean up."""
    return float(min(SECONDS_MAX, soft + max(5, min(60, round(soft / 2)))))


def _node(run: int, node: str, verb: str) -> str:
    return f"/api/v1/runs/{run}/nodes/{node}/{verb}/"


def retry_with_limit(run: int, running: RunningFacts, active_seconds: float = 0.0) -> Action:
    """End the attempt and retry with limits."""
    soft = limit_of(running, active_seconds)
    policy = {"soft_timeout": _whole(soft), "hard_timeout": _whole(hard_after(soft))}
    label = Sentence(_RETRY_LIMIT, {"limit": span(soft)})
    return Action(label, "POST", _node(run, running.node, "retry"), {"policy": policy}, danger=True)


def retry_with_time(run: int, failure: FailureFacts, soft: float) -> Action:
    policy = {"soft_timeout": _whole(soft), "hard_timeout": _whole(max(hard_after(soft), 2 * soft))}
    label = Sentence(_RETRY_LIMIT, {"limit": span(soft)})
    return Action(label, "POST", _node(run, failure.node, "retry"), {"policy": policy})


def more_memory(memory_mb: int, used_bytes: int | None, machine_bytes: int | None) -> int | None:
    """Return a larger `memory_mb` that the machine has; None: it has no more."""
    wanted = max(2 * memory_mb, math.ceil(1.5 * (used_bytes or 0) / 2**20))
    wanted = math.ceil(wanted / MEMORY_STEP_MB) * MEMORY_STEP_MB
    if machine_bytes is not None:
        wanted = min(wanted, machine_bytes // 2**20 // MEMORY_STEP_MB * MEMORY_STEP_MB)
    return wanted if wanted > memory_mb else None


def retry_with_memory(run: int, node: str, memory_mb: int, *, ends: bool) -> Action:
    """Retry with this limit on memory. `ends`: whether that ends a running attempt."""
    label = Sentence(_RETRY_MEMORY, {"memory": f"{memory_mb:,}"})
    return Action(label, "POST", _node(run, node, "retry"), {"policy": {"memory_mb": memory_mb}}, danger=ends)


def retry(run: int, node: str) -> Action:
    return Action(Sentence(_RETRY), "POST", _node(run, node, "retry"), {})


def restart(run: int, node: str) -> Action:
    """End the attempt and start the next one, with the same limits."""
    return Action(Sentence(_RETRY), "POST", _node(run, node, "retry"), {}, danger=True)


def edit(workflow: str, node: str, line: int | None) -> Action:
    """Edit the node: the call reads the draft that a new version is made from."""
    path = f"/api/v1/workflows/{workflow}/draft/"
    return Action(Sentence(_EDIT), "GET", path, edits=(node, line))


def retry_now(run: int, node: str) -> Action:
    return Action(Sentence(_RETRY_NOW), "POST", _node(run, node, "retry"), {})


def take_stacks(run: int, node: str) -> Action:
    return Action(Sentence(_STACKS), "GET", _node(run, node, "stack"))


def skip(run: int, node: str) -> Action:
    return Action(Sentence(_SKIP), "POST", _node(run, node, "skip"), {}, danger=True)


def cancel_node(run: int, node: str) -> Action:
    return Action(Sentence(_CANCEL_NODE), "POST", _node(run, node, "cancel"), {}, danger=True)


def cancel_holder(run: int, node: str) -> Action:
    """End the node, perhaps of another run, that holds what others wait for."""
    label = Sentence(_CANCEL_HOLDER, {"node": node, "run": run})
    return Action(label, "POST", _node(run, node, "cancel"), {}, danger=True)


def cancel_run(run: int) -> Action:
    return Action(Sentence(_CANCEL_RUN, {"run": run}), "POST", f"/api/v1/runs/{run}/cancel/", {}, danger=True)


def resize_pool(pool: str, slots: int, more: int) -> Action:
    """Change the size of a pool. `slots`: the new size; `more`: how many are added."""
    label = Sentence(_ADD_SLOT if more == 1 else _ADD_SLOTS, {"n": more, "pool": pool})
    return Action(label, "PATCH", f"/api/v1/pools/{pool}/", {"slots": slots})


def create_pool(pool: str, slots: int) -> Action:
    return Action(Sentence(_CREATE_POOL, {"pool": pool}), "POST", "/api/v1/pools/", {"name": pool, "slots": slots})


def _whole(seconds: float) -> Any:
    """Return whole seconds as an integer, as a person would write them."""
    return int(seconds) if float(seconds).is_integer() else seconds
