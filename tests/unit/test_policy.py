import itertools
import random

import pytest

from engine.definition import Policy
from engine.policy import TRIGGER_RULES, decide, may_retry, retry_delay, retry_delay_max
from engine.states import NODE_FAILED, NODE_STATES, NODE_TERMINAL

RNG = random.Random(1)


@pytest.mark.parametrize(
    ("rule", "upstream", "decision"),
    [
        ("all_success", ["succeeded", "succeeded"], "ready"),
        ("all_success", ["succeeded", "running"], None),
        ("all_success", ["succeeded", "skipped"], "skipped"),
        ("all_success", ["skipped", "running"], None),
        ("all_success", ["failed", "running"], "upstream_failed"),
        ("all_success", ["skipped", "timed_out"], "upstream_failed"),
        ("all_success", ["cancelled"], "upstream_failed"),
        ("all_success", ["upstream_failed"], "upstream_failed"),
        ("all_done", ["failed", "skipped", "succeeded"], "ready"),
        ("all_done", ["failed", "retrying"], None),
        ("one_success", ["succeeded", "running"], "ready"),
        ("one_success", ["failed", "running"], None),
        ("one_success", ["failed", "skipped"], "upstream_failed"),
        ("one_success", ["skipped", "skipped"], "skipped"),
        ("all_failed", ["failed", "timed_out", "cancelled", "upstream_failed"], "ready"),
        ("all_failed", ["failed", "running"], None),
        ("all_failed", ["succeeded", "running"], "skipped"),
        ("all_failed", ["failed", "skipped"], "skipped"),
        ("none_failed", ["succeeded", "skipped"], "ready"),
        ("none_failed", ["skipped"], "ready"),
        ("none_failed", ["failed", "running"], "upstream_failed"),
        ("none_failed", ["skipped", "waiting"], None),
    ],
)
def test_trigger_rules_decide_as_the_contract_says(rule, upstream, decision):
    assert decide(rule, upstream) == decision


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_a_node_without_upstream_is_ready(rule):
    assert decide(rule, []) == "ready"


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_a_decision_never_depends_on_the_order_of_ends(rule):
    states = ["succeeded", "failed", "skipped", "cancelled"]
    for ends in itertools.product(states, repeat=3):
        final = decide(rule, ends)
        assert final is not None
        for known in itertools.product((True, False), repeat=3):
            so_far = [end if ended else "running" for end, ended in zip(ends, known, strict=True)]
            assert decide(rule, so_far) in (None, final)


@pytest.mark.parametrize("rule", [rule for rule in TRIGGER_RULES if rule != "all_done"])
def test_a_rule_decides_as_soon_as_no_further_end_can_change_the_decision(rule):
    for known in itertools.product([*sorted(NODE_TERMINAL), "running"], repeat=2):
        open_places = [place for place, state in enumerate(known) if state == "running"]
        possible = set()
        for ends in itertools.product(sorted(NODE_TERMINAL), repeat=len(open_places)):
            filled = list(known)
            for place, end in zip(open_places, ends, strict=True):
                filled[place] = end
            possible.add(decide(rule, filled))
        assert decide(rule, known) == (possible.pop() if len(possible) == 1 else None)


def test_every_rule_decides_about_one_upstream_node_once_it_has_ended():
    for rule, state in itertools.product(TRIGGER_RULES, NODE_STATES):
        decision = decide(rule, [state])
        assert (decision is None) == (state not in NODE_TERMINAL)
        if rule == "all_success" and state in NODE_FAILED:
            assert decision == "upstream_failed"


def test_an_unknown_rule_is_a_bug():
    with pytest.raises(ValueError, match="some"):
        decide("some", ["succeeded"])


@pytest.mark.parametrize(
    ("backoff", "retry", "low", "high"),
    [
        ("fixed", 1, 5, 6),
        ("fixed", 7, 5, 6),
        ("linear", 3, 15, 18),
        ("exponential", 1, 5, 6),
        ("exponential", 4, 40, 48),
    ],
)
def test_delays_grow_by_the_policy_and_spread(backoff, retry, low, high):
    policy = Policy(retry_backoff=backoff)
    delays = [retry_delay(policy, retry, RNG) for _ in range(200)]
    assert min(delays) >= low
    assert max(delays) <= high
    assert len(set(delays)) > 100


@pytest.mark.parametrize("retry", [1, 5000])
@pytest.mark.parametrize("asked", [240, 260, 299, 300, 301, 4000])
@pytest.mark.parametrize("backoff", ["fixed", "linear", "exponential"])
def test_jitter_starts_no_retry_before_its_delay_and_never_exceeds_the_longest(backoff, asked, retry):
    policy = Policy(retry_backoff=backoff, retry_delay=asked)
    delays = [retry_delay(policy, retry, RNG) for _ in range(200)]
    assert min(asked, 300) <= min(delays)
    assert max(delays) <= retry_delay_max(policy, retry) <= 300


def test_a_retry_delay_of_0_stays_0():
    assert retry_delay(Policy(retry_delay=0), 3, RNG) == 0


def test_retries_end_and_only_named_errors_are_tried_again():
    policy = Policy(retries=2, retry_on=("TimeoutError", "requests.Timeout"))
    assert may_retry(policy, "TimeoutError", 1)
    assert not may_retry(policy, "TimeoutError", 2)
    assert may_retry(policy, "asyncio.TimeoutError", 0)
    assert may_retry(policy, "requests.Timeout", 0)
    assert not may_retry(policy, "ValueError", 0)
    assert may_retry(Policy(retries=1), "HardTimeout", 0)
    assert not may_retry(Policy(), "ValueError", 0)


def test_a_named_class_stands_for_all_that_derive_from_it():
    policy = Policy(retries=1, retry_on=("LookupError", "requests.exceptions.RequestException"))
    key_error = ["KeyError", "LookupError", "Exception", "BaseException"]
    assert may_retry(policy, "KeyError", 0, key_error)
    timeout = ["requests.exceptions.Timeout", "requests.exceptions.RequestException", "OSError"]
    assert may_retry(policy, "Timeout", 0, timeout)
    assert not may_retry(policy, "Timeout", 1, timeout)
    assert not may_retry(policy, "ValueError", 0, ["ValueError", "Exception"])
    assert not may_retry(policy, "RequestException", 0, ["other.RequestException"])
