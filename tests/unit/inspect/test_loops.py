import pytest

from engine.inspect.loops import python_look, shell_look

HEAD = "import os, time\ndef main(inputs, ctx):\n"


def look(*lines: str, at: int = -1, **names: str) -> tuple[str, str, float | None] | None:
    """Return (kind, what, every) of the loop around a line of `main`, by default the last one."""
    code = HEAD + "".join(f"    {line}\n" for line in lines)
    found = python_look(code, 3 + (len(lines) - 1 if at < 0 else at), names)
    return None if found is None else (found["kind"], found["what"], found["every"])


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["while not os.path.exists('x.csv'):", "    time.sleep(1)"], ("file", "x.csv", 1.0)),
        (["while not Path('/in/x.csv').exists():", "    time.sleep(0.5)"], ("file", "/in/x.csv", 0.5)),
        (["while not (base / 'x.csv').is_file():", "    time.sleep(5)"], ("file", "/in/x.csv", 5.0)),
        (["while not glob.glob('/in/*.csv'):", "    time.sleep(1)"], ("file", "/in/*.csv", 1.0)),
        (["while not list(Path('/in').glob('*.csv')):", "    time.sleep(1)"], ("file", "/in/*.csv", 1.0)),
        (["while not os.path.exists(os.path.join(base, 'a')):", "    sleep(1)"], ("file", "/in/a", 1.0)),
        (["while not os.path.isfile(f'{base}/a.csv'):", "    sleep(1)"], ("file", "/in/a.csv", 1.0)),
        (["while True:", "    try:", "        return open('a')", "    except OSError:", "        time.sleep(2)"],
         ("file", "a", 2.0)),
        (["while True:", "    if 'done' in os.listdir('/in'):", "        break", "    time.sleep(1)"],
         ("file", "/in", 1.0)),
        (["while not con.execute('select 1 from done where x').fetchone():", "    time.sleep(1)"],
         ("table", "done", 1.0)),
        (["while True:", "    r = requests.get('http://h:1/ready')", "    time.sleep(3)"],
         ("address", "http://h:1/ready", 3.0)),
        (["while True:", "    try: socket.create_connection(('h', 5432)); break", "    except OSError: time.sleep(1)"],
         ("address", "h:5432", 1.0)),
        (["while job.state != 'done':", "    time.sleep(1)"], ("condition", "job.state != 'done'", 1.0)),
        (["while True:", "    if ready(): break", "    time.sleep(pause)"], ("condition", "ready()", None)),
    ],
)  # fmt: skip
def test_what_a_loop_looks_for_is_read_from_its_code(lines: list[str], found: tuple[str, str, float]) -> None:
    assert look(*lines, base="/in") == found


def test_a_loop_without_a_sleep_and_a_sleep_without_a_loop_look_for_nothing() -> None:
    assert look("while not os.path.exists('x'):", "    pass") is None
    assert look("os.path.exists('x')", "time.sleep(5)") is None
    assert python_look("while (:", 1, {}) is None


def test_the_innermost_loop_that_sleeps_counts() -> None:
    lines = ["for day in days:", "    while not os.path.exists(f'{day}.csv'):", "        time.sleep(1)"]
    assert look(*lines, day="monday") == ("file", "monday.csv", 1.0)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("while [ ! -f /in/x.csv ]; do sleep 1; done", ("file", "/in/x.csv", 1.0)),
        ('until test -e "a b.csv"\ndo\n  sleep 0.5\ndone', ("file", "a b.csv", 0.5)),
        ("until [[ -s $FILE ]]; do sleep 10; done", ("file", "$FILE", 10.0)),
        ("until curl -sf http://h:1/ready; do sleep 2; done", ("address", "http://h:1/ready", 2.0)),
        ("while ! nc -z db 5432; do sleep 1; done", ("address", "db:5432", 1.0)),
        ("while true; do ls /in/*.csv && break; sleep 1; done", ("file", "/in/*.csv", 1.0)),
        ("until grep -q done log; do sleep 1; done", ("condition", "grep -q done log", 1.0)),
    ],
)
def test_what_a_shell_loop_looks_for_is_read_from_its_command(command: str, found: tuple[str, str, float]) -> None:
    seen = shell_look(command)
    assert seen is not None
    assert (seen["kind"], seen["what"], seen["every"]) == found


def test_a_shell_loop_that_only_sleeps_looks_for_nothing() -> None:
    assert shell_look("while true; do sleep 1; done") is None
    assert shell_look("sleep 100") is None
