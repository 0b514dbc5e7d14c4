"""NodeType, the class of built-in node types and those of installed packages.

A type describes everything that the engine, the pages and the editor do with it, so no other code names a type.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from engine.problems import ConfigProblem, Path, Span

Config = Mapping[str, Any]
CATEGORIES: Final = ("tables", "code", "flow", "services", "other")
CODE_LANGUAGES: Final = ("python", "sql", "shell")
_PORT: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_TEXT_KEYWORDS: Final = ("title", "description", "x-missing")
_NAMED_SCHEMAS: Final = ("properties", "patternProperties", "$defs", "dependentSchemas")
_VALUE_KEYWORDS: Final = ("default", "const", "enum", "examples")


@dataclass(frozen=True, slots=True)
class CodeField:
    """The field of a config that holds the author's code; lines of errors count in it."""

    field: str
    language: str
    """One of CODE_LANGUAGES. It also tells how the code names inputs, see `NodeType.names_inputs`."""


@dataclass(frozen=True, slots=True)
class PathField:
    """A field of a config that names files."""

    field: str
    direction: str
    """`read` or `write`."""


@dataclass(frozen=True, slots=True)
class InputRead:
    """A place where code reads an input by name."""

    name: str
    line: int
    span: Span
    """Of the name in the code, with its quotes."""


@dataclass(frozen=True, slots=True)
class InputReads:
    """The inputs that the code of a node reads by name and requires."""

    path: Path
    """Of the field in `config`."""
    text: str
    """The code."""
    reads: tuple[InputRead, ...]


def one_port(config: Config) -> tuple[str, ...]:
    """Return the ports of a type with one output."""
    return ("out",)


def no_problems(config: Config) -> Iterable[ConfigProblem]:
    """Return no problems: the check of a type whose JSON Schema is sufficient."""
    return ()


def no_input_reads(config: Config) -> InputReads | None:
    """Return None: the type does not analyse which inputs its code reads."""
    return None


def never_fails_on_null(config: Config, port: str) -> bool:
    """Return False: the type can do with an input that is null."""
    return False


