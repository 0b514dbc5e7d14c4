"""Nodes that start processes without end are stopped, and others go on meanwhile.

Everything here runs in a cage, a control group with a limit of its own: a bomb that was not stopped would take the
whole host with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from engine.inspect import procfs
from engine.supervisor.process import USER_TASKS_MORE, limit_tasks

CAGE = Path(f"/sys/fs/cgroup/pids/interlock-cage-{os.getpid()}")
ROOT = Path(__file__).resolve().parents[2]

BOMBS = {
    "ten thousand children": (
        "import os, time\ndef main(inputs, ctx):\n    for _ in range(10000):\n        if os.fork() == 0:\n"
        "            time.sleep(600)\n    time.sleep(600)\n"
    ),
    "doubling": (
        "import os, time\ndef main(inputs, ctx):\n    while True:\n        try:\n            os.fork()\n"
        "        except OSError:\n            time.sleep(0.01)\n"
    ),
    "shell": (
        "import subprocess, time\ndef main(inputs, ctx):\n"
        "    subprocess.run(['bash', '-c', ':(){ :|:& };:'])\n    time.sleep(600)\n"
    ),
}

RUN = """
import json, os, sys, time
from pathlib import Path
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
from engine.executors.base import Ended
from engine.supervisor.cleanup import own_mark
from tests.support.supervised import Supervised, marked

with Supervised(Path(sys.argv[2])) as node:
    node.settle()
    bomb = node.python(sys.argv[3], hard=20)
    began = time.monotonic()
    node.send(bomb)
    others = 0
    while not node.of(Ended, bomb.claim):
        node.run(node.work())
        others += 1
    ended = node.ended(bomb)
    seconds = time.monotonic() - began
    node.settle()
    left = set(marked(own_mark(node.supervisor.mark_prefix))) - {one.pid for one in node.supervisor.node_processes()}
    print(json.dumps([ended.error["class"], ended.receipt and ended.receipt["processes"], seconds, others, len(left)]))
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_processes_is_stopped_and_others_go_on(tmp_path: Path, name: str) -> None:
    try:
        CAGE.mkdir()
    except OSError:
        pytest.skip("no control group can be made here, so a bomb cannot be let off safely")
    try:
        (CAGE / "pids.max").write_text("1500")
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(CAGE), str(tmp_path), BOMBS[name]],
            cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        error, processes, seconds, others, left = json.loads(done.stdout)
        assert error == "ProcessLimit"
        # Without a receipt it was not killed: a refused fork ended the author's code first.
        assert processes is None or 64 < processes <= 1500
        assert seconds < 20
        # One that had to wait for the end of the bomb would be the only one.
        assert others > 1
        assert left == 0
    finally:
        for line in (CAGE / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line), 9)
        while (CAGE / "cgroup.procs").read_text():
            pass
        CAGE.rmdir()


def test_without_control_groups_a_user_has_a_far_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # Others come and go meanwhile.
    monkeypatch.setattr(procfs, "tasks_of_user", lambda: 1000)
    with subprocess.Popen(["sleep", "60"]) as child:
        limit_tasks(child.pid)
        soft, hard = resource.prlimit(child.pid, resource.RLIMIT_NPROC)
        child.kill()
    assert soft == hard == 1000 + USER_TASKS_MORE
