"""The columns of every node's output as far as they are known before a run, and what is wrong with the SQL over them.

They come from the head of a file that a node reads, from DuckDB's description of a query, and from earlier runs; what
none of these tells stays unknown and is never guessed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine import graph
from engine.caching import SizedCache
from engine.problems import Finding, Problem, path_text, pointer
from engine.sql.check import duckdb_errors
from engine.sql.check.binding import bind, declared_types
from engine.sql.check.checker import Busy, Checker, Crashed, checker
from engine.worker.paths import url_scheme

Column = dict[str, str]
CACHE_BYTES_MAX: Final = 16 << 20
FILE_SECONDS: Final = 2.0
"""How long what is known of a file is taken as it is, without a look at it."""
CRASHED_SECONDS: Final = 60.0
"""How long a question that ended the checker is not asked again."""
ERRORS_MAX: Final = 8
"""Of one text: each unknown name is put aside to find the next one."""


class Shape:
    """Known columns, made once, compared by identity first."""

    __slots__ = ("columns", "digest", "hash", "size")

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        self.digest = json.dumps([[column["name"], column["type"]] for column in columns])
        self.hash = hashlib.sha256(self.digest.encode(errors="surrogatepass")).digest()
        self.size = len(self.digest)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Shape) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)


Earlier = Callable[[Sequence[str]], Mapping[str, list[Column]]]
"""Columns of the outputs that nodes of these ids had in earlier runs, with the same type and config."""


@dataclass(frozen=True, slots=True)
class Files:
    """Which files nodes may read; see engine.worker.paths.Roots."""

    folder: str
    data_roots: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    columns: dict[str, list[Column]] = field(default_factory=dict)
    columns_tag: str = ""
    """A short text that is another one when the columns are."""
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True
    """False: the time was over before all was asked."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the checker found in a text of SQL; cached."""

    shape: Shape | None
    found: tuple[duckdb_errors.Found, ...]

    def size(self, sql: str) -> int:
        """Bytes, about, with its key."""
        size = 2 * len(sql) + 500 + (self.shape.size * 2 if self.shape else 0)
        return size + sum(500 + (2 * len(sql) if one.finding.fix else 0) for one in self.found)


_Key = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, Shape | None], ...]]
"""A text, the types of the run's inputs, the columns of its own inputs by their names."""
_Talk = Generator[dict[str, Any], dict[str, Any], _Answer]

