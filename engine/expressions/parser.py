"""The text of a CEL expression as a tree, read without evaluating anything.

CEL itself is evaluated by the `cel` package, in node processes only. Its parser and evaluator are native code that
overflows the stack on long or deep expressions, which ends the process; so every expression passes here first,
where length and depth are bounded. That its names and functions are known ones is seen in celreads.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.problems import shown

LENGTH_MAX = 8192
"""Characters of one expression."""
CACHED_LENGTH_MAX = 300
"""Longer ones are rare, and trees of thousands of them would fill the memory."""
NESTING_MAX = 20
"""Brackets, arguments and conditionals inside each other."""
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


class CelError(Exception):
    """The expression cannot be used; the message says why and what to write."""

    def __init__(self, message: str, code: str = "expression") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Step:
    """One piece after a value: `.field`, `[index]` or `.function(arguments)`."""

    kind: str
    """field, index or call."""
    name: str
    parts: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """A part of an expression.

    `kind`: literal (value `text`), name (`text`), call (`text` of `parts`), list, map (`parts`: key, value, key,
    value ...), operator (`text`, over `parts`; chains of one level are one node), choice (3 parts), path (`parts[0]`
    and then `steps`).
    """

    kind: str
    text: str = ""
    parts: tuple[Tree, ...] = ()
    steps: tuple[Step, ...] = ()
    depth: int = 1
    """Of the evaluator's tree under this part."""


def string_end(text: str, at: int, opening: str) -> int:
    """Where the triple-quoted text that opened before `at` is closed; -1: nowhere."""
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
class Token:
    """A lexical piece: string, number, name, mark or end."""

    kind: str
    text: str
    at: int


def lex(source: str) -> Iterator[Token]:
    """The tokens, without spaces and comments. Raises CelError at what is none."""
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if match is None:
            if source[at] in "'\"":
                if _ANY_TEXT.match(source, at):
                    raise CelError("A text holds a backslash with a letter that means nothing. Write two: \\\\.")
                raise CelError(f"The quote {source[at]} is never closed on its line. Close it.")
            raise CelError(f"{shown(source[at])} has no meaning here. Remove it.")
        kind, end = match.lastgroup or "", match.end()
        if kind == "text":
            end = string_end(source, end, match.group())
            if end < 0:
                raise CelError("A text in three quotes is never closed. Close it.")
            kind = "string"
        if kind != "space":
            yield Token(kind, source[at:end], at)
        at = end
    yield Token("end", "", at)


def parse(source: str) -> Tree:
    """The tree of an expression. Raises CelError."""
    return _parse_cached(source) if len(source) <= CACHED_LENGTH_MAX else _parse(source)


def _parse(source: str) -> Tree:
    if len(source) > LENGTH_MAX:
        raise CelError(
            f"The expression has {len(source):,} characters; at most {LENGTH_MAX:,} are allowed. "
            "Compute the value in a Python or SQL node."
        )
    if not source.strip():
        raise CelError("The expression is empty. Write, for example, inputs.month.")
    return _Parser(list(lex(source))).whole()


_parse_cached = functools.lru_cache(maxsize=2048)(_parse)


class _Parser:
    """Recursive descent over CEL's grammar; the recursion is bounded by NESTING_MAX."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.nesting = 0

    def whole(self) -> Tree:
        tree = self.expression()
        if self.now.kind != "end":
            raise self.unexpected("an operator or the end")
        return tree

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def unexpected(self, wanted: str) -> CelError:
        found = "the end" if self.now.kind == "end" else shown(self.now.text)
        return CelError(f"Expected {wanted}, found {found} at character {self.now.at + 1} of the expression.")

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
            raise CelError(f"The expression is nested more than {NESTING_MAX} levels deep. Make it flatter.")
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
                    raise CelError(f'"{mark}" stands {count} times in a row. Remove all but one.')
                if mark == "-" and self.now.kind == "number" and count == 1:
                    self.place += 1
                    return self.steps_after(Tree("literal", _number("-" + self.tokens[self.place - 1].text)))
                return _tree("operator", mark, (self.member(),))
        return self.member()

    def member(self) -> Tree:
        return self.steps_after(self.primary())

    def steps_after(self, base: Tree) -> Tree:
        steps: list[Step] = []
        while True:
            if self.take("."):
                if self.now.kind != "name" or self.now.text in _NO_FIELDS:
                    raise self.unexpected('the name of a field (others are written ["in"])')
                name = self.tokens[self.place].text
                self.place += 1
                steps.append(Step("call", name, self.arguments()) if self.take("(") else Step("field", name))
            elif self.take("["):
                steps.append(Step("index", "", (self.expression(),)))
                self.need("]")
            elif self.now.text == "{" and (base.kind == "name" or steps):
                raise self.unexpected("an operator or the end")
            else:
                break
        if not steps:
            return base
        depth = base.depth + sum(1 + max((part.depth for part in step.parts), default=0) for step in steps)
        return Tree("path", "", (base,), tuple(steps), _bounded(depth))

    def arguments(self) -> tuple[Tree, ...]:
        found: list[Tree] = []
        if self.take(")"):
            return ()
        found.append(self.expression())
        while self.take(","):
            found.append(self.expression())
        self.need(")")
        return tuple(found)

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
                raise self.unexpected("a value")
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
        raise self.unexpected("a value")

    def entries(self, close: str, *, pairs: bool) -> tuple[Tree, ...]:
        found: list[Tree] = []
        while not self.take(close):
            found.append(self.expression())
            if pairs:
                self.need(":")
                found.append(self.expression())
            if not self.take(","):
                self.need(close)
                break
        return tuple(found)


def _number(text: str) -> str:
    """The text of a number that CEL can hold. Raises CelError."""
    digits = text.lower().lstrip("-").rstrip("u") if not text.lower().startswith(("0x", "-0x")) else text.lower()
    if "u" in text.lower():
        fits = int(digits.rstrip("u"), 0 if "x" in digits else 10) < 1 << 64
    elif "x" in digits or digits.isdecimal():
        value = int(digits.lstrip("-"), 16 if "x" in digits else 10)
        fits = value < (1 << 63) + text.startswith("-")
    else:
        fits = math.isfinite(float(digits))
    if not fits:
        raise CelError(f"The number {text[:40]} is too large for an expression (64 bits).")
    return text


def _bounded(depth: int) -> int:
    if depth > DEPTH_MAX:
        raise CelError(f"The expression is a chain of more than {DEPTH_MAX} steps. Compute it in a Python or SQL node.")
    return depth


def _tree(kind: str, text: str, parts: tuple[Tree, ...]) -> Tree:
    return Tree(kind, text, parts, (), _bounded(1 + max((part.depth for part in parts), default=0)))


def _chain(text: str, parts: list[Tree]) -> Tree:
    if len(parts) == 1:
        return parts[0]
    return Tree("operator", text, tuple(parts), (), _bounded(len(parts) + max(part.depth for part in parts)))


def literal_text(tree: Tree) -> str | None:
    """The value of a plain quoted text without escapes; None: the tree is something else."""
    if tree.kind != "literal" or len(tree.text) < 2 or tree.text[0] not in "'\"" or "\\" in tree.text:
        return None
    quotes = 3 if tree.text[:3] in ("'''", '"""') else 1
    return tree.text[quotes:-quotes]


def step_key(step: Step) -> str | None:
    """The key that `.field` or `["field"]` names; None: another step."""
    if step.kind == "field":
        return step.name
    return literal_text(step.parts[0]) if step.kind == "index" else None