def marked_ports(schema: Mapping[str, Any], config: Config, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of the fields that the schema marks with `x-port`, each once.

    Returns `default` if `config` has no such field. static/src/document/ports.ts does the same.
    """
    marked = [name for name, part in schema["properties"].items() if name in config and _has_port_marks(part)]
    if not marked:
        return default
    parts = schema["properties"]
    return tuple(dict.fromkeys(port for name in marked for port in _marked_ports(parts[name], config[name])))


def _marked_ports(schema: Any, value: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    if schema.get("x-port"):
        if isinstance(value, str) and _PORT.match(value):
            yield value
    elif isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from _marked_ports(part, value[name])
    elif isinstance(value, list):
        for item in value:
            yield from _marked_ports(schema.get("items"), item)


@dataclass(frozen=True, eq=False)
class NodeType:
    """A kind of node. A package offers its own under the entry point group `interlock.nodes`."""

    type: str
    """The name in definitions, such as `table.sql`."""
    name: str
    category: str
    """One of CATEGORIES: where the palette shows it."""
    icon: str
    """The name of an icon of Lucide."""
    description: str
    """One sentence: what it does to the data."""
    run: str
    """The module with `def run(task)`, such as `engine.nodes.noop.run`. Only node processes import it.

    It may also have `BINDS`, the fields whose expressions `run` evaluates itself; `forget(node)`, which cleans up after
    an attempt; `may_use_duckdb(config)`, which tells whether the author's code may use DuckDB's default connection.
    """
    config: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}, "additionalProperties": False}
    )
    """JSON Schema (draft 2020-12) of `config`, with these marks at properties:

    - `x-expression`: true: `{{ }}` at any depth; `sql`: as bound parameters; `cel`: the text is an expression itself.
    - `x-editor`: `python`, `sql`, `shell` (code), `path`, `expression` or `function` (a dotted path).
    - `x-path`: `read` or `write`, beside `x-editor: path`.
    - `x-port`: the text names a port out of the node.
    - `x-missing`: what to say when the value is missing or empty: `Enter a path.`
    - `enumNames`: labels of the values of `enum`.
    """
    out_ports: Callable[[Config], tuple[str, ...]] = one_port
    """Returns the ports of a node with a valid config, in order. The editor does not call it: it reads the fields with
    the mark `x-port`, or takes the ports of an empty config if the schema has no such mark."""
    must_name_port: bool = False
    """Edges out of a node of this type must name their `source_port`."""
    python: bool = False
    """It runs in the interpreter of INTERLOCK_NODE_PYTHON."""
    uses_inputs: bool = True
    """False: edges into it only set the order."""
    needs_input: bool = False
    """A node of this type without an edge into it is invalid."""
    one_table: bool = False
    """It takes one table: edges that bring two are invalid."""
    names_inputs: bool = True
    """Its code names inputs: Python as `inputs["port"]`, SQL as tables, shell as `$INTERLOCK_INPUT_<PORT>`. A type
    without a code field may name them in any way. False: the names of inputs do not matter."""
    output: Literal["any", "table", "value", "input", "nothing"] = "any"
    """The kind of its output. `any`: a table or a value; `input`: its input."""
    file_reader: str = ""
    """The module with `source_of(config, files)`, which returns how DuckDB reads the files as one table. The editor
    then shows columns and first rows before a run. Empty: it reads no files."""
    check: Callable[[Config], Iterable[ConfigProblem]] = no_problems
    """Returns the problems of a config that fits the schema. Must not run the author's code."""
    input_reads: Callable[[Config], InputReads | None] = no_input_reads
    """Returns the inputs that the code in a config, which may be invalid, reads by name; None if that is unknown."""
    fails_on_null: Callable[[Config, str], bool] = never_fails_on_null
    """Returns whether the node fails if its input of this name is null. People are told before they skip a node."""
    followed_by: tuple[str, ...] = ("python", "table.sql", "shell")
    """Types that often follow it, the most frequent first. The editor suggests them."""
    preceded_by: tuple[str, ...] = ()
    """Types that often precede it; empty: those with `start_rank`."""
    start_rank: int | None = None
    """Position among the suggestions for the first node of a workflow; None: not suggested."""
    between_rank: int | None = None
    """Position among the suggestions for a node between two others; None: not suggested."""
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Translations of a package's texts: {language (`zh-hant`): {English text: translation}}. Built-in types use the
    message catalogue."""

    @property
    def properties(self) -> dict[str, Mapping[str, Any]]:
        """The schemas of the fields of `config` by name."""
        return {name: part for name, part in self.config.get("properties", {}).items() if isinstance(part, Mapping)}

    @property
    def code(self) -> CodeField | None:
        for name, schema in self.properties.items():
            if schema.get("x-editor") in CODE_LANGUAGES:
                return CodeField(name, schema["x-editor"])
        return None

    @property
    def paths(self) -> list[PathField]:
        return [PathField(name, schema["x-path"]) for name, schema in self.properties.items() if "x-path" in schema]

    @property
    def default_config(self) -> dict[str, Any]:
        """The config of a new node: the defaults of required fields."""
        required = self.config.get("required", ())
        parts = self.properties.items()
        return {name: part["default"] for name, part in parts if name in required and "default" in part}

    def python_code(self, config: Config) -> str | None:
        """Return the author's Python code in `config`; None if the type has none."""
        code = self.code
        return str(config.get(code.field, "")) if code is not None and code.language == "python" else None

    def function_path(self, config: Config) -> str | None:
        """Return the dotted path of the function that the node calls; None if the type calls none."""
        for name, schema in self.properties.items():
            if schema.get("x-editor") == "function":
                return str(config.get(name, ""))
        return None

    def language_of(self, name: str) -> str:
        """Return the language of the code in a field of `config`; empty if it contains no code."""
        language = self.properties.get(name, {}).get("x-editor")
        return language if language in CODE_LANGUAGES else ""

    def describe(self, translate: Callable[[str], str] = str) -> dict[str, Any]:
        """Return the description for the editor and the API as JSON, with its texts passed through `translate`."""
        code, ports = self.code, self._default_ports()
        return {
            "type": self.type,
            "name": translate(self.name),
            "category": self.category,
            "icon": self.icon,
            "description": translate(self.description),
            "config": _translated(self.config, translate),
            "default_config": self.default_config,
            "code": {"field": code.field, "language": code.language} if code else None,
            "paths": [{"field": one.field, "direction": one.direction} for one in self.paths],
            "previews_files": bool(self.file_reader),
            # Null: they depend on the config.
            "out_ports": None if _has_port_marks(self.config) else ports,
            "default_ports": ports,
            "must_name_port": self.must_name_port,
            "uses_inputs": self.uses_inputs,
            "needs_input": self.needs_input,
            "names_inputs": self.names_inputs,
            "output": self.output,
            "followed_by": list(self.followed_by),
            "preceded_by": list(self.preceded_by),
            "start_rank": self.start_rank,
            "between_rank": self.between_rank,
        }

    def _default_ports(self) -> list[str]:
        try:
            return list(self.out_ports({}))
        except Exception:  # a package's function may need its config
            return list(one_port({}))


def _has_port_marks(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    inner = (*schema.get("properties", {}).values(), schema.get("items"))
    return bool(schema.get("x-port")) or any(map(_has_port_marks, inner))


def _translated(schema: Any, translate: Callable[[str], str]) -> Any:
    """Return a JSON Schema with translated texts."""
    if isinstance(schema, list):
        return [_translated(part, translate) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for name, part in schema.items():
        if name in _NAMED_SCHEMAS and isinstance(part, Mapping):
            made[name] = {key: _translated(one, translate) for key, one in part.items()}
        elif name in _TEXT_KEYWORDS and isinstance(part, str):
            made[name] = translate(part)
        elif name == "enumNames" and isinstance(part, list):
            made[name] = [translate(one) for one in part]
        else:
            made[name] = part if name in _VALUE_KEYWORDS else _translated(part, translate)
    return made