_sql_cache: Final = SizedCache(CACHE_BYTES_MAX)
_file_cache: Final = SizedCache(CACHE_BYTES_MAX // 4)


def forget() -> None:
    """Empty the caches."""
    _sql_cache.clear()
    _file_cache.clear()


def look(
    document: Any,
    *,
    wrong: Collection[int],
    files: Files | None,
    earlier: Earlier,
    until: float,
    by: Checker = checker,
) -> Found:
    """Columns and findings of `document`, any value. `wrong`: places of nodes whose config has problems already, and is
    left out. `files`: None: none is looked at. `until`: time (monotonic) by which the answer must be there."""
    reading = _Reading(document)
    look = _Look(reading, wrong, files, until, by)
    look.remember(earlier)
    for names in reading.levels():
        look.ask_sql(names)
        for name in names:
            look.at(name)
    look.found.problems.sort(key=lambda problem: reading.nodes[problem.node or ""][0])
    look.found.columns_tag = look.tag()
    return look.found


class _Reading:
    """The part of a document that can be understood, whatever the rest is."""

    def __init__(self, document: Any) -> None:
        whole = document if isinstance(document, dict) else {}
        self.types = declared_types(whole.get("inputs"))
        self.nodes: dict[str, tuple[int, str, dict[str, Any]]] = {}
        """(place, type, config) by id."""
        nodes, edges = whole.get("nodes"), whole.get("edges")
        for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
            if isinstance(node, dict) and isinstance(node.get("id"), str) and isinstance(node.get("type"), str):
                config = node.get("config")
                self.nodes.setdefault(node["id"], (index, node["type"], config if isinstance(config, dict) else {}))
        self.inputs: dict[str, dict[str, str]] = {}
        """Source by port, by target."""
        self.order: list[str] = []
        """Nodes on a cycle, and behind one, are left out; and all where none tells columns."""
        if not any(kind in ("table.sql", "table.read") for _, kind, _ in self.nodes.values()):
            return
        pairs: list[tuple[str, str]] = []
        for edge in edges if isinstance(edges, list) else ():
            if not isinstance(edge, dict):
                continue
            source, target = edge.get("source"), edge.get("target")
            if not (isinstance(source, str) and isinstance(target, str)):
                continue
            if source not in self.nodes or target not in self.nodes:
                continue
            port = edge.get("target_port")
            self.inputs.setdefault(target, {})[port if isinstance(port, str) and port else source] = source
            pairs.append((source, target))
        self.order = graph.topological(list(self.nodes), pairs)

    def levels(self) -> list[list[str]]:
        """The nodes of `order`, in lists of which none needs another of its own list."""
        found: list[list[str]] = []
        level: dict[str, int] = {}
        for name in self.order:
            level[name] = 1 + max((level[source] for source in self.inputs.get(name, {}).values()), default=-1)
            if level[name] == len(found):
                found.append([])
            found[level[name]].append(name)
        return found

    def feeding(self) -> set[str]:
        """Nodes whose columns some SQL reads, maybe through branches."""
        wanted: set[str] = set()
        for name in reversed(self.order):
            kind = self.nodes[name][1]
            if kind == "table.sql" or (kind == "branch" and name in wanted):
                wanted.update(self.inputs.get(name, {}).values())
        return wanted


class _Look:
    """One pass over the nodes, each after those before it."""

    def __init__(
        self, reading: _Reading, wrong: Collection[int], files: Files | None, until: float, by: Checker
    ) -> None:
        self.reading = reading
        self.wrong = wrong
        self.files = files
        self.until = until
        self.by = by
        self.found = Found()
        self.shapes: dict[str, Shape] = {}
        self.before: dict[str, Shape] = {}
        self.answers: dict[_Key, _Answer | float] = {}
        """To texts of SQL; a number: it ended the checker, and is not asked again before then."""

    def remember(self, earlier: Earlier) -> None:
        """Ask, at once for all, what earlier runs tell of nodes about which nothing else does."""
        feeding = self.reading.feeding()
        asked = [
            name
            for name in self.reading.order
            if name in feeding and self.reading.nodes[name][1] not in ("table.sql", "branch", "noop", "table.write")
        ]
        if asked:
            self.before = {name: Shape(columns) for name, columns in earlier(asked).items()}

    def at(self, name: str) -> None:
        index, kind, config = self.reading.nodes[name]
        shape: Shape | None = None
        if kind == "table.sql":
            shape = self._sql(name, index)
        elif kind == "branch":
            sources = list(self.reading.inputs.get(name, {}).values())
            shape = self.shapes.get(sources[0]) if len(sources) == 1 else None
        else:
            if kind == "table.read":
                shape = self._file(name, index, config)
            shape = shape or self.before.get(name)
        if shape is not None:
            self.shapes[name] = shape
            self.found.columns[name] = shape.columns

    def tag(self) -> str:
        told = hashlib.sha256()
        for name, shape in self.shapes.items():
            told.update(f"{name}\0".encode(errors="surrogatepass"))
            told.update(shape.hash)
        return told.hexdigest()[:32]

    # -- queries --------------------------------------------------------------------------------

    def ask_sql(self, names: Iterable[str]) -> None:
        """Know what the checker says to the texts of these nodes, as far as there is time."""
        talks: dict[_Key, _Talk] = {}
        for key in dict.fromkeys(map(self._key, names)):
            if key is None:
                continue
            cached: _Answer | float | None = _sql_cache.get(key)
            if cached is None or (isinstance(cached, float) and cached < time.monotonic()):
                talks[key] = _talk(key)
            else:
                self.answers[key] = cached
        asked = {key: next(talk) for key, talk in talks.items()}
        while asked:
            answers = self.by.ask_all(list(asked.values()), until=self.until)
            before, asked = asked, {}
            for key, answer in zip(before, answers, strict=True):
                if isinstance(answer, Busy):
                    continue
                if isinstance(answer, Crashed) or "failed" in answer:
                    self._keep(key, time.monotonic() + CRASHED_SECONDS, 2 * len(key[0]) + 500)
                    continue
                try:
                    asked[key] = talks[key].send(answer)
                except StopIteration as told:
                    self._keep(key, told.value, told.value.size(key[0]))

    def _keep(self, key: _Key, answer: _Answer | float, size: int) -> None:
        self.answers[key] = answer
        _sql_cache.put(key, answer, size)

    def _key(self, name: str) -> _Key | None:
        """What the answer to a node's SQL depends on; None: it has none that can be asked about."""
        index, kind, config = self.reading.nodes[name]
        sql = config.get("sql")
        if kind != "table.sql" or not isinstance(sql, str) or index in self.wrong:
            return None
        tables = {port: self.shapes.get(source) for port, source in self.reading.inputs.get(name, {}).items()}
        types = self.reading.types if "{{" in sql else {}
        return sql, tuple(types.items()), tuple(tables.items())

    def _sql(self, name: str, index: int) -> Shape | None:
        key = self._key(name)
        if key is None:
            return None
        cached = self.answers.get(key)
        if cached is None:
            self.found.complete = False
            return None
        if isinstance(cached, float):
            self._add(name, index, _NOT_CHECKED, "warning")
            return None
        for one in cached.found:
            self._add(name, index, one.finding, one.severity)
        return cached.shape

    # -- files ----------------------------------------------------------------------------------

    def _file(self, name: str, index: int, config: Mapping[str, Any]) -> Shape | None:
        path = config.get("path")
        if not isinstance(path, str) or self.files is None or "{{" in path or url_scheme(path) or index in self.wrong:
            return None
        options = {key: value for key, value in config.items() if key != "path"}
        key = (path, json.dumps(options, sort_keys=True), self.files)
        cached: tuple[float, dict[str, Any], Shape | None] | None = _file_cache.get(key)
        now = time.monotonic()
        if cached is None or cached[0] < now:
            question = {
                "op": "file",
                "config": dict(config),
                "files": self.files.folder,
                "data_roots": list(self.files.data_roots),
                "stamp": cached[1].get("stamp") if cached else None,
            }
            try:
                answer = self.by.ask(question, until=self.until)
            except Busy:
                self.found.complete = False
                return cached[2] if cached else None
            except Crashed:
                answer = {}
            if cached and answer.get("same"):
                cached = (now + FILE_SECONDS, cached[1], cached[2])
            else:
                columns = answer.get("columns")
                until = now + (FILE_SECONDS if answer else CRASHED_SECONDS)
                cached = (until, answer, Shape(columns) if columns else None)
            _file_cache.put(key, cached, 1000 + 3 * (cached[2].size if cached[2] else 0))
        answer = cached[1]
        if "missing" in answer:
            near = answer.get("near")
            fix = (f"Use {near}", ({"op": "replace", "path": "/path", "value": near},)) if near else None
            finding = Finding("no_such_file", answer["missing"], ("path",), fix=fix)
            self._add(name, index, finding, "warning")
        elif message := answer.get("refused") or answer.get("wrong"):
            self._add(name, index, Finding("file_not_readable", message, ("path",)), "warning")
        return cached[2]

    def _add(self, name: str, index: int, finding: Finding, severity: str) -> None:
        place = ("nodes", index, "config")
        fix = None
        if finding.fix:
            changes = [{**change, "path": pointer(place) + change["path"]} for change in finding.fix[1]]
            fix = {"label": finding.fix[0], "changes": changes}
        path = path_text((*place, *finding.path))
        self.found.problems.append(Problem(finding.code, finding.message, path, name, severity, finding.line, fix))


def _talk(key: _Key) -> _Talk:
    """Questions about a text of SQL, each after the answer to the one before: one wrong name hides the next."""
    sql, types, tables = key
    bound = bind(sql, dict(types))
    columns = {port: shape.columns if shape else None for port, shape in tables}
    errors: list[dict[str, Any]] = []
    text = bound.text
    while True:
        answer = yield {"op": "sql", "sql": text, "parameters": bound.parameters, "tables": columns}
        error = answer.get("error")
        if error is None:
            break
        if errors and error["kind"] not in ("column", "table", "function"):
            # It may come from the names that were put aside.
            break
        errors.append({**error, "used": answer.get("used")})
        aside = _put_aside(text, error) if error["kind"] == "column" and len(errors) < ERRORS_MAX else None
        if aside is None:
            break
        text = aside
    found = duckdb_errors.of(errors, sql, bound, columns)
    known = answer.get("columns") if not errors else None
    return _Answer(Shape(known) if known else None, tuple(found))


_NOT_CHECKED: Final = Finding(
    "sql_not_checked",
    "This SQL was not checked: DuckDB did not cope with it in the time there is for that.",
    ("sql",),
)


def _put_aside(text: str, error: Mapping[str, Any]) -> str | None:
    """The text with NULL instead of the name that is not known; None: its place is not known."""
    if error["at"] is None:
        return None
    start, length = error["at"]
    raw = text.encode()
    if length <= 0 or start + length > len(raw):
        return None
    # As long as what it stands for, so that the places of other names stay.
    instead = (b"NULL" if length >= 4 else b"1").ljust(length)
    return (raw[:start] + instead + raw[start + length :]).decode(errors="replace")
