"""What attempts print: complete, in order, limited, and without effect on others."""

import resource
import time
from pathlib import Path

import pytest

from engine.executors.base import Ended, Lines, Progress
from tests.support.effort import in_time
from tests.support.supervised import FAKE_NODE, Supervised


@pytest.mark.smoke
def test_lines_of_all_sources_come_before_the_end_with_their_levels(tmp_path: Path) -> None:
    code = (
        "import logging, os, subprocess, sys\ndef main(inputs, ctx):\n    print('out')\n"
        "    print('err', file=sys.stderr)\n    ctx.log('said', level='error')\n    logging.warning('logged')\n"
        "    os.write(1, b'raw')\n    subprocess.run(['sh', '-c', 'echo; echo child; printf unfinished'])\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code)
        node.run(work)
        last = max(at for at, one in enumerate(node.reports) if isinstance(one, Lines))
        end = next(at for at, one in enumerate(node.reports) if isinstance(one, Ended))
        assert last < end
        found = {(level, message) for one in node.of(Lines, work.claim) for _, level, message in one.lines}
        assert found == {
            ("info", "out"), ("warning", "err"), ("error", "said"), ("warning", "logged"), ("info", "raw"),
            ("info", "child"), ("info", "unfinished"),
        }  # fmt: skip


def test_printed_and_logged_lines_are_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    code = (
        "import sys\ndef main(inputs, ctx):\n    for n in range(20):\n        print(f'printed {n}')\n"
        "        ctx.log(f'logged {n}')\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code)
        node.run(work)
        assert node.lines(work) == [f"{how} {n}" for n in range(20) for how in ("printed", "logged")]
        times = [at for one in node.of(Lines, work.claim) for at, _, _ in one.lines]
        assert times == sorted(times)


def test_output_belongs_to_the_attempt_that_wrote_it(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        works = []
        for number in range(100):
            code = f"import os\ndef main(inputs, ctx):\n    print({number})\n    os.write(2, b'{number} unfinished')\n"
            works.append(node.python(code, node=f"n{number}", expected=0.001))
        node.run_all(works)
        for number, work in enumerate(works):
            assert sorted(node.lines(work)) == [str(number), f"{number} unfinished"]


def test_lines_arrive_while_the_attempt_runs(tmp_path: Path) -> None:
    code = "import time\ndef main(inputs, ctx):\n    print('now')\n    time.sleep(600)\n"
    with Supervised(tmp_path) as node:
        work = node.python(code)
        node.send(work)
        node.started(work)
        began = time.monotonic()
        node.until(lambda: node.lines(work) == ["now"])
        in_time(time.monotonic() - began, 1.0)


def test_what_a_killed_attempt_had_printed_is_stored(tmp_path: Path) -> None:
    code = (
        "import os, signal\ndef main(inputs, ctx):\n    os.write(1, b'last ' * 1000 + b'words')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code)
        assert node.run(work).state == "lost"
        assert "".join(node.lines(work)).endswith("words")


@pytest.mark.long
def test_a_gigabyte_of_output_leaves_memory_flat_and_others_unharmed(tmp_path: Path) -> None:
    code = (
        "import os\ndef main(inputs, ctx):\n    data = b'y' * 99 + b'\\n'\n    data *= 600\n"
        "    for _ in range(1024 * 1024 * 1024 // len(data)):\n        os.write(1, data)\n    print('end')\n"
    )
    with Supervised(tmp_path, workers=2) as node:
        node.settle()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        flood = node.python(code)
        node.send(flood)
        node.started(flood)
        took, lines, seen = list[float](), 0, 0
        while not node.of(Ended, flood.claim):
            began = time.monotonic()
            node.run(node.work())
            took.append(time.monotonic() - began)
            for one in node.of(Lines):
                lines += len(one.lines)
                seen = max(seen, len(one.lines))
            node.reports = [one for one in node.reports if isinstance(one, Ended) and one.claim == flood.claim]
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert node.ended(flood).state == "succeeded"
        assert lines == 100_001
        assert grown < 100, f"{grown:.0f} MiB more"
        assert len(took) > 20
        in_time(sorted(took)[len(took) * 9 // 10], 1.0)


def test_progress_is_at_most_ten_a_second_and_the_last_one_always_comes(tmp_path: Path) -> None:
    frames = [{"k": "progress", "fraction": number / 1000, "message": None} for number in range(1000)]
    done = {"k": "done", "seconds": 0, "output": {"kind": "json", "value": None}}
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        work = node.work(frames=[*frames, done])
        began = time.monotonic()
        node.run(work)
        seconds = time.monotonic() - began
        progress = node.of(Progress, work.claim)
        assert 1 <= len(progress) <= 2 + 10 * seconds
        assert progress[-1].fraction == 0.999
        assert node.reports.index(progress[-1]) < node.reports.index(node.ended(work))


def test_progress_that_stops_short_of_the_end_is_still_delivered(tmp_path: Path) -> None:
    frames = [{"k": "progress", "fraction": number / 10, "message": "x"} for number in range(10)]
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        work = node.work(frames=frames, then="sleep")
        node.send(work)
        node.until(lambda: node.of(Progress, work.claim)[-1:] and node.of(Progress, work.claim)[-1].fraction == 0.9)
