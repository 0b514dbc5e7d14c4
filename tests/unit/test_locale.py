"""The catalogues: every word of pages and scripts has its Chinese, with the same places for values, compiled."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboard" / "locale" / "zh_Hant" / "LC_MESSAGES"
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
    for (_context, word), (plural, said) in entries(domain).items():
        for text in said:
            assert text, word
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(plural or word)), word
            assert "fuzzy" not in text


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


def test_every_word_of_the_templates_is_in_the_catalogue():
    known = {word for _context, word in entries("django")}
    for template in (ROOT / "templates").rglob("*.html"):
        for quote, word in re.findall(r"""{% translate (["'])(.+?)\1""", template.read_text(encoding="utf-8")):
            assert word in known, (template.name, quote)


def test_every_word_of_the_scripts_is_in_the_catalogue():
    known = {word for _context, word in entries("djangojs")}
    for script in (ROOT / "static" / "src").rglob("*.ts"):
        if script.name.endswith(".test.ts"):
            continue
        for word in re.findall(r'\bn?gettext\(\s*("(?:[^"\\]|\\.)*")', script.read_text(encoding="utf-8")):
            assert ast.literal_eval(word) in known, script.name


@pytest.mark.parametrize("package", ["dashboard/pages", "dashboard/presenters.py", "dashboard/accounts.py", "versions"])
def test_every_word_of_the_code_is_in_the_catalogue(package):
    known = {word for _context, word in entries("django")}
    place = ROOT / package
    for source in [place] if place.is_file() else place.rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or not call.args:
                continue
            word = call.args[0]
            names = ("_", "gettext", "gettext_lazy", "ngettext")
            if call.func.id in names and isinstance(word, ast.Constant) and isinstance(word.value, str):
                assert word.value in known, (source.name, word.value)
