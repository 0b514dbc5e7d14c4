"""A given number of rows of everything, to compare the queries for few and for many."""

from datetime import datetime, timedelta

from dashboard import accounts, tokens
from engine import clock
from engine.models import Attempt, EventBatch, NodeRun, NodeStat, Run, Sample, Stack
from engine.shapes import micros
from engine.text import dump
from tests.integration.table.world import World, stack
from tests.support import run_rows
from tests.support.people import person

LIVE, ENDED, OUTPUT = "n0", "n1", "n2"
"""Nodes of the run `crowd_run`: one is running and stuck, one failed, one has an output."""


def build(world: World, size: int) -> None:
    """Create `size` workflows whose newest run failed.

    The workflow `crowd` has as many versions, deployments and runs, among them running and stuck ones (`crowd_run` is
    one) and ended ones (`crowd_over` is one). Their runs have as many nodes, in every state, with attempts, log lines,
    events, samples and stacks. There are as many pools with holders, accounts, tokens and files.
    """
    admin = world.apis["admin"]
    done = [admin.post("pools/", {"name": f"pool{number}", "slots": 5}) for number in range(size)]
    for number in range(size):
        run_rows.host(f"many{number}@here")
        slug = "crowd" if not number else f"crowd{number}"
        done += [
            admin.post("workflows/", {"name": slug, "tags": [f"t{number}"]}),
            admin.post(f"workflows/{slug}/versions/", {"definition": _definition(size, 0), "message": ""}),
            admin.put(f"files/crowd/f{number}.csv", raw=b"a\n1\n", headers={"Content-Length": "4"}),
        ]
        accounts.create_user(f"somebody{number}", "editor", by="admin-person")
        tokens.create_token(person("admin"), f"token{number}")
        _ended(world, slug, "failed")
    for version in range(2, size + 1):
        document = {"definition": _definition(size, version), "message": "x", "base_version": version - 1}
        done += [
            admin.post("workflows/crowd/versions/", document),
            admin.post("workflows/crowd/deployments/", {"version": version}),
        ]
        _ended(world, "crowd", "failed")
    done.append(admin.put("workflows/crowd/draft/", {"definition": _definition(size, 0)}, headers={"If-Match": "*"}))
    assert all(answer.status in (200, 201) for answer in done), done
    for _ in range(size):
        world.ids["crowd_run"] = _running(admin.post("workflows/crowd/runs/", {}).json["id"], size)
    world.ids["crowd_over"] = _ended(world, "crowd", "failed")
    _nodes(Run.objects.get(pk=int(world.ids["crowd_over"])), size, ended=True)


def _definition(size: int, version: int) -> dict[str, object]:
    """A node that all others wait for, each node in its own pool, different for every version."""
    nodes = [
        {"id": f"n{number}", "type": "noop", "notes": f"v{version}", "policy": {"pool": f"pool{number}", "slots": 1}}
        for number in range(size)
    ]
    edges = [{"source": "n0", "target": f"n{number}"} for number in range(4, size)]
    return {"schema": "interlock/1", "nodes": nodes, "edges": edges}


def _ended(world: World, slug: str, state: str) -> str:
    run_id = str(world.apis["admin"].post(f"workflows/{slug}/runs/", {}).json["id"])
    run_rows.node_run(run_rows.ended(run_id, state), "n0", "failed")
    return run_id


def _running(run_id: str, size: int) -> str:
    now = clock.now()
    run = Run.objects.get(pk=int(run_id))
    run.state, run.started_at = "running", now - timedelta(hours=1)
    run.counts = {"running": 1, "failed": 1, "succeeded": 1, "pending": size - 3}
    run.save()
    _nodes(run, size, ended=False)
    return run_id


def _nodes(run: Run, size: int, *, ended: bool) -> None:
    began = clock.now() - timedelta(hours=1)
    output = {"kind": "json", "value": {"x": 1}, "bytes": 8, "ports": ["out"]}
    for number in range(size):
        node = f"n{number}"
        NodeStat.objects.get_or_create(workflow=run.workflow, node=node, defaults={"durations": [1.0], "median": 1.0})
        if node == LIVE and not ended:
            _live(run, node, began)
        elif node == OUTPUT:
            run_rows.node_run(run, node, "succeeded", output=output, attempts=size)
        elif not NodeRun.objects.filter(run=run, node=node).exists() and (ended or node == ENDED):
            run_rows.node_run(run, node, "failed", attempts=size)
        elif number % 2 and not ended:
            NodeRun.objects.create(
                run=run, node=node, state="ready", ready_at=began, pool=f"pool{number}", expected=1.0
            )
        run_rows.lines(run, node, 2 * number + 1, f"line of {node}")
        seq = 2 * number + 2
        event = [seq, micros(began), "n", node, {"s": "ready", "a": 1}]
        EventBatch.objects.create(run=run, first_seq=seq, last_seq=seq, body=dump([event]))
        for name in {LIVE, ENDED}:
            Sample.objects.create(run=run, node=name, attempt=1, at=began + timedelta(seconds=number), cpu_percent=1.0)
            Stack.objects.create(
                run=run, node=name, attempt=1, taken_at=clock.now() + timedelta(hours=1), why="stuck", body=stack()
            )
    Run.objects.filter(pk=run.pk).update(seq=2 * size)


def _live(run: Run, node: str, began: datetime) -> None:
    claim = f"claim-{run.pk}"
    NodeRun.objects.create(
        run=run, node=node, state="running", attempt=1, claim=claim, started_at=began, ready_at=began, pool="pool0",
        expected=1.0, expected_from="learned",
    )  # fmt: skip
    Attempt.objects.create(
        run=run, node=node, number=1, state="running", claim=claim, worker="many1@here/1", pid=4242, started_at=began
    )
