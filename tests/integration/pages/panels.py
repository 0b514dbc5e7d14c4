"""A run whose node `work` is in a given state, and the panel of that node."""

import html
import json
import re
from datetime import timedelta
from typing import Any

from engine import clock
from engine.models import Attempt, NodeRun, Run, Stack
from versions.actions.launch import launch
from versions.models import Workflow

CODE = "def main(inputs, ctx):\n    return parse(inputs)\n\ndef parse(x):\n    return x['<i>']\n"
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "<work>", line 2, in main\n    return parse(inputs)\n'
    '  File "/usr/lib/python3/json.py", line 9, in loads\n    raise KeyError\n'
    "  File \"<work>\", line 5, in parse\n    return x['<i>']\n           ~^^^^^\n"
    "KeyError: '<i>'\n"
)
ERROR = {"class": "KeyError", "message": "'<i>' is not there", "node": "work", "line": 5, "traceback": TRACEBACK}


def at(seconds: float) -> Any:
    """Return the time this many seconds ago."""
    return clock.now() - timedelta(seconds=seconds)


def run_of(workflow: Workflow, state: str = "running", *, seconds: float = 3, **more: Any) -> Run:
    """Create a run whose node `work` has been in this state for `seconds`."""
    run = launch(workflow, by="x")
    ended = state not in ("pending", "ready", "running", "waiting", "retrying")
    run.state = "failed" if state in ("failed", "timed_out") else "succeeded" if ended else "running"
    run.started_at, run.finished_at = at(seconds), at(0) if ended else None
    run.counts = {state: 1, "pending": 14}
    run.save()
    if state == "pending":
        return run
    has_attempt = state not in ("ready", "skipped", "upstream_failed")
    if has_attempt:
        attempt = {"retrying": "failed"}.get(state, state)
        Attempt.objects.create(
            run=run,
            node="work",
            number=1,
            state=attempt if attempt != "waiting" else "succeeded",
            claim="c",
            worker="local/1",
            pid=41207,
            ready_at=at(seconds + 1.5),
            started_at=at(seconds),
            finished_at=None if state == "running" else at(0),
            error=ERROR if state in ("failed", "retrying", "timed_out") else None,
            usage={"cpu_seconds": 0.5, "memory_peak_bytes": 20 * 1024 * 1024},
            receipt={"processes": 3, "slots": 1, "seconds": 0.2} if state == "cancelled" else None,
        )
    NodeRun.objects.create(
        run=run,
        node="work",
        state=state,
        attempt=1 if has_attempt else 0,
        claim="c" if state == "running" else "",
        pool="warehouse",
        ready_at=at(seconds + 1.5),
        retry_at=at(-5) if state == "retrying" else None,
        started_at=at(seconds) if has_attempt else None,
        finished_at=None if state in ("ready", "running") else at(0),
        expected=10,
        expected_from="author",
        error=ERROR if state in ("failed", "retrying", "timed_out") else None,
        **more,
    )
    return run


def stored_stack(run: Run, *, why: str = "stuck", moves: bool = False) -> Stack:
    frames = [
        {"file": "/usr/lib/python3.11/socket.py", "line": 9, "function": "recv", "source": "x", "author": False},
        {"file": "<work>", "line": 5, "function": "parse", "source": "return x['<i>']", "author": True},
    ]
    waits = {"kind": "socket", "message": "data from 127.0.0.1:5433", "address": "127.0.0.1:5433"}
    thread = {"id": 1, "name": "MainThread", "waits_on": waits, "frames": frames}
    samples = [{"at": clock.iso(at(n)), "threads": [thread]} for n in (3, 2, 1)]
    children = [{"pid": 77, "command": "sleep <600>", "state": "S", "cpu_seconds": 0.1, "since": None}]
    body = {"samples": samples, "children": children, "moves": moves, "cpu_percent": 0.0, "pid": 41207}
    return Stack.objects.create(run=run, node="work", attempt=1, taken_at=at(0.5), why=why, body=body)


def panel(browser: Any, role: str, run: Run, tab: str = "", node: str = "work", **query: Any) -> str:
    answer = browser(role).get(f"/runs/{run.pk}/nodes/{node}/panel/", {"tab": tab, **query})
    assert answer.status_code == 200
    return str(answer.content.decode())


def calls(shown: str) -> list[tuple[str, str, Any]]:
    """Return every call that the buttons of a panel carry."""
    found = re.findall(r'data-call-method="(\w+)" data-call-path="([^"]+)" data-call-body="([^"]*)"', shown)
    return [(method, path, json.loads(html.unescape(body)) if body else None) for method, path, body in found]
