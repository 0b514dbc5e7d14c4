"""Six scripted causes in the whole product: each has its own first suggestion, and calls that solve the problem."""

import random
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.hangs import CHILD, DEADLOCK, LOOP, SLEEP, SOCKET
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

SECONDS = 2.0
"""So soon after a node has crossed twice its expectation its cause is known."""

BUSY = """
import time

def main(inputs, ctx):
    ctx.log("on it")
    time.sleep({s})
    return sum(range(3_000_000))
"""
UNTIL = "import os, time\n\ndef main(inputs, ctx):\n    while not os.path.exists({path!r}):\n        time.sleep(0.02)\n"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("diagnosis") / "home", INTERLOCK_WORKERS="8") as started:
        yield started


@pytest.fixture
def rng() -> random.Random:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def diagnosis(product: Product, run: str, node: str = "") -> Any:
    return product.api("GET", f"runs/{run}/diagnostics/" + (f"?node={node}" if node else ""))


def cause(product: Product, run: str) -> Any:
    """Return the diagnosis as soon as it has the stacks, which may be late on a busy machine."""

    def known() -> Any:
        found = diagnosis(product, run)
        return found if found["suggestions"] and found["suggestions"][0]["code"] != "not_determined" else None

    return wait_until(known)


def start(product: Product, slug: str, node: dict[str, Any]) -> str:
    # A client always waits for the run, so that this is not the first suggestion.
    product.publish(slug, [node, {"id": "behind", "type": "noop"}], [{"source": node["id"], "target": "behind"}])
    return str(product.api("POST", f"workflows/{slug}/runs/")["id"])


class Case:
    """One scripted cause, with its own names and numbers."""

    def __init__(self, code: str, rng: random.Random) -> None:
        self.code = code
        self.node = f"n{rng.randrange(10**6)}_{code}"[:60]
        # By twice that time all nodes are where they hang.
        self.expected = rng.choice([0.9, 1.0, 1.1, 1.2])
        self.run = ""
        self.started_at: datetime | None = None
        self.seen: dict[str, Any] | None = None
        self.late = 0.0


def cases(rng: random.Random, port: int) -> list[tuple[Case, dict[str, Any]]]:
    name = f"v{rng.randrange(10**6)}"
    number = rng.randrange(600, 6000)
    codes = {
        "sleeping": SLEEP,
        "cpu_loop": LOOP,
        "blocked_on_socket": SOCKET,
        "child_hangs": CHILD,
        "deadlock": DEADLOCK,
    }
    made = []
    for code, text in codes.items():
        case = Case(code, rng)
        source = text.format(name=name, number=port if code == "blocked_on_socket" else number)
        made.append(
            (
                case,
                {
                    "id": case.node,
                    "type": "python",
                    "config": {"code": source},
                    "policy": {"expected_duration": case.expected},
                },
            )
        )
    rng.shuffle(made)
    return made


def watch(product: Product, found: list[Case]) -> None:
    """Follow all of them until each has its first suggestion. None may come too early."""
    deadline = time.monotonic() + 30
    while any(case.seen is None for case in found):
        assert time.monotonic() < deadline, [case.code for case in found if case.seen is None]
        for case in found:
            if case.seen is not None:
                continue
            if case.started_at is None:
                row = product.api("GET", f"runs/{case.run}/nodes/{case.node}/")
                case.started_at = moment(row["started_at"]) if row["started_at"] else None
                continue
            crossing = case.started_at + timedelta(seconds=2 * case.expected)
            asked = datetime.now(UTC)
            answer = diagnosis(product, case.run)
            if answer["suggestions"]:
                assert datetime.now(UTC) > crossing, f"{case.code}: too early: {answer['suggestions']}"
            late = (asked - crossing).total_seconds()
            if answer["suggestions"] and answer["suggestions"][0]["code"] != "not_determined":
                case.seen, case.late = answer, late
            else:
                assert late < SECONDS, f"{case.code} is not said {late:.2f} s after crossing"


