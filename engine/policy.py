"""When a node may start, and when and whether it is tried again: pure decisions from plain values."""

from __future__ import annotations

import random
from collections.abc import Sequence
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
"""A node that runs longer than this many times what is expected of it counts as stuck."""
STUCK_LEARNED_SECONDS = 5.0
"""... but not before this, where the expectation is only learned."""
QUIET_SECONDS = 30.0
"""A node of which nothing is expected and that did nothing for so long is quiet."""


def stuck_after(expected: float | None, expected_from: str) -> float | None:
    """Seconds of running after which a node counts as stuck; None: nothing is expected of it."""
    if expected is None or expected_from == "none":
        return None
    limit = STUCK_TIMES * expected
    return limit if expected_from == "author" else max(limit, STUCK_LEARNED_SECONDS)


def retry_delay(policy: Retries, retry: int, rng: random.Random) -> float:
    """Seconds from a failure to its `retry`-th retry (from 1).

    `retry_max_delay` caps what the policy asks for; then up to a fifth is added at random, so that nodes that failed
    together do not come back together. The result is therefore never below the asked delay or the cap, whichever is
    shorter, and may exceed the cap by up to a fifth.
    """
    return _asked_delay(policy, retry) * (1 + _JITTER * rng.random())


def retry_delay_max(policy: Retries, retry: int) -> float:
    """The longest that `retry_delay` may be."""
    return _asked_delay(policy, retry) * (1 + _JITTER)


def _asked_delay(policy: Retries, retry: int) -> float:
    if policy.retry_backoff == "fixed":
        delay = policy.retry_delay
    elif policy.retry_backoff == "linear":
        delay = policy.retry_delay * retry
    else:
        # The power is bounded, for 2.0 ** 1024 raises and any delay is capped long before.
        delay = policy.retry_delay * 2.0 ** min(retry - 1, 60)
    return min(delay, policy.retry_max_delay)


def may_retry(policy: Retries, error_class: str, retries_used: int) -> bool:
    """Whether a failure with this error class is tried again after `retries_used` retries.

    `retry_on` names classes with or without their module: `TimeoutError`, `requests.exceptions.Timeout`.
    """
    if retries_used >= policy.retries:
        return False
    if policy.retry_on is None:
        return True
    return error_class in policy.retry_on or error_class.rpartition(".")[2] in policy.retry_on


def decide(rule: str, upstream: Sequence[str]) -> Decision | None:
    """What `rule` makes of a node over its upstream states; None: it is undecided until more of them end.

    `upstream` are node states as seen through each edge: a branch's port not taken is `skipped`, a node that a
    person skipped is `succeeded`. A node without upstream is ready by every rule.
    """
    succeeded = failed = skipped = 0
    for state in upstream:
        if state == "succeeded":
            succeeded += 1
        elif state == "skipped":
            skipped += 1
        elif state in NODE_FAILED:
            failed += 1
    return decide_counts(rule, len(upstream), succeeded, failed, skipped)


def decide_counts(rule: str, total: int, succeeded: int, failed: int, skipped: int) -> Decision | None:
    """`decide`, from how many upstream edges there are and how many ended in which way: for wide fan-ins.

    A decision falls as soon as no further end could change it, so it does not depend on the order in which upstream
    nodes end. (`all_done` waits for all, as it says.)
    """
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
        # A clean-up for a total failure is not needed once something did not fail.
        if succeeded or skipped:
            return "skipped"
        return "ready" if all_ended else None
    raise ValueError(f"{rule} is no trigger rule.")
