"""Parses a CEL expression into a tree. Nothing is evaluated.

CEL is evaluated by the `cel` package, in node processes only. Its native parser and evaluator overflow the stack on
long or deep expressions, which ends the process. So every expression is parsed here first, with bounded length and
depth. `variables` checks its names and functions.
"""

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.problems import format_value
from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _

LENGTH_MAX = 8192
"""Characters of one expression."""
CACHED_LENGTH_MAX = 300
"""Longer expressions are rare, and a cache of their trees would take too much memory."""
NESTING_MAX = 20
"""Levels of brackets, arguments and conditionals."""
DEPTH_MAX = 120
"""Depth of the evaluator's tree, in which `a + b + c` is one deeper than `a + b`."""
_KEYWORDS = ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop")
_RESERVED = frozenset({*_KEYWORDS, "namespace", "package", "return", "var", "void", "while"})
_NO_FIELDS = frozenset({"in", "true", "false", "null"})
_HEX = "[0-9a-fA-F]"
_NO_SURROGATE = "(?!(?:0000)?[dD][89a-fA-F])"
_ESCAPE = (
    rf"""\\(?:[abfnrtv\\?"'`]|[xX]{_HEX}{{2}}|u{_NO_SURROGATE}{_HEX}{{4}}|U{_NO_SURROGATE}00(?:0{_HEX}|10){_HEX}{{4}}"""
    "|[0-3][0-7]{2})"
)
_ANY_TEXT = re.compile(r"""'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*\"""")
TOKEN = re.compile(
    rf"""
      (?P<space>[ \t\r\n\f]+|//[^\n]*)
    | (?P<text>(?:[bB][rR]?|[rR])?(?:\'\'\'|\"\"\"))
    | (?P<string>[bB]?(?:'(?:[^'\\\r\n]|{_ESCAPE})*'|"(?:[^"\\\r\n]|{_ESCAPE})*")
               |[bB]?[rR](?:'[^'\r\n]*'|"[^"\r\n]*"))
    | (?P<number>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|0[xX][0-9a-fA-F]+[uU]?|\d+[uU]?))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]{{}}])
    """,
    re.VERBOSE,
)
_RELATIONS = frozenset({"<", "<=", ">=", ">", "==", "!=", "in"})


_OPERATOR = Sentence(_("an operator or the end"))
_VALUE = Sentence(_("a value"))


class CelError(Exception):
    """The expression cannot be used; `sentence` says why and what to write."""

    def __init__(self, template: str, values: Mapping[str, Any] | None = None, code: str = "expression") -> None:
        self.sentence = Sentence(template, values or {})
        super().__init__(str(self.sentence))
        self.code = code


