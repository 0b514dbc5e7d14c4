"""The catalogues: every word of pages, scripts and the diagnosis has its Chinese, with the same places for values,
compiled, and they hold no word that nobody says."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboard" / "locale" / "zh_Hant" / "LC_MESSAGES"
Word = tuple[str, str, str]
"""Context, word and its plural; empty for none."""
PLACES = re.compile(r"%\(\w+\)[a-z]|\{\w+\}|</?code>|</?b>|\\n")


def entries(domain: str) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """{(context, msgid): (plural, translations)} of a catalogue."""
    found = {}
    for block in (FOLDER / f"{domain}.po").read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        for key, text in re.findall(r'^(msg\w+(?:\[\d\])?) ((?:".*"\n?)+)', block, re.MULTILINE):
            parts[key] = "".join(ast.literal_eval(line) for line in text.splitlines())
        said = [text for key, text in parts.items() if key.startswith("msgstr")]
        if parts.get("msgid"):
            found[parts.get("msgctxt", ""), parts["msgid"]] = (parts.get("msgid_plural", ""), said)
    return found


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_every_word_is_translated_with_its_places(domain):
    text = (FOLDER / f"{domain}.po").read_text(encoding="utf-8")
    assert not re.search(r"^#(~|, .*fuzzy)", text, re.MULTILINE)
    for (_context, word), (plural, said) in entries(domain).items():
        for text in said:
            assert text, word
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(plural or word)), word


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_the_compiled_catalogue_is_that_of_the_sources(domain):
    with (FOLDER / f"{domain}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (context, word), (plural, said) in entries(domain).items():
        if plural:
            assert compiled.ngettext(word, plural, 2) == said[0]
        elif context:
            assert compiled.pgettext(context, word) == said[0]
        else:
            assert compiled.gettext(word) == said[0]


CALLS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), ("word",)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), ("word", "plural")),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ("context", "word")),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ("context", "word", "plural")),
}
"""What the arguments of each function are."""
MARKED = re.compile(r"\b(n?p?gettext)\(((?:u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"),? ?)+)")
"""A word that Django's `templatize` found in a template: its literals only, without the count."""
SCRIPT_CALL = re.compile(r"\b(n?)gettext(?:_noop)?\(\s*(?=(.{0,600}))", re.DOTALL)
LITERAL = re.compile(r"""\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'""")


def word_of(function: str, literals: list[str]) -> Word:
    named = dict(zip(CALLS[function], literals, strict=False))
    return named.get("context", ""), named["word"], named.get("plural", "")


def words_of_templates() -> Iterator[tuple[str, Word]]:
    for template in sorted((ROOT / "templates").rglob("*.html")):
        for function, literals in MARKED.findall(templatize(template.read_text(encoding="utf-8"))):
            found = ast.literal_eval(f"[{literals.rstrip(', ')}]")
            yield template.name, word_of(function, found)


def words_of_code() -> Iterator[tuple[str, Word]]:
    """Words that are given to gettext, or marked for it as the templates of the diagnosis are."""
    for package in ("engine", "versions", "dashboard"):
        for source in sorted((ROOT / package).rglob("*.py")):
            for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in CALLS:
                    continue
                given = call.args[: len(CALLS[call.func.id])]
                literals = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if given and len(literals) == len(given):
                    yield source.name, word_of(call.func.id, literals)


def words_of_scripts() -> Iterator[tuple[str, Word]]:
    for script in sorted((ROOT / "static" / "src").rglob("*.ts*")):
        if script.name.endswith(".test.ts") or script.name == "i18n.ts":
            continue
        for plural, rest in SCRIPT_CALL.findall(script.read_text(encoding="utf-8")):
            first = LITERAL.match(rest)
            assert first, (script.name, "gettext takes a literal, or the word is not found", rest[:60])
            second = LITERAL.match(rest[first.end() :].lstrip(", \n")) if plural else None
            assert bool(second) == bool(plural), (script.name, rest[:60])
            yield script.name, ("", ast.literal_eval(first[0]), ast.literal_eval(second[0]) if second else "")


def catalogue(domain: str) -> set[Word]:
    return {(context, word, plural) for (context, word), (plural, _said) in entries(domain).items()}


@pytest.mark.parametrize("words", [words_of_templates, words_of_code])
def test_every_word_of_pages_and_of_the_diagnosis_is_in_the_catalogue(words):
    known, found = catalogue("django"), list(words())
    assert found
    assert not [(place, word) for place, word in found if not _is_known(word, known)]


def test_every_word_of_the_scripts_is_in_the_catalogue():
    known, found = catalogue("djangojs"), list(words_of_scripts())
    assert found
    assert not [(place, word) for place, word in found if not _is_known(word, known)]


def _is_known(word: Word, known: set[Word]) -> bool:
    """A word that is said with a plural somewhere and without one elsewhere has one entry, the one with the plural."""
    context, text, plural = word
    return word in known or (not plural and any(one[:2] == (context, text) for one in known))


def test_the_catalogues_hold_only_words_that_are_said():
    said = {word[:2] for words in (words_of_templates, words_of_code) for _place, word in words()}
    assert not [word for word in catalogue("django") if word[:2] not in said]
    said = {word[:2] for _place, word in words_of_scripts()}
    assert not [word for word in catalogue("djangojs") if word[:2] not in said]


def test_what_the_diagnosis_says_is_marked_for_the_catalogue():
    """A `Sentence` of a literal that is not marked would stay English."""
    for source in [*sorted((ROOT / "engine").rglob("*.py")), *sorted((ROOT / "versions").rglob("*.py"))]:
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Sentence":
                template = call.args[0]
                if isinstance(template, ast.Constant):
                    assert re.fullmatch(r"\{\w+\}", str(template.value)), (source.name, template.value)
