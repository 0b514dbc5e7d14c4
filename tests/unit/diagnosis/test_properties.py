"""What must hold for every finding, whatever the facts are."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diagnosis import actions
from engine.diagnosis.facts import RunFacts, RunningFacts
from engine.diagnosis.rules import diagnosis
from engine.diagnosis.shape import to_dict
from engine.diagnosis.threads import activity_of
from engine.sentences import Sentence
from tests.unit.diagnosis.made import (
    ago,
    body,
    facts,
    failure,
    frame,
    holder,
    kept,
    pool,
    running,
    samples,
    thread,
    waiting,
)

texts = st.text(max_size=30)
numbers = st.floats(0, 1e6, allow_nan=False)
frames = st.builds(
    frame,
    st.integers(1, 99),
    texts,
    author=st.booleans(),
    file=st.sampled_from(["<node x>", "/lib/threading.py", "/engine/worker/main.py", "/x/queue.py"]),
    function=st.sampled_from(["main", "acquire", "join", "wait"]),
)
waits = st.none() | st.fixed_dictionaries(
    {"kind": st.sampled_from(["sleep", "socket", "file", "pipe", "lock", "child", "poll", "io", "other", "new"])},
    optional={"message": texts, "address": texts, "path": texts, "pid": st.integers(1, 9)},
)
threads = st.lists(
    st.builds(
        lambda found, wait, name, id: thread(*found, wait=wait, name=name, id=id),
        st.lists(frames, max_size=3),
        waits,
        texts,
        st.integers(1, 5),
    ),
    max_size=4,
)
children = st.lists(
    st.fixed_dictionaries(
        {"pid": st.integers(1, 9)},
        optional={
            "command": texts,
            "state": st.sampled_from(["S", "R", "D", "Z"]),
            "cpu_seconds": numbers,
            "since": st.none(),
            "waits_on": waits,
        },
    ),
    max_size=3,
)
bodies = st.builds(
    lambda found, kids, cpu, count: body(*found, children=kids, cpu=cpu, samples=count),
    threads,
    children,
    st.none() | st.floats(0, 400),
    st.integers(0, 4),
)
measured = st.lists(st.none() | st.floats(0, 400), max_size=40).map(lambda cpu: samples(*cpu))
nodes = st.builds(
    running,
    st.sampled_from("abc"),
    numbers,
    st.none() | st.floats(0.001, 1e5),
    name=texts,
    stack=st.none() | st.builds(kept, bodies, st.sampled_from(["asked", "stuck", "quiet"]), st.floats(0, 100)),
    samples=measured,
    cores=st.none() | st.floats(0.1, 64),
    memory_mb=st.none() | st.integers(1, 10_000),
    dependents=st.integers(0, 5),
)
pools = st.builds(
    pool,
    st.builds(holder, st.sampled_from([812, 815]), is_stuck=st.booleans(), slots=st.integers(1, 5)),
    slots=st.none() | st.integers(1, 9),
    wanted=st.integers(1, 9),
    ahead=st.integers(0, 9),
)
CODES = [
    "pool", "pool_line", "pool_missing", "pool_too_small", "retry_delay", "run_limit", "workflow_limit", "run_queued",
    "worker", "upstream", "queue", "suspect",
]  # fmt: skip
waiters = st.builds(waiting, st.sampled_from(CODES), st.sampled_from("xyz"), numbers, pool=st.none() | pools)
failures = st.builds(failure, st.sampled_from(["ValueError", "MemoryLimit", "SoftTimeout", "Odd", ""]), texts)


@st.composite
def all_facts(draw: Any) -> RunFacts:
    things = draw(st.lists(nodes | waiters | failures, max_size=5))
    return facts(
        *things,
        state=draw(st.sampled_from(["queued", "running", "paused", "failed", "timed_out", "succeeded"])),
        requested_node=draw(st.none() | st.sampled_from(["a", "x", "parse"])),
        beat_age=draw(st.none() | st.floats(0, 60)),
        occupants=draw(st.lists(st.builds(holder), max_size=3)),
        max_runs=draw(st.none() | st.just(1)),
    )


@settings(deadline=None)
@given(all_facts())
def test_a_finding_never_lacks_evidence_and_its_actions_can_be_sent(given_facts: RunFacts) -> None:
    shape = to_dict(diagnosis(given_facts))
    json.dumps(shape)
    for one in shape["suggestions"]:
        assert one["code"]
        assert one["message"]
        assert one["evidence"], one
        for evidence in one["evidence"]:
            assert evidence["message"]
            assert evidence["kind"]
        for action in one.get("actions", ()):
            assert action["label"]
            assert action["method"] in ("GET", "POST", "PATCH")
            assert action["path"].startswith("/api/v1/")
            assert action["path"].endswith("/")
            assert isinstance(action["body"], dict) or action["method"] == "GET"
            _check_policy(action["body"] or {})


def _check_policy(body: dict[str, Any]) -> None:
    policy = body.get("policy") or {}
    if "soft_timeout" in policy:
        assert 0 < policy["soft_timeout"] <= policy["hard_timeout"] <= 31_536_000
    if "memory_mb" in policy:
        assert isinstance(policy["memory_mb"], int)
        assert policy["memory_mb"] >= 1


@settings(deadline=None)
@given(nodes)
def test_the_limit_of_a_retry_is_above_what_counts_as_stuck(node: RunningFacts) -> None:
    limit = actions.limit_of(node, 0.0)
    assert limit > 2 * (node.expected or 0.0)
    assert node.stuck_after is None or limit >= min(node.stuck_after, 5) or limit > node.stuck_after


@settings(deadline=None)
@given(bodies, st.none() | st.floats(0, 400))
def test_any_stacks_give_a_finding(stacks: dict[str, Any], cpu: float | None) -> None:
    found = activity_of(stacks, cpu)
    assert found.code
    assert found.code != "deadlock" or found.threads


@settings(deadline=None)
@given(all_facts())
def test_translations_are_applied_to_every_part(given_facts: RunFacts) -> None:
    def said(template: str) -> str:
        return template if template.startswith("{") else "→" + template

    for one in diagnosis(given_facts).findings:
        assert one.message.translated(said)
        for evidence in one.evidence:
            assert evidence.message.translated(said)


def test_a_part_is_translated_with_its_sentence() -> None:
    sentence = Sentence("{a} runs for {span}.", {"a": "x", "span": Sentence("{s} s", {"s": 3})})
    assert str(sentence) == "x runs for 3 s."
    words = {"{a} runs for {span}.": "{a} 執行了 {span}。", "{s} s": "{s} 秒"}
    assert sentence.translated(words.__getitem__) == "x 執行了 3 秒。"


def test_times_are_aware() -> None:
    assert ago(1).tzinfo is not None
