"""When a node may start, and whether and when it is retried: decisions from plain values. Pure."""

import random
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from engine.states import NODE_FAILED

TRIGGER_RULES = ("all_success", "all_done", "one_success", "all_failed", "none_failed")
Decision = Literal["ready", "skipped", "upstream_failed"]
_JITTER = 0.2


class Retries(Protocol):
    """The fields of a policy that retrying needs (seconds)."""

    @property
    def retries(self) -> int: ...
    @property
    def retry_delay(self) -> float: ...
    @property
    def retry_backoff(self) -> str: ...
    @property
    def retry_max_delay(self) -> float: ...
    @property
    def retry_on(self) -> tuple[str, ...] | None: ...


STUCK_TIMES = 2.0
"""A node is stuck when it runs longer than this many times its expected duration."""
STUCK_LEARNED_SECONDS = 5.0
"""A node whose expected duration is learned is not stuck before this."""
QUIET_SECONDS = 30.0
"""A node without expected duration is quiet when it did nothing for so long."""
SILENT_SECONDS = 60.0
"""A node without expected duration that wrote no line and reported no progress for so long is quiet too, if it computed
all that time or moved next to nothing."""
MARKED_STUCK, MARKED_QUIET = "Marked stuck", "Marked quiet"
"""How the lines begin that the scheduler adds to the log of such a node."""
STACK_FRESH_SECONDS = 1.0
"""Stacks that are younger are returned again instead of being taken anew."""


def stuck_after(expected: float | None, expected_from: str) -> float | None:
    """Return the seconds of running after which a node is stuck; None: it has no expected duration."""
    if expected is None or expected_from == "none":
        return None
    limit = STUCK_TIMES * expected
    return limit if expected_from == "author" else max(limit, STUCK_LEARNED_SECONDS)


def retry_delay(policy: Retries, retry: int, rng: random.Random) -> float:
    """Return the seconds from a failure to its `retry`-th retry (from 1).

    Up to a fifth is added at random, so that nodes that failed together are not retried together; `retry_max_delay`
    caps the sum.
    """
    return min(_asked_delay(policy, retry) * (1 + _JITTER * rng.random()), policy.retry_max_delay)


def retry_delay_max(policy: Retries, retry: int) -> float:
    """Return the longest possible `retry_delay`."""
    return min(_asked_delay(policy, retry) * (1 + _JITTER), policy.retry_max_delay)


def _asked_delay(policy: Retries, retry: int) -> float:
    if policy.retry_backoff == "fixed":
        return policy.retry_delay
    if policy.retry_backoff == "linear":
        return policy.retry_delay * retry
    # The exponent is bounded, because 2.0 ** 1024 raises. Every delay is capped long before.
    return policy.retry_delay * 2.0 ** min(retry - 1, 60)


def may_retry(policy: Retries, error_class: str, retries_used: int, bases: Iterable[str] = ()) -> bool:
    """Return whether a failure with this error class is retried after `retries_used` retries.

    `bases`: the classes that it derives from. `retry_on` names any of them, with or without its module: `TimeoutError`,
    `requests.exceptions.Timeout`.
    """
    if retries_used >= policy.retries:
        return False
    if policy.retry_on is None:
        return True
    wanted = policy.retry_on
    return any(name in wanted or name.rpartition(".")[2] in wanted for name in (error_class, *bases))


def decide(rule: str, upstream: Sequence[str]) -> Decision | None:
    """Return what a trigger rule decides from the upstream states; None: it is undecided until more of them end.

    `upstream` are node states as seen through each edge: a port that a branch did not take is `skipped`, a node that a
    person skipped is `succeeded`. A node without upstream is ready by every rule. It decides as soon as no further end
    could change the decision, so the order in which upstream nodes end does not matter; only `all_done` waits for all.
    """
    succeeded = failed = skipped = 0
    for state in upstream:
        if state == "succeeded":
            succeeded += 1
        elif state == "skipped":
            skipped += 1
        elif state in NODE_FAILED:
            failed += 1
    total = len(upstream)
    all_ended = succeeded + failed + skipped == total
    if rule == "all_success":
        if failed:
            return "upstream_failed"
        if not all_ended:
            return None
        return "skipped" if skipped else "ready"
    if rule == "none_failed":
        if failed:
            return "upstream_failed"
        return "ready" if all_ended else None
    if rule == "all_done":
        return "ready" if all_ended else None
    if rule == "one_success":
        if succeeded or not total:
            return "ready"
        if not all_ended:
            return None
        return "upstream_failed" if failed else "skipped"
    if rule == "all_failed":
        # The node is not needed once one upstream node did not fail.
        if succeeded or skipped:
            return "skipped"
        return "ready" if all_ended else None
    raise ValueError(f"{rule} is not a trigger rule.")
