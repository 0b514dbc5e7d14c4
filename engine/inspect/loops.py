"""What a loop looks for that sleeps in between: a file, a table, an address or a condition, from its code. Pure.

A look is {"kind", "what", "every", "line"}: `kind` is file, table, address or condition; `what` is its path, name,
address or, if that is not known, the code of the condition; `every` is the sleep in seconds, or None; `line` is that of
the look in the code, or None.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

WHAT_CHARS_MAX = 200
CODE_CHARS_MAX = 256 * 1024
_FILE_CALLS = frozenset(
    ("exists", "lexists", "isfile", "isdir", "is_file", "is_dir", "stat", "lstat", "getsize", "getmtime", "access",
     "glob", "iglob", "rglob", "listdir", "scandir", "iterdir", "open")
)  # fmt: skip
_OF_PATH = frozenset(("exists", "is_file", "is_dir", "stat", "lstat", "glob", "rglob", "iterdir", "open"))
"""Of these the path may be what they are called on."""
_CONNECTS = frozenset(("urlopen", "urlretrieve", "create_connection", "connect", "connect_ex"))
_REQUESTS = frozenset(("get", "head", "post"))
"""They ask an address if what they are given is one."""
_QUERY_CALLS = frozenset(("execute", "sql", "query", "fetchval", "fetchrow", "fetch", "scalar", "read_sql"))
_TEXT_CALLS = frozenset(("Path", "PurePath", "join", "str", "fspath", "text"))
_SLEEPS = frozenset(("sleep", "wait"))
_TABLE = re.compile(r"\b(?:from|into|update)\s+([\w.\"`]+)", re.IGNORECASE)
_URL = re.compile(r"https?://|^[\w.-]+:\d+")
_SHELL_LOOP = re.compile(r"\b(?P<word>while|until)\b(?P<test>.*?)(?:;|\n)\s*do\b(?P<body>.*?)\bdone\b", re.DOTALL)
_SHELL_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")
_SHELL_TEST = re.compile(r"(?:\[\[?|\btest)\s+(?:!\s+)?-[a-zA-Z]\s+(\"[^\"]+\"|'[^']+'|[^\s\];]+)")
_SHELL_FILE = re.compile(r"\b(?:ls|stat|cat)\s+(?:-\w+\s+)*(\"[^\"]+\"|'[^']+'|[^\s;|&>]+)")
_SHELL_URL = re.compile(r"\b(?:curl|wget)\b[^;|&\n]*?(https?://[^\s\"';|&]+)")
_SHELL_PORT = re.compile(r"\bnc\s+(?:-\w+\s+)*([\w.:-]+)\s+(\d+)")

Look = dict[str, Any]


def python_look(code: str, line: int, names: Mapping[str, str]) -> Look | None:
    """Return what the innermost loop around a line of Python code looks for; None if it does not look and sleep.

    `names`: texts that local names stand for.
    """
    if len(code) > CODE_CHARS_MAX:
        return None
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    loops = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.While | ast.For | ast.AsyncFor) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    for loop in sorted(loops, key=lambda one: -one.lineno):
        calls = [node for node in ast.walk(loop) if isinstance(node, ast.Call)]
        sleeps = [call for call in calls if _name(call) in _SLEEPS]
        if not sleeps:
            continue
        seconds = sleeps[0].args[0].value if sleeps[0].args and isinstance(sleeps[0].args[0], ast.Constant) else None
        every = float(seconds) if isinstance(seconds, int | float) else None
        for call in sorted(calls, key=lambda one: one.lineno):
            found = _of_call(call, names)
            if found is not None:
                return {"kind": found[0], "what": found[1][:WHAT_CHARS_MAX], "every": every, "line": call.lineno}
        condition = _condition(loop)
        if condition is not None:
            what = ast.unparse(condition)[:WHAT_CHARS_MAX]
            return {"kind": "condition", "what": what, "every": every, "line": condition.lineno}
    return None


def _condition(loop: ast.AST) -> ast.expr | None:
    """Return the condition on which a loop ends: its own, or that of the `if` that leaves it."""
    if isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant):
        return loop.test
    for node in ast.walk(loop):
        if isinstance(node, ast.If) and any(isinstance(one, ast.Break | ast.Return) for one in node.body):
            return node.test
    return None


def _name(call: ast.Call) -> str:
    function = call.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _of_call(call: ast.Call, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Return (kind, what) of a call that looks for something."""
    name, function = _name(call), call.func
    on = function.value if isinstance(function, ast.Attribute) else None
    first = call.args[0] if call.args else None
    if name in _FILE_CALLS:
        of_module = isinstance(on, ast.Name) and on.id in ("os", "glob", "io")
        if on is not None and name in _OF_PATH and not of_module and not _is_os_path(on):
            base = _text(on, names)
            pattern = _text(first, names) if name in ("glob", "rglob") else None
            path = base if base is None or pattern is None else f"{base}/{pattern}"
            return "file", path or ast.unparse(on)
        if first is not None:
            return "file", _text(first, names) or ast.unparse(first)
    if name in _QUERY_CALLS and first is not None:
        text = _text(first, names)
        table = _TABLE.search(text or "")
        if text is not None:
            return "table", table[1].strip('"`') if table else text
    if name in _CONNECTS | _REQUESTS and first is not None:
        text = _text(first, names)
        if text is not None and (name in _CONNECTS or _URL.search(text)):
            return "address", text
    return None


def _is_os_path(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "path"


def _text(node: ast.AST | None, names: Mapping[str, str]) -> str | None:
    """Return the text that an expression has, as far as constants and local names tell."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
        return str(node.value)
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Tuple):
        parts = list(_texts(node.elts, names))
        return ":".join(parts) if len(parts) == len(node.elts) else None
    if isinstance(node, ast.JoinedStr):
        values = [one.value if isinstance(one, ast.FormattedValue) else one for one in node.values]
        parts = list(_texts(values, names))
        return "".join(parts) if len(parts) == len(values) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        parts = list(_texts([node.left, node.right], names))
        return ("" if isinstance(node.op, ast.Add) else "/").join(parts) if len(parts) == 2 else None
    if isinstance(node, ast.Call) and node.args and _name(node) in _TEXT_CALLS:
        parts = list(_texts(node.args, names))
        return "/".join(parts) if len(parts) == len(node.args) else None
    return None


def _texts(nodes: list[Any], names: Mapping[str, str]) -> Iterator[str]:
    for node in nodes:
        text = _text(node, names)
        if text is not None:
            yield text


def shell_look(command: str) -> Look | None:
    """Return what the first loop of a shell command looks for that sleeps in between; None if there is none."""
    for loop in _SHELL_LOOP.finditer(command[:CODE_CHARS_MAX]):
        seconds = _SHELL_SLEEP.search(loop["body"]) or _SHELL_SLEEP.search(loop["test"])
        if seconds is None:
            continue
        every = float(seconds[1])
        for text in (loop["test"], loop["body"]):
            if found := _SHELL_TEST.search(text):
                return _shell(found[1], "file", every)
            if found := _SHELL_URL.search(text):
                return _shell(found[1], "address", every)
            if found := _SHELL_PORT.search(text):
                return _shell(f"{found[1]}:{found[2]}", "address", every)
            if found := _SHELL_FILE.search(text):
                return _shell(found[1], "file", every)
        condition = loop["test"].strip()
        if condition and condition not in ("true", ":"):
            return _shell(condition, "condition", every)
    return None


def _shell(what: str, kind: str, every: float) -> Look:
    return {"kind": kind, "what": what.strip("\"'")[:WHAT_CHARS_MAX], "every": every, "line": None}
