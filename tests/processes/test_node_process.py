"""A node process from outside: frames, Python code, errors with their place, limits, and what is reset."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.node_process import NodeProcess, Nodes
from tests.support.supervised import alive
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("node"))
    yield nodes
    nodes.close()


@pytest.fixture
def node(nodes: Nodes) -> NodeProcess:
    return nodes.get()


def main(body: str, before: str = "") -> str:
    """Return code whose `main` has this body."""
    lines = "\n".join("    " + line for line in body.splitlines())
    return f"{before}\ndef main(inputs, ctx):\n{lines}\n"


# -- frames -----------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_no_op_returns_null_and_reports_its_start_with_its_end(node: NodeProcess) -> None:
    envelope = node.envelope()
    node.send(envelope)
    (done,) = node.frames(envelope["claim"])
    assert done["k"] == "done"
    assert done["output"] == {"kind": "json", "value": None, "bytes": 4, "ports": ["out"]}
    assert done["clean"] is True
    assert done["began"] <= done["at"]
    assert abs(done["began"] - time.time()) < 60


def test_many_no_ops_sent_ahead_all_come_back_in_order(node: NodeProcess) -> None:
    envelopes = [node.envelope() for _ in range(200)]
    for envelope in envelopes[:100]:
        node.send(envelope)
    for envelope in envelopes[:100]:
        node.frames(envelope["claim"])
    # Python behind no-ops: frames of earlier attempts are not delayed by it.
    mixed = [node.envelope(), node.envelope("python", {"code": main("return 1")}), node.envelope()]
    for envelope in mixed:
        node.send(envelope)
    assert [node.frames(envelope["claim"])[-1]["output"]["value"] for envelope in mixed] == [None, 1, None]


def test_an_unread_envelope_can_be_recalled(tmp_path: Path) -> None:
    with NodeProcess(tmp_path, keep_child_end=True) as node:
        first, second = node.envelope("python", {"code": main("import time\ntime.sleep(30)")}), node.envelope()
        node.send(first)
        assert node.frame() == {"k": "ready"}
        assert node.frame()["k"] == "started"  # type: ignore[index]
        node.send(second)
        taken = json.loads(node.theirs.recv(1 << 20))
        assert taken["claim"] == second["claim"]


def test_a_large_envelope_comes_through_a_file_which_is_deleted(node: NodeProcess) -> None:
    value = "x" * (50 * 1024 * 1024)
    inputs = {"a": {"kind": "json", "value": value}}
    ended = node.python(main("return len(inputs['a'])"), inputs=inputs, timeout=60)
    assert node.value(ended) == len(value)
    assert not list((node.home / "scratch").rglob("*.json"))


def test_an_end_does_not_wait_for_what_comes_next(node: NodeProcess) -> None:
    fifo = node.home / "envelope"
    os.mkfifo(fifo)
    first, second = node.envelope("python", {"code": main("return 1")}), node.envelope()
    node.send(first)
    node.ours.send(json.dumps({"file": str(fifo)}).encode())
    # The second envelope cannot be read before this has come.
    assert node.value(node.frames(first["claim"])[-1]) == 1
    fifo.write_text(json.dumps(second))
    assert node.frames(second["claim"])[-1]["k"] == "done"
    assert not fifo.exists()


def test_an_incomplete_envelope_ends_the_process(tmp_path: Path) -> None:
    with NodeProcess(tmp_path) as node:
        assert node.frame() == {"k": "ready"}
        node.ours.close()
        assert node.process.wait(10) == 0


def test_a_node_process_dies_with_its_parent(tmp_path: Path) -> None:
    script = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.processes.node_process import NodeProcess
node = NodeProcess(Path({str(tmp_path)!r}))
assert node.frame() == {{"k": "ready"}}
node.send(node.envelope("python", {{"code": "import time\\ndef main(inputs, ctx):\\n    time.sleep(60)\\n"}}))
assert node.frame()["k"] == "started"
print(node.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        wait_until(lambda: not alive(pid))


def test_a_node_process_loads_no_django_and_nothing_heavy(node: NodeProcess, tmp_path: Path) -> None:
    with NodeProcess(tmp_path) as fresh:
        assert fresh.frame() == {"k": "ready"}
        loaded = fresh.value(fresh.python(main("return sorted(sys.modules)", "import sys")))
    heavy = {"django", "duckdb", "asyncio", "subprocess", "socket", "cel", "jsonschema", "engine.definition", "decimal"}
    assert not heavy & set(loaded)
    assert "engine.worker.process" in loaded


def test_a_node_process_is_the_kernels_first_choice_without_memory_and_leaves_no_core(node: NodeProcess) -> None:
    assert Path(f"/proc/{node.pid}/oom_score_adj").read_text().strip() == "800"
    (limit,) = [line for line in Path(f"/proc/{node.pid}/limits").read_text().splitlines() if "core file" in line]
    assert limit.split()[4] == "0"


# -- Python -----------------------------------------------------------------------------------------


def test_python_gets_its_inputs_and_its_context(node: NodeProcess) -> None:
    code = main("return [inputs['a'], ctx.node, ctx.attempt, ctx.run['id'], ctx.run['inputs']]")
    ended = node.python(code, inputs={"a": {"kind": "json", "value": {"x": 1}}}, run_inputs={"n": 2}, attempt=3)
    assert node.value(ended) == [{"x": 1}, "load", 3, "7", {"n": 2}]


def test_the_environment_is_what_the_contract_names_and_nothing_else(node: NodeProcess) -> None:
    code = main("return [dict(os.environ), os.getcwd(), oct(os.stat('.').st_mode)]", "import os")
    environment, folder, mode = node.value(node.python(code, env={"PATH": "/bin", "LANG": "C.UTF-8", "API": "x"}))
    assert environment.pop("INTERLOCK_MARK") == node.mark
    assert environment == {
        "PATH": "/bin", "LANG": "C.UTF-8", "API": "x", "HOME": folder, "TMPDIR": folder,
        "INTERLOCK_RUN": "7", "INTERLOCK_NODE": "load", "INTERLOCK_ATTEMPT": "1",
    }  # fmt: skip
    assert mode.endswith("700")
    assert folder == str(node.folder)


def test_temporary_files_are_in_the_folder_and_go_with_the_attempt(node: NodeProcess) -> None:
    code = main("file = tempfile.NamedTemporaryFile(delete=False)\nfile.close()\nreturn file.name", "import tempfile")
    for _ in range(2):
        made = Path(node.value(node.python(code)))
        assert made.parent == node.folder
        assert not made.exists()


def test_a_configured_temporary_folder_is_used(node: NodeProcess, tmp_path: Path) -> None:
    code = main("return os.environ['TMPDIR']", "import os")
    assert node.value(node.python(code, env={"TMPDIR": str(tmp_path)})) == str(tmp_path)


def test_printed_and_logged_lines_are_reported(node: NodeProcess) -> None:
    code = main(
        "print('to stdout é')\nprint('to stderr', file=sys.stderr)\nos.write(1, b'raw\\n')\n"
        "ctx.log('hello')\nctx.log('careful', level='warning')\n"
        "logging.getLogger('lib').info('an %s', 'info')\nlogging.debug('quiet')\nlogging.critical('loud')",
        "import sys, os, logging",
    )
    envelope = node.envelope("python", {"code": code})
    node.send(envelope)
    lines = [(f["level"], f["m"]) for f in node.frames(envelope["claim"]) if f["k"] == "log"]
    assert lines == [("info", "hello"), ("warning", "careful"), ("info", "an info"), ("error", "loud")]
    assert "to stdout é\nraw\n" in node.text("out")
    assert "to stderr\n" in node.text("err")


def test_handlers_of_one_attempt_do_not_write_the_lines_of_the_next_twice(node: NodeProcess) -> None:
    code = main(
        "logger = logging.getLogger('mine')\nlogger.addHandler(logging.StreamHandler())\nlogger.warning('once')",
        "import logging",
    )
    before = node.text("err").count("once")
    for _ in range(3):
        assert node.python(code)["clean"]
    assert node.text("err").count("once") - before == 3


def test_a_log_line_is_cut(node: NodeProcess) -> None:
    envelope = node.envelope("python", {"code": main("ctx.log('é' * 100_000)")})
    node.send(envelope)
    (line,) = [f["m"] for f in node.frames(envelope["claim"]) if f["k"] == "log"]
    assert len(line.encode()) <= 16 * 1024
    assert line.endswith("(200,000 bytes, cut)")


def test_progress_is_thinned_and_the_last_one_always_comes(node: NodeProcess) -> None:
    code = main("for n in range(20_001):\n    ctx.progress(n / 20_000, f'{n} of 20000')")
    envelope = node.envelope("python", {"code": code})
    node.send(envelope)
    *others, done = node.frames(envelope["claim"])
    progress = [f for f in others if f["k"] == "progress"]
    assert progress[-1]["fraction"] == 1.0
    assert progress[-1]["message"] == "20000 of 20000"
    assert len(progress) <= 3 + done["seconds"] * 21
    assert done["clean"]


def test_frames_of_many_threads_are_not_mixed(node: NodeProcess) -> None:
    code = main(
        "def work(n):\n    for i in range(50):\n        ctx.log(f'{n}:' + 'x' * 10_000)\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]",
        "import threading",
    )
    envelope = node.envelope("python", {"code": code})
    node.send(envelope)
    frames = node.frames(envelope["claim"])
    assert sum(f["k"] == "log" for f in frames) == 400
    assert frames[-1]["clean"]


@pytest.mark.parametrize(
    "use", ["ctx.checkpoint(1)", "ctx.checkpoint_from(dict)", "ctx.restored", "ctx.secrets['a']", "ctx.connection('a')"]
)
def test_unsupported_features_are_refused_by_name(node: NodeProcess, use: str) -> None:
    error = node.python(main(use))["error"]
    assert error["class"] == "NotAvailableYet"
    assert use.split("(")[0].split("[")[0] in error["message"]
    assert error["line"] == 3


def test_python_function_calls_what_is_installed(node: NodeProcess) -> None:
    config = {"function": "engine.worker.json_value.encode", "args": {}}
    error = node.run("python.function", {"function": "engine.nowhere.thing"})["error"]
    assert error["class"] == "BadConfig"
    assert "engine.nowhere" in error["message"]
    error = node.run("python.function", {"function": "json.nothing"})["error"]
    assert "json has no attribute nothing" in error["message"]
    error = node.run("python.function", config)["error"]
    assert error["class"] == "BadOutput"


def test_arguments_of_python_function_are_evaluated(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    module = tmp_path / "site-packages" / "authors.py"
    module.write_text(
        "def f(inputs, ctx, **args):\n    return args\n\ndef g(inputs, ctx):\n    raise ValueError('no')\n"
    )
    node = nodes.get()
    code = main(
        f"sys.path.append({str(module.parent)!r})\nimport authors\nreturn authors.f(inputs, ctx, a=1)", "import sys"
    )
    assert node.value(node.python(code)) == {"a": 1}
    expressions = [["args", "n"], ["args", "deep", 0]]
    config = {"function": "builtins.dict", "args": {"n": "{{ inputs.n + 1 }}", "deep": ["{{ inputs.n }} of 3"]}}
    ended = node.run("python.function", config, expressions=expressions, run_inputs={"n": 2})
    # dict(inputs, ctx) is not a valid call. The arguments arrived if Python complains about the rest.
    assert ended["error"]["class"] == "TypeError"


def test_an_expression_that_fails_reports_the_error(node: NodeProcess) -> None:
    config = {"function": "builtins.dict", "args": {"n": "{{ inputs.nope }}"}}
    error = node.run("python.function", config, expressions=[["args", "n"]])["error"]
    assert error["class"] == "ExpressionError"
    assert "nope" in error["message"]


# -- errors have a place ------------------------------------------------------------------------------


@pytest.mark.smoke
def test_an_error_names_the_line_of_the_authors_code(node: NodeProcess) -> None:
    error = node.python("def helper(x):\n    return 1 / x\n\ndef main(inputs, ctx):\n    return helper(0)\n")["error"]
    assert error["class"] == "ZeroDivisionError"
    assert error["line"] == 2
    assert "return 1 / x" in error["traceback"]
    assert '"<load>", line 5, in main' in error["traceback"]
    assert "engine/" not in error["traceback"]


def test_the_line_is_the_authors_even_when_a_library_raises(node: NodeProcess) -> None:
    error = node.python(main("return json.loads('{')", "import json"))["error"]
    assert error["class"] == "JSONDecodeError"
    assert error["line"] == 3
    assert "json/decoder.py" in error["traceback"]


def test_a_syntax_error_names_its_line(node: NodeProcess) -> None:
    error = node.python("def main(inputs, ctx):\n    x = 1\n    return (\n")["error"]
    assert error["class"] == "SyntaxError"
    assert error["line"] == 3
    assert "return (" in error["traceback"]


def test_an_error_while_the_code_is_loaded_names_its_line(node: NodeProcess) -> None:
    error = node.python("x = 1\nimport nowhere_to_be_found\n")["error"]
    assert error["class"] == "ModuleNotFoundError"
    assert error["line"] == 2


def test_chained_errors_are_shown_without_frames_of_the_product(node: NodeProcess) -> None:
    error = node.python(main("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e"))[
        "error"
    ]
    assert error["class"] == "ValueError"
    assert error["line"] == 6
    assert "ZeroDivisionError" in error["traceback"]
    assert "engine/" not in error["traceback"]


def test_the_error_of_code_without_main_explains_what_to_write(node: NodeProcess) -> None:
    error = node.python("x = 1\n")["error"]
    assert "main(inputs, ctx)" in error["message"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("raise SystemExit(0)", "SystemExit"),
        ("import sys\nsys.exit('bye')", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f():\n    f()\nf()", "RecursionError"),
        ("bytearray(1 << 60)", "MemoryError"),
        ("class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E", "E"),
        ("raise BaseException('rare')", "BaseException"),
        ("e = ValueError('x')\ne.__cause__ = e\nraise e", "ValueError"),
    ],
)
def test_whatever_is_raised_ends_the_attempt_and_not_the_process(node: NodeProcess, code: str, name: str) -> None:
    pid = node.pid
    ended = node.python(main(code))
    assert ended["k"] == "failed"
    assert ended["error"]["class"] == name
    assert ended["error"]["line"] is not None
    assert ended["clean"]
    assert node.value(node.python(main("return os.getpid()", "import os"))) == pid


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("{'rows': [1, float('nan')]}", "output['rows'][1] is nan"),
        ("[b'x']", "output[0] is a bytes"),
        ("{1, 2}", "output is a set"),
        ("datetime.datetime(2026, 1, 1)", "output is a datetime.datetime"),
        ("{'a': {(1, 2): 3}}", "output['a'] has a key that is a tuple"),
        ("10 ** 400", "output is an integer of more than"),
        ("10 ** 5000", "output is an integer of more than"),
        ("(lambda a: [a.append(a), a][1])([])", "output[0] contains itself"),
        ("functools.reduce(lambda a, _: [a], range(300), 1)", "more than 200 levels deep"),
        ("functools.reduce(lambda a, _: [a], range(100_000), 1)", "more than 200 levels deep"),
        ("'\\ud800'", "output is text with half a surrogate pair"),
        ("(x for x in [1])", "output is a generator"),
    ],
)
def test_the_error_of_an_output_that_is_not_json_names_the_place(node: NodeProcess, value: str, place: str) -> None:
    ended = node.python(main(f"return {value}", "import datetime, functools"))
    assert ended["error"]["class"] == "BadOutput", ended
    assert place in ended["error"]["message"]


def test_a_large_output_becomes_an_artifact(node: NodeProcess) -> None:
    small, large = (node.python(main(f"return 'x' * {n}")) for n in (32_766, 32_767))
    assert small["output"]["bytes"] == 32_768
    assert len(small["output"]["value"]) == 32_766
    assert large["output"]["bytes"] == 32_769
    assert large["output"]["artifact"].endswith(".json")
    assert node.value(large) == "x" * 32_767
    assert node.value(node.python(main("return len(inputs['a'])"), inputs={"a": node.input(large)})) == 32_767


def test_reported_usage_is_that_of_the_attempt_alone(node: NodeProcess) -> None:
    code = main(
        "data = bytearray(40 << 20)\nuntil = time.process_time() + 0.2\nwhile time.process_time() < until:\n    pass",
        "import time",
    )
    ended = node.python(code)
    assert 0.2 <= ended["usage"]["cpu_seconds"] < 5
    assert ended["usage"]["memory_peak_bytes"] > 40 << 20
    later = node.python(main("time.sleep(0.01)", "import time"))
    assert later["usage"]["cpu_seconds"] < 0.1
    assert later["usage"]["memory_peak_bytes"] < ended["usage"]["memory_peak_bytes"] - (30 << 20)


# -- soft limit ----------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_the_soft_limit_is_raised_in_the_authors_code(node: NodeProcess) -> None:
    code = main("try:\n    print('there'); time.sleep(30)\nexcept Exception:\n    return 'swallowed'", "import time")
    ended = node.signal_soft(node.envelope("python", {"code": code}, soft_timeout=0.3), "there")[-1]
    assert ended["error"]["class"] == "SoftTimeout"
    assert ended["error"]["line"] == 4
    assert 0.2 < ended["seconds"] < 15


def test_code_may_save_and_return_after_the_soft_limit(node: NodeProcess) -> None:
    code = main(
        "try:\n    print('there')\n    time.sleep(30)\n"
        "except ctx.SoftTimeout:\n    ctx.progress(0.5, 'saved')\n    return 'part'",
        "import time",
    )
    frames = node.signal_soft(node.envelope("python", {"code": code}, soft_timeout=0.3), "there")
    assert node.value(frames[-1]) == "part"
    assert [f["message"] for f in frames if f["k"] == "progress"] == ["saved"]


def test_code_that_catches_the_limit_continues(node: NodeProcess) -> None:
    code = main("try:\n    print('there'); time.sleep(30)\nexcept BaseException:\n    pass\nreturn 1", "import time")
    assert node.value(node.signal_soft(node.envelope("python", {"code": code}, soft_timeout=0.3), "there")[-1]) == 1


def test_a_late_signal_does_not_hit_the_next_attempt(node: NodeProcess) -> None:
    os.kill(node.pid, signal.SIGUSR1)
    envelope = node.envelope("python", {"code": main("time.sleep(0.3)\nreturn 1", "import time")}, soft_timeout=5)
    node.send(envelope)
    assert node.frame()["k"] == "started"  # type: ignore[index]
    for _ in range(10):
        os.kill(node.pid, signal.SIGUSR1)
    ended = node.frames(envelope["claim"])[-1]
    assert node.value(ended) == 1


def test_a_limit_during_large_frames_breaks_none(node: NodeProcess) -> None:
    code = main("line = 'x' * 16_000\nwhile time:\n    ctx.log(line)", "import time")
    ended = node.signal_soft(node.envelope("python", {"code": code}, soft_timeout=0.2))[-1]
    assert ended["error"]["class"] == "SoftTimeout"


# -- what is reset -------------------------------------------------------------------------------------


def test_nothing_of_an_attempt_is_visible_to_the_next(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "authors_module.py").write_text("value = 1\n")
    disturb = main(
        f"sys.path.insert(0, {str(tmp_path)!r})\nimport authors_module\nauthors_module.value = 2\n"
        "os.environ['LEFT'] = 'x'\nos.chdir('/tmp')\nos.umask(0)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "signal.setitimer(signal.ITIMER_REAL, 1000)\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "sys.setrecursionlimit(5000)\nsys.stdout = None\nbuiltins.print = None\nbuiltins.left = 1\n"
        "sys.settrace(lambda *a: None)",
        "import sys, os, signal, builtins",
    )
    look = main(
        f"return [{str(tmp_path)!r} in sys.path, 'authors_module' in sys.modules, 'LEFT' in os.environ, "
        "os.umask(0o77), "
        "signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, callable(signal.getsignal(signal.SIGUSR1)), "
        "signal.getitimer(signal.ITIMER_REAL), len(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "
        "sys.getrecursionlimit(), "
        "sys.stdout is sys.__stdout__, callable(print), hasattr(builtins, 'left'), sys.gettrace() is None, "
        "[m for m in sys.modules if m.startswith('node_')]]",
        "import sys, os, signal, builtins",
    )
    pid = node.pid
    assert node.python(disturb)["clean"]
    assert node.value(node.python(look)) == [
        False, False, False, 0o77, True, True, [0.0, 0.0], 0, 1000, True, True, False, True, ["node_load"],
    ]  # fmt: skip
    assert node.pid == pid


def test_every_attempt_finds_its_folder_empty_and_for_itself(node: NodeProcess) -> None:
    code = main(
        "found = [os.listdir('.'), oct(os.stat('.').st_mode)[-3:], os.getcwd(), os.environ['HOME']]\n"
        "os.makedirs('a/b')\nopen('a/b/c', 'w').close()\nos.chmod('a/b', 0)\nos.chmod('.', 0)\nreturn found",
        "import os",
    )
    look = main(
        "return [os.listdir('.'), oct(os.stat('.').st_mode)[-3:], os.getcwd(), os.environ['HOME']]", "import os"
    )
    opened = look.replace("    return", "    os.chmod('.', 0o777)\n    return")
    away = main("here = os.getcwd()\nos.chdir('/')\nos.rmdir(here)", "import os")
    other = main("here = os.getcwd()\nos.rename(here, here + '.old')\nos.mkdir(here + '.old/a')", "import os")
    folder = str(node.folder)
    try:
        for one in (code, look, opened, look, away, look, other, look, code, opened, look):
            ended = node.python(one)
            assert ended["clean"]
            if one in (code, look):
                assert node.value(ended) == [[], "700", folder, folder]
            elif one is opened:
                assert node.value(ended) == [[], "777", folder, folder]
            assert not os.path.lexists(folder) or list(os.scandir(folder)) == []
    finally:
        shutil.rmtree(f"{folder}.old", ignore_errors=True)


def test_a_link_in_place_of_the_scratch_folder_is_not_followed(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty").chmod(0o755)
    for name in ("full", "empty"):
        link = f"os.symlink({str(tmp_path / name)!r}, here)"
        assert node.python(main(f"here = os.getcwd()\nos.chdir('/')\nos.rmdir(here)\n{link}", "import os"))["clean"]
    assert (tmp_path / "full" / "kept").exists()
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o755
    assert not os.path.lexists(node.folder)


@pytest.mark.parametrize(
    "code",
    [
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import subprocess\nsubprocess.Popen(['sleep', '30'])",
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        "
        "os.execvp('sleep', ['sleep', '30'])\n    os._exit(0)",
        "import sys\nsys.left = open('/etc/hostname')",
        "import sys, socket\nsys.left = socket.socketpair()",
        "import sys\nsys.left = bytearray(100 << 20)",
        "import os\nos.close(1)",
        "import os\nos.close(2)\nos.close(1)",
        "import os\nos.dup2(os.open('/dev/null', os.O_WRONLY), 1)",
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))",
        "import os\nos.nice(5)",
    ],
)
def test_a_process_with_leftovers_reports_that_and_takes_no_more_work(nodes: Nodes, code: str) -> None:
    node = nodes.get()
    ended = node.python(main(code))
    assert ended["k"] == "done", ended
    assert ended["clean"] is False
    node.send(node.envelope())
    with pytest.raises(TimeoutError):
        node.frame(timeout=0.3)


def test_children_that_have_ended_are_no_reason_to_replace_the_process(node: NodeProcess) -> None:
    code = main(
        "ended = os.WEXITED | os.WNOWAIT\npopen = subprocess.Popen(['true'])\nread, write = os.pipe()\n"
        "child = os.fork()\nif not child:\n    orphan = os.fork()\n"
        "    if orphan:\n        os.write(write, b'%d' % orphan)\n    os._exit(0)\n"
        "os.waitid(os.P_PID, popen.pid, ended)\nos.waitid(os.P_PID, child, ended)\n"
        "os.waitid(os.P_PID, int(os.read(read, 20)), ended)\nos.close(read)\nos.close(write)",
        "import subprocess, os",
    )
    assert node.python(code)["clean"]
    assert not [name for name in os.listdir("/proc") if name.isdigit() and _parent(name) == node.pid]


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def test_a_forked_child_that_returns_from_main_writes_nothing(node: NodeProcess) -> None:
    ended = node.python(
        main("pid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nreturn 'parent' if pid else 'child'", "import os")
    )
    assert node.value(ended) == "parent"
    assert ended["clean"]
    assert node.value(node.python(main("return 5"))) == 5


def test_code_that_ends_the_process_ends_the_channel(nodes: Nodes) -> None:
    node = nodes.get()
    envelope = node.envelope("python", {"code": main("print('last words', flush=True)\nos._exit(7)", "import os")})
    node.send(envelope)
    with pytest.raises(EOFError):
        node.frames(envelope["claim"])
    assert node.process.wait(5) == 7
    assert "last words" in node.text("out")


def test_a_flood_of_output_ends_with_the_attempt(node: NodeProcess) -> None:
    ended = node.python(
        main("for _ in range(200):\n    sys.stdout.write('x' * 100_000 + '\\n')", "import sys"), timeout=60
    )
    assert ended["clean"]
    assert len(node.text("out")) >= 20_000_000


def test_an_authors_signal_handler_may_raise_while_it_logs(node: NodeProcess) -> None:
    code = main(
        "def stop(*_):\n    ctx.log('from the handler')\n    raise TimeoutError('own limit')\n"
        "signal.signal(signal.SIGALRM, stop)\nsignal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "try:\n    while signal:\n        ctx.log('x' * 15_000)\nexcept TimeoutError as e:\n    return str(e)",
        "import signal",
    )
    ended = node.python(code)
    assert node.value(ended) == "own limit"
    assert ended["clean"]


def test_pickle_and_dataclasses_find_the_nodes_module(node: NodeProcess) -> None:
    code = (
        "from __future__ import annotations\nimport dataclasses, pickle\n@dataclasses.dataclass\nclass P:\n    x: int\n"
        "def main(inputs, ctx):\n    return pickle.loads(pickle.dumps(P(3))).x\n"
    )
    assert node.value(node.python(code)) == 3


def test_logging_and_linecache_are_prepared_when_they_are_imported(tmp_path: Path) -> None:
    code = main(
        "loaded = [name in sys.modules for name in ('logging', 'linecache')]\n"
        "open('logging.py', 'w').close()\nsys.path.insert(0, os.getcwd())\n"
        "import logging, traceback\nlogging.info('heard')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    return [loaded, traceback.format_exc()]",
        "import os, sys",
    )
    with NodeProcess(tmp_path) as node:
        assert node.frame() == {"k": "ready"}
        for before in (False, True):
            envelope = node.envelope("python", {"code": code})
            node.send(envelope)
            frames = node.frames(envelope["claim"])
            assert [frame["m"] for frame in frames if frame["k"] == "log"] == ["heard"]
            loaded, told = node.value(frames[-1])
            assert loaded == [before, before]
            assert "    1 / 0\n" in told
            assert frames[-1]["clean"]


def test_nodes_with_the_same_code_are_distinguished(node: NodeProcess) -> None:
    code = "def main(inputs, ctx):\n    def inner():\n        return 1 / 0\n    return [inner() for _ in 'x']\n"
    for name in ("first", "second", "first"):
        error = node.python(code, node=name)["error"]
        assert error["line"] == 3
        assert f'File "<{name}>", line 3, in inner\n    return 1 / 0' in error["traceback"]
        assert error["traceback"].count(f'File "<{name}>"') == error["traceback"].count("File ")


# -- other interpreters ----------------------------------------------------------------------------------


def _others() -> list[str]:
    found = [shutil.which(f"python3.{minor}", path="/usr/bin:/usr/local/bin") for minor in (10, 12, 13, 14)]
    found += [str(path) for path in Path.home().glob(".pyenv/versions/3.1[0-9].*/bin/python")]
    return [path for path in found if path and os.path.realpath(path) != os.path.realpath(sys.executable)]


@pytest.mark.parametrize("python", _others() or [pytest.param("", marks=pytest.mark.skip("no other Python here"))])
def test_another_interpreter_runs_python_and_names_missing_packages(tmp_path: Path, python: str) -> None:
    with NodeProcess(tmp_path, python=python) as node:
        assert node.frame() == {"k": "ready"}
        version = node.value(node.python(main("return list(sys.version_info[:2])", "import sys")))
        asked = subprocess.run(
            [python, "-c", "import sys; print(list(sys.version_info[:2]))"], capture_output=True, text=True
        )
        assert version == json.loads(asked.stdout)
        config = {"function": "authors_nowhere.f", "args": {"n": "{{ inputs.n * 2 }}"}}
        error = node.run("python.function", config, expressions=[["args", "n"]], run_inputs={"n": 2})["error"]
        # The expression needs CEL, which the product's own Python evaluated.
        assert error["class"] == "BadConfig", error
        assert f"{python} " in error["message"]
        assert "has no module authors_nowhere." in error["message"]
        table = {
            "kind": "table",
            "path": "/nowhere.parquet",
            "schema": [{"name": "a", "type": "BIGINT"}],
            "row_count": 1,
        }
        error = node.python(main("return inputs['t'].rows(1)"), inputs={"t": table})["error"]
        if error["class"] != "IOException":
            assert error["class"] == "MissingPackage"
            assert "pip install duckdb" in error["message"]
        bad = node.python(main("return {1, 2}"))
        assert bad["error"]["class"] == "BadOutput"