@dataclass(frozen=True, slots=True)
class Accessor:
    """What follows a value: `.field`, `[index]` or `.function(arguments)`."""

    kind: str
    """field, index or call."""
    name: str
    parts: tuple["Tree", ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """A part of an expression.

    `kind`: literal (value `text`), name (`text`), call (`text` of `parts`), list, map (`parts`: key, value, key,
    value ...), operator (`text`, over `parts`; chains of one level are one node), choice (3 parts), path (`parts[0]`
    and then `accessors`).
    """

    kind: str
    text: str = ""
    parts: tuple["Tree", ...] = ()
    accessors: tuple[Accessor, ...] = ()
    depth: int = 1
    """Of the evaluator's tree under this part."""


def string_end(text: str, at: int, opening: str) -> int:
    """Return where the triple-quoted text that was opened before `at` ends; -1: nowhere."""
    quote = opening[-3:]
    raw = "r" in opening.lower()
    while True:
        close = text.find(quote, at)
        if close < 0 or raw:
            return close if close < 0 else close + 3
        backslash = text.find("\\", at, close)
        if backslash < 0:
            return close + 3
        at = backslash + 2


@dataclass(frozen=True, slots=True)
class ExpressionToken:
    """A string, number, name, mark or the end."""

    kind: str
    text: str
    at: int


def lex(source: str) -> Iterator[ExpressionToken]:
    """Yield the tokens, without spaces and comments. Raises CelError."""
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if match is None:
            if source[at] in "'\"":
                if _ANY_TEXT.match(source, at):
                    raise CelError(_("A quoted text has an invalid escape sequence. Write \\\\ for a backslash."))
                raise CelError(_("The quote {quote} is never closed on its line."), {"quote": source[at]})
            raise CelError(_("Unexpected character {character}."), {"character": format_value(source[at])})
        kind, end = match.lastgroup or "", match.end()
        if kind == "text":
            end = string_end(source, end, match.group())
            if end < 0:
                raise CelError(_("The triple-quoted text is never closed."))
            kind = "string"
        if kind != "space":
            yield ExpressionToken(kind, source[at:end], at)
        at = end
    yield ExpressionToken("end", "", at)


def parse(source: str) -> Tree:
    """Return the tree of an expression. Raises CelError."""
    return _parse_cached(source) if len(source) <= CACHED_LENGTH_MAX else _parse(source)


def _parse(source: str) -> Tree:
    if len(source) > LENGTH_MAX:
        message = _(
            "The expression has {n:,} characters; at most {most:,} are allowed. Compute the value in a Python or SQL "
            "node."
        )
        raise CelError(message, {"n": len(source), "most": LENGTH_MAX})
    if not source.strip():
        raise CelError(_("The expression is empty. Enter one, such as inputs.month."))
    return _Parser(list(lex(source))).whole()


_parse_cached = functools.lru_cache(maxsize=2048)(_parse)


class _Parser:
    """A recursive descent parser of CEL's grammar; NESTING_MAX bounds the recursion."""

    def __init__(self, tokens: list[ExpressionToken]) -> None:
        self.tokens = tokens
        self.place = 0
        self.nesting = 0

    def whole(self) -> Tree:
        tree = self.expression()
        if self.now.kind != "end":
            raise self.unexpected(_OPERATOR)
        return tree

    @property
    def now(self) -> ExpressionToken:
        return self.tokens[self.place]

    def unexpected(self, expected: Text) -> CelError:
        actual = Sentence(_("the end")) if self.now.kind == "end" else format_value(self.now.text)
        values = {"expected": expected, "found": actual, "n": self.now.at + 1}
        return CelError(_("Expected {expected} at character {n} of the expression, found {found}."), values)

    def take(self, mark: str) -> bool:
        if self.now.kind == "mark" and self.now.text == mark:
            self.place += 1
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise self.unexpected(f'"{mark}"')

    def expression(self) -> Tree:
        self.nesting += 1
        if self.nesting > NESTING_MAX:
            message = _("The expression is nested more than {n} levels deep. Simplify it.")
            raise CelError(message, {"n": NESTING_MAX})
        tree = self.any_of()
        if self.take("?"):
            yes = self.any_of()
            self.need(":")
            tree = _tree("choice", "?:", (tree, yes, self.expression()))
        self.nesting -= 1
        return tree

    def any_of(self) -> Tree:
        parts = [self.all_of()]
        while self.take("||"):
            parts.append(self.all_of())
        return _chain("||", parts)

    def all_of(self) -> Tree:
        parts = [self.relation()]
        while self.take("&&"):
            parts.append(self.relation())
        return _chain("&&", parts)

    def relation(self) -> Tree:
        parts = [self.sum()]
        while self.now.text in _RELATIONS and self.now.kind in ("mark", "name"):
            self.place += 1
            parts.append(self.sum())
        return _chain("==", parts)

    def sum(self) -> Tree:
        parts = [self.product()]
        while self.take("+") or self.take("-"):
            parts.append(self.product())
        return _chain("+", parts)

    def product(self) -> Tree:
        parts = [self.unary()]
        while self.take("*") or self.take("/") or self.take("%"):
            parts.append(self.unary())
        return _chain("*", parts)

    def unary(self) -> Tree:
        for mark in ("!", "-"):
            if self.take(mark):
                count = 1
                while self.take(mark):
                    count += 1
                if count > 10:
                    message = _('"{mark}" is repeated {n} times. Remove all but one.')
                    raise CelError(message, {"mark": mark, "n": count})
                if mark == "-" and self.now.kind == "number" and count == 1:
                    self.place += 1
                    return self.path_from(Tree("literal", _number("-" + self.tokens[self.place - 1].text)))
                return _tree("operator", mark, (self.member(),))
        return self.member()

    def member(self) -> Tree:
        return self.path_from(self.primary())

    def path_from(self, base: Tree) -> Tree:
        accessors: list[Accessor] = []
        while True:
            if self.take("."):
                if self.now.kind != "name" or self.now.text in _NO_FIELDS:
                    raise self.unexpected(Sentence(_('the name of a field (reserved words are written as ["in"])')))
                name = self.tokens[self.place].text
                self.place += 1
                accessors.append(
                    Accessor("call", name, self.arguments()) if self.take("(") else Accessor("field", name)
                )
            elif self.take("["):
                accessors.append(Accessor("index", "", (self.expression(),)))
                self.need("]")
            elif self.now.text == "{" and (base.kind == "name" or accessors):
                raise self.unexpected(_OPERATOR)
            else:
                break
        if not accessors:
            return base
        depth = base.depth + sum(1 + max((part.depth for part in accessor.parts), default=0) for accessor in accessors)
        return Tree("path", "", (base,), tuple(accessors), _bounded(depth))

    def arguments(self) -> tuple[Tree, ...]:
        arguments: list[Tree] = []
        if self.take(")"):
            return ()
        arguments.append(self.expression())
        while self.take(","):
            arguments.append(self.expression())
        self.need(")")
        return tuple(arguments)

    def primary(self) -> Tree:
        token = self.now
        if token.kind in ("string", "number"):
            self.place += 1
            return Tree("literal", token.text if token.kind == "string" else _number(token.text))
        if token.kind == "name":
            self.place += 1
            if token.text in ("true", "false", "null"):
                return Tree("literal", token.text)
            if token.text in _RESERVED:
                self.place -= 1
                raise self.unexpected(_VALUE)
            if self.take("("):
                return _tree("call", token.text, self.arguments())
            return Tree("name", token.text)
        after = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        if token.text == "-" and after.kind == "number" and after.text[-1] not in "uU":
            self.place += 2  # `!-1`: the sign belongs to the number
            return Tree("literal", _number("-" + self.tokens[self.place - 1].text))
        if self.take("("):
            tree = self.expression()
            self.need(")")
            return tree
        if self.take("["):
            return _tree("list", "", self.entries("]", pairs=False))
        if self.take("{"):
            return _tree("map", "", self.entries("}", pairs=True))
        raise self.unexpected(_VALUE)

    def entries(self, close: str, *, pairs: bool) -> tuple[Tree, ...]:
        entries: list[Tree] = []
        while not self.take(close):
            entries.append(self.expression())
            if pairs:
                self.need(":")
                entries.append(self.expression())
            if not self.take(","):
                self.need(close)
                break
        return tuple(entries)


def _number(text: str) -> str:
    """Return the text of a number that CEL can hold. Raises CelError."""
    digits = text.lower().lstrip("-").rstrip("u") if not text.lower().startswith(("0x", "-0x")) else text.lower()
    if "u" in text.lower():
        fits = int(digits.rstrip("u"), 0 if "x" in digits else 10) < 1 << 64
    elif "x" in digits or digits.isdecimal():
        value = int(digits.lstrip("-"), 16 if "x" in digits else 10)
        fits = value < (1 << 63) + text.startswith("-")
    else:
        fits = math.isfinite(float(digits))
    if not fits:
        raise CelError(_("The number {number} is too large: expressions have 64 bits."), {"number": text[:40]})
    return text


def _bounded(depth: int) -> int:
    if depth > DEPTH_MAX:
        message = _("The expression has a chain of more than {n} steps. Compute the value in a Python or SQL node.")
        raise CelError(message, {"n": DEPTH_MAX})
    return depth


def _tree(kind: str, text: str, parts: tuple[Tree, ...]) -> Tree:
    return Tree(kind, text, parts, (), _bounded(1 + max((part.depth for part in parts), default=0)))


def _chain(text: str, parts: list[Tree]) -> Tree:
    if len(parts) == 1:
        return parts[0]
    return Tree("operator", text, tuple(parts), (), _bounded(len(parts) + max(part.depth for part in parts)))


def literal_text(tree: Tree) -> str | None:
    """Return the value of a plain quoted text without escapes; None: the tree is something else."""
    if tree.kind != "literal" or len(tree.text) < 2 or tree.text[0] not in "'\"" or "\\" in tree.text:
        return None
    quotes = 3 if tree.text[:3] in ("'''", '"""') else 1
    return tree.text[quotes:-quotes]


def accessor_key(accessor: Accessor) -> str | None:
    """Return the key that `.field` or `["field"]` names; None: the accessor names none."""
    if accessor.kind == "field":
        return accessor.name
    return literal_text(accessor.parts[0]) if accessor.kind == "index" else None