@pytest.mark.long
def test_six_causes_give_six_first_suggestions_and_a_retry_with_a_limit_ends_them(
    product: Product, rng: random.Random
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = []
        for case, node in cases(rng, port):
            case.run = start(product, f"w-{case.code}".replace("_", "-"), node)
            found.append(case)
        watch(product, found)
        firsts = {}
        for case in found:
            assert case.seen is not None
            first = case.seen["suggestions"][0]
            print(f"{case.code}: {case.late:.2f} s after crossing: {first['message']}")
            firsts[case.code] = first
            check(product, case, first)
        assert {code: first["code"] for code, first in firsts.items()} == {case.code: case.code for case in found}
        assert f"127.0.0.1:{port}" in firsts["blocked_on_socket"]["message"]
        assert re.search(r"process \d+, which hangs: sleep \d+", firsts["child_hangs"]["message"])
        assert re.search(r"thread v\d+_a in line \d+: with two:", firsts["deadlock"]["message"])
        for case in found:
            ends_by_its_action(product, case, firsts[case.code])


def check(product: Product, case: Case, first: Any) -> None:
    """The evidence has what was measured, on which process, and when."""
    assert first["node_id"] == case.node
    assert case.seen is not None
    (stuck,) = case.seen["stuck_nodes"]
    assert (stuck["node_id"], stuck["expected"], stuck["expected_from"]) == (case.node, case.expected, "author")
    assert stuck["duration"] > 2 * case.expected
    assert any("Marked stuck" in line["message"] for line in stuck["logs"])
    assert stuck["stack"]["samples"]
    attempt = product.api("GET", f"runs/{case.run}/nodes/{case.node}/attempts/")["results"][0]
    measured = first["evidence"][0]
    assert (measured["kind"], measured["unit"], measured["pid"]) == ("duration", "seconds", attempt["pid"])
    assert measured["value"] > 2 * case.expected
    assert measured["at"] == attempt["started_at"]
    stacks = [one for one in first["evidence"] if one["kind"] == "stack"]
    assert stacks
    assert all(one["pid"] == attempt["pid"] and one["at"] for one in stacks)


def ends_by_its_action(product: Product, case: Case, first: Any) -> None:
    """The retry starts a further attempt, with the receipt of the first, and with a limit."""
    # Where a new attempt would do the same, it is not what is offered first.
    assert ("retry" in first["action"]["path"]) is (case.code not in ("cpu_loop", "deadlock"))
    action = next(one for one in first["actions"] if "retry" in one["path"])
    answer = product.call(action["method"], action["path"], action["body"])
    assert answer.status == 202, answer.body
    limit = action["body"]["policy"]["soft_timeout"]
    assert limit > 2 * case.expected

    def attempts(count: int) -> Any:
        found = product.api("GET", f"runs/{case.run}/nodes/{case.node}/attempts/")["results"]
        return found if len(found) == count else None

    second, ended = wait_until(lambda: attempts(2))
    assert (second["number"], ended["state"]) == (2, "cancelled")
    assert ended["receipt"]["processes"] >= 1
    run = product.ended(case.run)
    assert run["state"] == "failed"
    assert run["altered"] is True
    after = suggestions_after_end(product, case)
    for count in (3, 4):
        if case.code in seen_activity(after):
            break
        # A node that gets no processor just then cannot show what it does before the limit acts.
        again = after["action"]
        assert product.call(again["method"], again["path"], again["body"]).status == 202
        wait_until(partial(attempts, count))
        product.ended(case.run)
        after = suggestions_after_end(product, case)
    # The stacks at the limit show the same again.
    assert case.code in seen_activity(after)


def suggestions_after_end(product: Product, case: Case) -> Any:
    """Return the suggestions after its limit has ended it."""
    found = diagnosis(product, case.run)
    assert found["stuck_nodes"] == []
    first = found["suggestions"][0]
    assert first["code"] in ("failed_soft_timeout", "failed_hard_timeout")
    return first


def seen_activity(suggestion: Any) -> list[str]:
    """Return what the stacks showed before that."""
    return [one["value"] for one in suggestion["evidence"] if one["kind"] == "stack"]


def test_a_node_that_waits_for_another_runs_pool_is_explained_at_once_and_started_by_more_slots(
    product: Product, rng: random.Random
) -> None:
    pool, slots = f"pool-{rng.randrange(10**6)}", rng.randrange(1, 4)
    product.api("POST", "pools/", {"name": pool, "slots": slots})
    hold: dict[str, Any] = {
        "id": f"hold{rng.randrange(999)}",
        "type": "python",
        "policy": {"pool": pool, "slots": slots},
    }
    hold["config"] = {"code": SLEEP.format(number=rng.randrange(600, 6000))}
    wanted = rng.randrange(1, slots + 1)
    want = {"id": "want", "type": "noop", "policy": {"pool": pool, "slots": wanted}}
    first = start(product, f"hold-{pool}", hold)
    node = wait_until(
        lambda: (one := product.api("GET", f"runs/{first}/nodes/{hold['id']}/"))["state"] == "running" and one
    )
    second = start(product, f"want-{pool}", want)
    wait_until(lambda: product.api("GET", f"runs/{second}/nodes/want/")["state"] == "ready")
    one = diagnosis(product, second)["suggestions"][0]
    print(one["message"])
    assert one["code"] == "pool_full"
    assert f'node "{hold["id"]}" of run {first}' in one["message"]
    assert pool in one["message"]
    evidence = one["evidence"][0]
    attempt = product.api("GET", f"runs/{first}/nodes/{hold['id']}/attempts/")["results"][0]
    assert (evidence["pid"], evidence["at"]) == (attempt["pid"], node["started_at"])
    assert evidence["value"] >= 0
    assert one["action"]["body"] == {"slots": slots + wanted}
    assert product.call(one["action"]["method"], one["action"]["path"], one["action"]["body"]).status == 200
    assert product.ended(second)["state"] == "succeeded"
    product.api("POST", f"runs/{first}/cancel/", {})
    assert product.ended(first)["state"] == "cancelled"


def test_a_healthy_run_gives_no_suggestion_from_its_start_to_after_its_end(
    product: Product, rng: random.Random, tmp_path: Path
) -> None:
    looked = tmp_path / "looked"
    nodes: list[dict[str, Any]] = [
        {
            "id": f"n{n}",
            "type": "python",
            "config": {"code": BUSY.format(s=rng.uniform(0.1, 0.4))},
            "policy": {"expected_duration": 20},
        }
        for n in range(12)
    ]
    nodes[-1]["config"] = {"code": UNTIL.format(path=str(looked))}
    edges = [{"source": f"n{n}", "target": f"n{n + 4}"} for n in range(8)]
    product.publish("healthy", nodes, edges)
    run = str(product.api("POST", "workflows/healthy/runs/")["id"])
    looks = 0
    while product.api("GET", f"runs/{run}/")["finished_at"] is None:
        found = diagnosis(product, run)
        assert (found["suggestions"], found["stuck_nodes"]) == ([], []), found
        looks += 1
        if looks == 4:
            looked.touch()
    found = diagnosis(product, run)
    assert (found["status"], found["suggestions"], found["stuck_nodes"], found["waiting"]) == ("succeeded", [], [], [])


def test_without_the_authors_value_the_expected_duration_comes_from_earlier_runs(product: Product) -> None:
    code = "import time\n\ndef main(inputs, ctx):\n    time.sleep(ctx.run['inputs']['seconds'])\n"
    definition = {
        "schema": "interlock/1",
        "inputs": {"type": "object", "properties": {"seconds": {"type": "number"}}},
        "nodes": [{"id": "a", "type": "python", "config": {"code": code}}],
        "edges": [],
    }
    product.api("POST", "workflows/", {"name": "learned", "slug": "learned"})
    product.api("POST", "workflows/learned/versions/", {"definition": definition, "message": ""})

    def expectation_after_one_more() -> str:
        run = str(product.api("POST", "workflows/learned/runs/", {"inputs": {"seconds": 0.05}})["id"])
        assert product.ended(run)["state"] == "succeeded"
        return str(product.api("GET", f"runs/{run}/nodes/a/")["expected_from"])

    # The scheduler learns durations when it is idle: soon after the third success, not with it.
    assert [expectation_after_one_more() for _ in range(3)] == ["none"] * 3
    wait_until(lambda: expectation_after_one_more() == "learned")
    run = str(product.api("POST", "workflows/learned/runs/", {"inputs": {"seconds": 900}})["id"])
    found = cause(product, run)
    (stuck,) = found["stuck_nodes"]
    # Twice 0.05 s would be too short: learned durations count from 5 s on.
    assert 5 < stuck["duration"] < 5 + SECONDS
    assert (stuck["expected_from"], found["suggestions"][0]["code"]) == ("learned", "sleeping")
    assert stuck["expected"] < 1
    assert found["suggestions"][0]["action"]["body"]["policy"]["soft_timeout"] == 5
    product.api("POST", f"runs/{run}/cancel/", {})


@pytest.mark.smoke
def test_a_shell_command_that_hangs_is_named_and_a_failed_one_gets_a_remedy(product: Product) -> None:
    command = {"id": "sh", "type": "shell", "config": {"command": "echo begin; sleep 987; echo end"}}
    command["policy"] = {"expected_duration": 0.7}
    run = start(product, "shell-hangs", command)
    found = cause(product, run)["suggestions"]
    assert found[0]["code"] == "child_hangs"
    assert "sleep 987" in found[0]["message"]
    missing = {"id": "sh", "type": "shell", "config": {"command": "no-such-program-here --now"}}
    failed = start(product, "shell-fails", missing)
    assert product.ended(failed)["state"] == "failed"
    one = diagnosis(product, failed)["suggestions"][0]
    assert (one["code"], one["node_id"]) == ("failed_exit_code", "sh")
    assert "PATH" in one["message"]
    assert any("not found" in each["message"] for each in one["evidence"] if each["kind"] == "log")
    product.api("POST", f"runs/{run}/nodes/sh/cancel/", {})
    assert product.ended(run)["state"] == "cancelled"
