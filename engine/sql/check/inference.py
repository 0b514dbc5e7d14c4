"""Infers the columns of every node's output before a run, and the problems of the SQL that reads them.

Columns come from the head of a file that a node reads, from DuckDB's description of a query, and from earlier runs.
Otherwise they are unknown; they are never guessed.
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from engine.caching import SizedCache
from engine.problems import ConfigProblem, Fix, Problem
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.sql.check import duckdb_errors
from engine.sql.check.binding import bind
from engine.sql.check.checker import Busy, Checker, Crashed, checker
from engine.sql.check.typed_graph import TypedGraph, TypedNode
from engine.worker.paths import url_scheme

Column = dict[str, str]
CACHE_BYTES_MAX: Final = 16 << 20
FILE_SECONDS: Final = 2.0
"""How long an answer about a file is used without looking at the file again."""
CRASHED_SECONDS: Final = 60.0
"""For this long a question that ended the checker process is not asked again."""
ERRORS_MAX: Final = 8
"""Errors of one query: each unknown name is replaced to find the next one."""


class Columns:
    """The columns of a table. Two of them are equal if their columns are; identity is compared first."""

    __slots__ = ("columns", "digest", "hash", "size")

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        self.digest = json.dumps([[column["name"], column["type"]] for column in columns])
        self.hash = hashlib.sha256(self.digest.encode(errors="surrogatepass")).digest()
        self.size = len(self.digest)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Columns) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)


Earlier = Callable[[Sequence[str]], Mapping[str, list[Column]]]
"""Columns of the outputs that nodes of these ids had in earlier runs, with the same type and config."""


@dataclass(frozen=True, slots=True)
class ReadableFiles:
    """Which files nodes may read; see engine.worker.paths.Roots."""

    folder: str
    data_roots: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


@dataclass(slots=True)
class Inferred:
    """The columns and problems of a definition before a run."""

    columns: dict[str, list[Column]] = field(default_factory=dict)
    """By node."""
    columns_tag: str = ""
    """A short text that changes when the columns do."""
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True
    """False: there was not enough time to check everything."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The columns and problems of one query."""

    columns: Columns | None
    problems: tuple[ConfigProblem, ...]

    def size(self, sql: str) -> int:
        """Return the approximate size in bytes, with that of its key."""
        size = 2 * len(sql) + 500 + (self.columns.size * 2 if self.columns else 0)
        return size + sum(500 + (2 * len(sql) if one.fix else 0) for one in self.problems)


class _FileAnswer(NamedTuple):
    """The checker's answer about the files of a node."""

    until: float
    """Monotonic time; then the files are looked at again."""
    answer: dict[str, Any]
    columns: Columns | None


_Key = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, Columns | None], ...]]
"""A text, the types of the run's inputs, the columns of its own inputs by name."""
_Dialogue = Generator[dict[str, Any], dict[str, Any], _Answer]

