"""The checker process: its answers about SQL and files, its limits, and how failures of it are handled."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engine.inspect import procfs
from engine.sql.check.checker import MAIN, Busy, Checker, Crashed
from tests.support.supervised import alive
from tests.support.wait import wait_until

TABLES = {"flights": [{"name": "carrier", "type": "VARCHAR"}, {"name": "dep_delay", "type": "DOUBLE"}]}
READER = "engine.nodes.table_read.run"
SAMPLES = Path(__file__).resolve().parents[2] / "dashboard" / "samples" / "data"


@pytest.fixture
def checker():
    # Generous, because the machine may be busy.
    made = Checker(seconds=20)
    yield made
    made.close()


def sql(checker: Checker, text: str, tables: Any = TABLES, seconds: float = 10, **parameters: Any) -> dict[str, Any]:
    question = {"op": "sql", "sql": text, "parameters": parameters, "tables": tables}
    return checker.ask(question, until=time.monotonic() + seconds)


def ask_until_answered(checker: Checker, text: str) -> dict[str, Any]:
    """Ask a checker with a short time limit until the machine is free enough to answer in time."""

    def ask() -> dict[str, Any] | None:
        try:
            return sql(checker, text)
        except (Busy, Crashed):
            return None

    answer = wait_until(ask)
    assert answer is not None
    return answer


def file(
    checker: Checker, path: str, files: Path = SAMPLES, roots: tuple[str, ...] = (), seconds: float = 10, **more: Any
) -> dict[str, Any]:
    config = {"path": path, **more.pop("config", {})}
    question = {"op": "file", "reader": READER, "path": path, "config": config, "files": str(files)}
    return checker.ask({**question, "data_roots": list(roots), "closed": [], **more}, until=time.monotonic() + seconds)


@pytest.mark.smoke
def test_the_columns_of_a_query_have_the_types_that_are_stored(checker):
    text = (
        "select carrier, sum(1) as n, $p1 as x, 'a'::enum('a', 'b') as e from flights where dep_delay > $p2 group by 1"
    )
    assert sql(checker, text, p1=3, p2=None) == {
        "columns": [
            {"name": "carrier", "type": "VARCHAR"},
            {"name": "n", "type": "DECIMAL(38,0)"},
            {"name": "x", "type": "INTEGER"},
            {"name": "e", "type": "VARCHAR"},
        ]
    }


@pytest.mark.parametrize(
    ("text", "kind", "name", "at"),
    [
        ("select 'ä🎉', dep_dely from flights", "column", "dep_dely", [17, 8]),
        ("select f.dep_dely from flights f", "column", "dep_dely", [7, 10]),
        ("from flihgts", "table", "flihgts", [5, 7]),
        ("select * from\nfrom flights", "syntax", None, [14, 4]),
        ("select levenstein(carrier, 'x') from flights", "function", "levenstein", [7, 26]),
        ("select carrier, count(*) from flights", "other", None, [7, 7]),
        ("select * exclude (nope) from flights", "column", "nope", None),
    ],
)
def test_an_error_has_a_kind_a_name_and_a_place(checker, text, kind, name, at):
    error = sql(checker, text)["error"]
    assert (error["kind"], error["name"]) == (kind, name)
    if kind != "function":
        assert error["at"] == at


def test_over_unknown_columns_a_query_is_only_parsed(checker):
    assert sql(checker, "select whatever from p", {"p": None}) == {"columns": None}
    # A keyword of SQL as the id of a node.
    assert sql(checker, "select whatever from load", {"load": None}) == {"columns": None}
    assert sql(checker, "selec 1 from p", {"p": None})["error"]["kind"] == "syntax"
    error = sql(checker, "select 1 from p, nope", {"p": None})["error"]
    assert (error["kind"], error["name"]) == ("table", "nope")
    assert sql(checker, "with a as (from p) from a", {"p": None}) == {"columns": None}
    error = sql(checker, "select 1 from p, nope where $p1 > 1", {"p": None}, p1=1)["error"]
    assert (error["kind"], error["name"]) == ("table", "nope")
    # This query does not read the table of unknown columns.
    assert sql(checker, "select 1 as one", {"p": None}) == {"columns": [{"name": "one", "type": "INTEGER"}]}
    assert sql(checker, "pivot flights on carrier using sum(dep_delay)") == {"columns": None}
    assert sql(checker, "from p", {"p": [{"name": "a", "type": "NO SUCH TYPE"}]}) == {"columns": None}


HARMFUL = [
    "from read_csv('{file}')",
    "from '{file}'",
    "select * from read_text('{file}')",
    "select * from glob('/*')",
    "copy (select 1) to '{new}'",
    "attach '{new}' as x",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "set memory_limit = '10GB'",
    "create table x as select 1",
    "drop table flights",
    "select 1; select 2",
    "export database '{new}'",
    "call pragma_version()",
    "",
    ";",
    "select 1 \0 from flights",
    "select '" + "x" * 1_000_000 + "'",
    "select " + "(" * 200_000 + "1" + ")" * 200_000,
    "select " + "not " * 50_000 + "true",
    "(" * 3000 + "select 1" + ")" * 3000,
    "with recursive r as (select 1 as n union all select n + 1 from r) select * from r",
    "select repeat('x', 100000000000)",
    "select list(range) from range(1000000000000)",
    "select " + ", ".join(f"dep_delay + {n} as c{n}" for n in range(3000)) + " from flights",
    "from flights " + "".join(f"join flights f{n} using (carrier) " for n in range(200)),
]


def test_no_query_can_open_files_or_harm_other_processes(checker, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("very,secret\n1,2\n")
    new = tmp_path / "new"
    for text in HARMFUL:
        try:
            answer = sql(checker, text.replace("{file}", str(secret)).replace("{new}", str(new)))
        except (Busy, Crashed):
            continue
        assert "secret" not in [column["name"] for column in answer.get("columns") or ()], text[:60]
        assert answer.keys() <= {"columns", "error", "used", "failed"}, text[:60]
    checker.close()
    assert not new.exists()
    assert sql(checker, "select 1 as one") == {"columns": [{"name": "one", "type": "INTEGER"}]}


def test_columns_are_read_from_the_head_of_a_file_and_cached_until_it_changes(checker, tmp_path):
    (tmp_path / "a.csv").write_text("id,day\n1,2013-01-02\n")
    first = file(checker, "a.csv", tmp_path)
    assert first["columns"] == [{"name": "id", "type": "BIGINT"}, {"name": "day", "type": "DATE"}]
    assert file(checker, "a.csv", tmp_path, stamp=first["stamp"]) == {"stamp": first["stamp"], "same": True}
    (tmp_path / "a.csv").write_text("id,day,more\n1,2013-01-02,x\n")
    again = file(checker, "a.csv", tmp_path, stamp=first["stamp"])
    assert [column["name"] for column in again["columns"]] == ["id", "day", "more"]
    typed = file(checker, "a.csv", tmp_path, config={"options": {"all_varchar": True}})
    assert {column["type"] for column in typed["columns"]} == {"VARCHAR"}
    assert len(file(checker, "flights-2013-01.csv.gz")["columns"]) == 19


def test_paths_are_restricted_and_a_similar_name_is_suggested_for_a_missing_file(checker, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").write_text("a,b\n1,2\n")
    inside, outside = tmp_path / "in", str(tmp_path / "out" / "a.csv")
    assert "refused" in file(checker, "../out/a.csv", inside)
    assert "refused" in file(checker, outside, inside, (str(inside),))
    assert file(checker, outside, inside, (str(tmp_path / "out"),))["columns"]
    (inside / "link.csv").symlink_to(outside)
    assert "refused" in file(checker, "link.csv", inside)
    assert file(checker, "airline.csv")["near"] == "airlines.csv"
    assert file(checker, "nothing-like-it.csv")["near"] is None
    assert "near" not in file(checker, "../out/b.csv", inside)
    assert file(checker, str(tmp_path / "out" / "b.csv"), inside, (str(inside),)).keys() == {"refused"}
    (inside / "empty.csv").touch()
    assert "empty" in file(checker, "empty.csv", inside)["wrong"]
    (inside / "odd").write_text("x")
    assert "format" in file(checker, "odd", inside)["wrong"]
    assert file(checker, "odd", inside, config={"format": "parquet"})["columns"] is None


def test_after_a_kill_the_process_is_restarted_and_asked_again(checker):
    sql(checker, "select 1")
    first = checker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    # On a busy machine the process may end only after it has received the next question.
    wait_until(lambda: procfs.start_of(first) is None)
    assert sql(checker, "select 1 as one")["columns"]
    assert checker.pid != first


def test_a_process_that_hangs_is_killed_and_the_question_counts_as_crashed(tmp_path):
    checker = Checker(seconds=1)
    ask_until_answered(checker, "select 1")
    first = checker.pid or 0
    os.mkfifo(tmp_path / "a.csv")
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(Crashed):
        file(checker, "a.csv", tmp_path)
    wait_until(lambda: procfs.start_of(first) is None)
    assert ask_until_answered(checker, "select 1 as one")["columns"]
    checker.close()


def test_a_slow_start_does_not_count_as_a_hang(tmp_path, monkeypatch):
    slow = tmp_path / "child.py"
    slow.write_text(f"import runpy, time\ntime.sleep(3)\nrunpy.run_path({str(MAIN)!r}, run_name='__main__')\n")
    monkeypatch.setattr("engine.sql.check.checker.MAIN", slow)
    (tmp_path / "a.csv").write_text("id\n1\n")
    checker = Checker(seconds=2)
    found = file(checker, "a.csv", tmp_path, seconds=40)
    assert found["columns"] == [{"name": "id", "type": "BIGINT"}]
    checker.close()


def test_a_question_that_takes_too_long_is_busy_and_answered_the_next_time(checker):
    sql(checker, "select 1")
    first = checker.pid or 0
    os.kill(first, signal.SIGSTOP)
    for text in ("select 1 as one", "select 2 as two", "select 1 as one"):
        with pytest.raises(Busy):
            sql(checker, text, seconds=0.2)
    os.kill(first, signal.SIGCONT)
    # Answers belong to their questions, and the process is still the same.
    assert sql(checker, "select 2 as two") == {"columns": [{"name": "two", "type": "INTEGER"}]}
    assert sql(checker, "select 1 as one") == {"columns": [{"name": "one", "type": "INTEGER"}]}
    assert checker.pid == first


def test_questions_after_one_that_ends_the_process_are_answered_too():
    checker = Checker(seconds=1)
    ask_until_answered(checker, "select 1")
    long = "select " + ", ".join(f"dep_delay + {n} as c{n}" for n in range(60_000)) + " from flights"
    texts = [f"select {n} as c{n}" for n in range(90)]
    texts[40] = long
    questions = [{"op": "sql", "sql": text, "parameters": {}, "tables": TABLES} for text in texts]
    answers = checker.ask_all(questions, until=time.monotonic() + 50)
    assert isinstance(answers.pop(40), Crashed)
    del texts[40]
    names = [answer["columns"][0]["name"] for answer in answers if not isinstance(answer, Exception)]
    assert names == [text.split()[-1] for text in texts]
    checker.close()


def test_a_query_that_takes_too_much_processor_time_counts_as_crashed():
    checker = Checker(seconds=1)
    long = "select " + ", ".join(f"dep_delay + {n} as c{n}" for n in range(60_000)) + " from flights"
    with pytest.raises(Crashed):
        sql(checker, long, seconds=60)
    assert ask_until_answered(checker, "select 1 as one")["columns"]
    checker.close()


def test_a_question_behind_another_one_is_busy_in_time(checker):
    sql(checker, "select 1")
    first = checker.pid or 0
    os.kill(first, signal.SIGSTOP)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(sql(checker, "select 1 as one", seconds=30)))
    waiting.start()
    wait_until(checker._lock.locked)
    started = time.monotonic()
    with pytest.raises(Busy):
        sql(checker, "select 1", seconds=0.3)
    assert time.monotonic() - started > 0.2
    assert not answers
    os.kill(first, signal.SIGCONT)
    waiting.join()
    assert answers == [{"columns": [{"name": "one", "type": "INTEGER"}]}]


def test_every_thread_gets_its_own_answers(checker):
    wrong: list[Any] = []

    def ask(number: int) -> None:
        for turn in range(10):
            name = f"c{number}_{turn}"
            columns = sql(checker, f"select 1 as {name}", seconds=60)["columns"]
            if columns != [{"name": name, "type": "INTEGER"}]:
                wrong.append(columns)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_process_exits_when_idle_and_is_restarted_when_asked():
    checker = Checker(idle_seconds=0.2)
    sql(checker, "select 1")
    first = checker.pid or 0
    wait_until(lambda: procfs.start_of(first) is None)
    assert sql(checker, "select 1 as one")["columns"]
    checker.close()


ASK_AND_WAIT = """
import sys, time
from engine.sql.check.checker import checker
checker.ask({"op": "sql", "sql": "select 1", "parameters": {}, "tables": {}}, until=time.monotonic() + 20)
print(checker.pid, "duckdb" in sys.modules, flush=True)
time.sleep(60)
"""


def test_the_process_exits_with_its_parent_which_never_loads_duckdb():
    parent = subprocess.Popen([sys.executable, "-c", ASK_AND_WAIT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid, loaded = parent.stdout.readline().split()
    assert loaded == "False"
    parent.kill()
    parent.wait()
    # The process that adopts it may reap it late.
    wait_until(lambda: not alive(int(pid)))


def test_the_process_uses_few_resources(checker):
    sql(checker, "select carrier from flights")
    pid = checker.pid or 0
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max file size")).split()[3] == "0"
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000"