_sql_cache: Final = SizedCache(CACHE_BYTES_MAX)
_file_cache: Final = SizedCache(CACHE_BYTES_MAX // 4)


def clear_cache() -> None:
    """Drop everything that is cached."""
    _sql_cache.clear()
    _file_cache.clear()


def infer(
    document: Any,
    *,
    wrong: Collection[int],
    files: ReadableFiles | None,
    earlier: Earlier,
    until: float,
    by: Checker = checker,
) -> Inferred:
    """Return the columns and problems of `document`, which may be any value.

    `wrong`: indexes of nodes whose config has errors already; they are left out. `files`: None: no file is read.
    `until`: the time (monotonic) by which the answer must be there.
    """
    nodes = TypedGraph(document)
    inference = _Inference(nodes, wrong, files, until, by)
    inference.load_earlier(earlier)
    for names in nodes.levels():
        inference.ask_sql(names)
        for name in names:
            inference.infer(name)
    inference.result.problems.sort(key=lambda problem: nodes.by_id[problem.node or ""].index)
    inference.result.columns_tag = inference.tag()
    return inference.result


class _Inference:
    """One pass over the nodes, each after those before it."""

    def __init__(
        self, nodes: TypedGraph, wrong: Collection[int], files: ReadableFiles | None, until: float, by: Checker
    ) -> None:
        self.nodes = nodes
        self.wrong = wrong
        self.files = files
        self.until = until
        self.by = by
        self.result = Inferred()
        self.columns: dict[str, Columns] = {}
        self.earlier: dict[str, Columns] = {}
        self.answers: dict[_Key, _Answer | float] = {}
        """By query. A number: the query ended the checker, and is not asked again before this monotonic time."""

    def load_earlier(self, earlier: Earlier) -> None:
        """Get the columns of all nodes whose columns only earlier runs can tell, with one call."""
        read_by_sql = self.nodes.read_by_sql()
        names = [name for name in self.nodes.order if name in read_by_sql and _may_have_table(self.nodes.by_id[name])]
        if names:
            self.earlier = {name: Columns(columns) for name, columns in earlier(names).items()}

    def infer(self, name: str) -> None:
        """Find the columns of one node, and the problems of its query or file."""
        node = self.nodes.by_id[name]
        columns: Columns | None = None
        if node.sql_field:
            columns = self._sql(name, node)
        elif node.passes_input:
            sources = list(self.nodes.inputs.get(name, {}).values())
            columns = self.columns.get(sources[0]) if len(sources) == 1 else None
        else:
            if node.type is not None and node.type.file_reader:
                columns = self._file(name, node)
            columns = columns or self.earlier.get(name)
        if columns is not None:
            self.columns[name] = columns
            self.result.columns[name] = columns.columns

    def tag(self) -> str:
        digest = hashlib.sha256()
        for name, columns in self.columns.items():
            digest.update(f"{name}\0".encode(errors="surrogatepass"))
            digest.update(columns.hash)
        return digest.hexdigest()[:32]

    # -- queries --------------------------------------------------------------------------------

    def ask_sql(self, names: Iterable[str]) -> None:
        """Ask the checker about the queries of these nodes, as far as there is time."""
        dialogues: dict[_Key, _Dialogue] = {}
        for key in dict.fromkeys(map(self._key, names)):
            if key is None:
                continue
            cached: _Answer | float | None = _sql_cache.get(key)
            if cached is None or (isinstance(cached, float) and cached < time.monotonic()):
                dialogues[key] = _ask(key)
            else:
                self.answers[key] = cached
        questions = {key: next(dialogue) for key, dialogue in dialogues.items()}
        while questions:
            answers = self.by.ask_all(list(questions.values()), until=self.until)
            before, questions = questions, {}
            for key, answer in zip(before, answers, strict=True):
                if isinstance(answer, Busy):
                    continue
                if isinstance(answer, Crashed) or "failed" in answer:
                    self._store(key, time.monotonic() + CRASHED_SECONDS, 2 * len(key[0]) + 500)
                    continue
                try:
                    questions[key] = dialogues[key].send(answer)
                except StopIteration as end:
                    self._store(key, end.value, end.value.size(key[0]))

    def _store(self, key: _Key, answer: _Answer | float, size: int) -> None:
        self.answers[key] = answer
        _sql_cache.put(key, answer, size)

    def _key(self, name: str) -> _Key | None:
        """Return what the answer about a node's query depends on; None if there is no query to check."""
        node = self.nodes.by_id[name]
        sql = node.config.get(node.sql_field) if node.sql_field else None
        if not isinstance(sql, str) or node.index in self.wrong:
            return None
        tables = {port: self.columns.get(source) for port, source in self.nodes.inputs.get(name, {}).items()}
        types = self.nodes.types if "{{" in sql else {}
        return sql, tuple(types.items()), tuple(tables.items())

    def _sql(self, name: str, node: TypedNode) -> Columns | None:
        key = self._key(name)
        if key is None:
            return None
        answer = self.answers.get(key)
        path = (node.sql_field or "",)
        if answer is None:
            self.result.complete = False
            return None
        if isinstance(answer, float):
            self._add(name, node, ConfigProblem("sql_not_checked", _NOT_CHECKED, path, severity="warning"))
            return None
        for problem in answer.problems:
            self._add(name, node, problem.below(path))
        return answer.columns

    # -- files ----------------------------------------------------------------------------------

    def _file(self, name: str, node: TypedNode) -> Columns | None:
        """Return the columns of the files at the path that the node reads."""
        assert node.type is not None
        field_name = next((one.field for one in node.type.paths if one.direction == "read"), "")
        path = node.config.get(field_name)
        if not isinstance(path, str) or self.files is None or "{{" in path or url_scheme(path):
            return None
        if node.index in self.wrong:
            return None
        key = (node.type.file_reader, json.dumps(node.config, sort_keys=True), self.files)
        cached: _FileAnswer | None = _file_cache.get(key)
        now = time.monotonic()
        if cached is None or cached.until < now:
            question = {
                "op": "file",
                "reader": node.type.file_reader,
                "path": path,
                "config": node.config,
                "files": self.files.folder,
                "data_roots": list(self.files.data_roots),
                "closed": list(self.files.closed),
                "stamp": cached.answer.get("stamp") if cached else None,
            }
            try:
                answer = self.by.ask(question, until=self.until)
            except Busy:
                self.result.complete = False
                return cached.columns if cached else None
            except Crashed:
                answer = {}
            if cached and answer.get("same"):
                cached = cached._replace(until=now + FILE_SECONDS)
            else:
                columns = answer.get("columns")
                until = now + (FILE_SECONDS if answer else CRASHED_SECONDS)
                cached = _FileAnswer(until, answer, Columns(columns) if columns else None)
            _file_cache.put(key, cached, 1000 + 3 * (cached.columns.size if cached.columns else 0))
        self._report_file(name, node, (field_name,), cached.answer)
        return cached.columns

    def _report_file(self, name: str, node: TypedNode, path: tuple[str], answer: Mapping[str, Any]) -> None:
        code, fix = "file_not_readable", None
        message = answer.get("refused") or answer.get("wrong")
        if "missing" in answer:
            code, message, near = "no_such_file", answer["missing"], answer.get("near")
            fix = Fix.use(near, path) if near else None
        if message:
            sentence = Sentence("{message}", {"message": message})
            self._add(name, node, ConfigProblem(code, sentence, path, severity="warning", fix=fix))

    def _add(self, name: str, node: TypedNode, problem: ConfigProblem) -> None:
        self.result.problems.append(problem.in_definition(("nodes", node.index, "config"), name))


def _may_have_table(node: TypedNode) -> bool:
    """Return whether an earlier run may tell the output's columns, also for a type that is not installed."""
    return not node.sql_field and (node.type is None or node.type.output in ("any", "table"))


def _ask(key: _Key) -> _Dialogue:
    """Yield questions about a query, one after the other, because one wrong name hides the next."""
    sql, types, tables = key
    bound = bind(sql, dict(types))
    columns = {port: table.columns if table else None for port, table in tables}
    errors: list[dict[str, Any]] = []
    text = bound.text
    while True:
        answer = yield {"op": "sql", "sql": text, "parameters": bound.parameters, "tables": columns}
        error = answer.get("error")
        if error is None:
            break
        if errors and error["kind"] not in ("column", "table", "function"):
            # It may come from the names that were replaced.
            break
        errors.append({**error, "used": answer.get("used")})
        replaced = _without_name(text, error) if error["kind"] == "column" and len(errors) < ERRORS_MAX else None
        if replaced is None:
            break
        text = replaced
    result = answer.get("columns") if not errors else None
    problems = duckdb_errors.problems(errors, sql, bound, columns)
    return _Answer(Columns(result) if result else None, tuple(problems))


_NOT_CHECKED: Final = Sentence(_("This SQL was not checked: DuckDB could not analyse it in time."))


def _without_name(text: str, error: Mapping[str, Any]) -> str | None:
    """Return the text with NULL in the place of the unknown name; None if its place is not known."""
    if error["at"] is None:
        return None
    start, length = error["at"]
    raw = text.encode()
    if length <= 0 or start + length > len(raw):
        return None
    # As long as the name, so that the places of other names stay.
    filler = (b"NULL" if length >= 4 else b"1").ljust(length)
    return (raw[:start] + filler + raw[start + length :]).decode(errors="replace")
