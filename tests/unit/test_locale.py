"""The message catalogues contain a Chinese translation of every text of pages, scripts and the diagnosis, with the
same placeholders, are compiled, and contain no unused texts."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboard" / "locale" / "zh_Hant" / "LC_MESSAGES"
Message = tuple[str, str, str]
"""Context, text and its plural; empty for none."""
PLACEHOLDERS = re.compile(r"%\(\w+\)[a-z]|\{\w+\}|</?code>|</?b>|\\n")


def entries(domain: str) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """Return {(context, msgid): (plural, translations)} of a catalogue."""
    found = {}
    for block in (FOLDER / f"{domain}.po").read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        for key, text in re.findall(r'^(msg\w+(?:\[\d\])?) ((?:".*"\n?)+)', block, re.MULTILINE):
            parts[key] = "".join(ast.literal_eval(line) for line in text.splitlines())
        translations = [text for key, text in parts.items() if key.startswith("msgstr")]
        if parts.get("msgid"):
            found[parts.get("msgctxt", ""), parts["msgid"]] = (parts.get("msgid_plural", ""), translations)
    return found


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_every_text_is_translated_with_its_placeholders(domain):
    text = (FOLDER / f"{domain}.po").read_text(encoding="utf-8")
    assert not re.search(r"^#(~|, .*fuzzy)", text, re.MULTILINE)
    for (_context, word), (plural, translations) in entries(domain).items():
        for text in translations:
            assert text, word
            assert sorted(PLACEHOLDERS.findall(text)) == sorted(PLACEHOLDERS.findall(plural or word)), word


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_the_compiled_catalogue_is_current(domain):
    with (FOLDER / f"{domain}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (context, word), (plural, translations) in entries(domain).items():
        if plural:
            assert compiled.ngettext(word, plural, 2) == translations[0]
        elif context:
            assert compiled.pgettext(context, word) == translations[0]
        else:
            assert compiled.gettext(word) == translations[0]


CALLS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), ("word",)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), ("word", "plural")),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ("context", "word")),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ("context", "word", "plural")),
}
"""The arguments of each function."""
MARKED = re.compile(r"\b(n?p?gettext)\(((?:u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"),? ?)+)")
"""A text that Django's `templatize` found in a template: only its literals, without the count."""
VARIABLE = re.compile(r"\w+\)")
"""The argument of a call in a script that marks its texts by `gettext_noop` and translates them later."""
SCRIPT_CALL = re.compile(r"\b(n?)gettext(?:_noop)?\(\s*(?=(.{0,600}))", re.DOTALL)
LITERAL = re.compile(r"""\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'""")


def text_of(function: str, literals: list[str]) -> Message:
    named = dict(zip(CALLS[function], literals, strict=False))
    return named.get("context", ""), named["word"], named.get("plural", "")


def texts_of_templates() -> Iterator[tuple[str, Message]]:
    for template in sorted((ROOT / "templates").rglob("*.html")):
        for function, literals in MARKED.findall(templatize(template.read_text(encoding="utf-8"))):
            found = ast.literal_eval(f"[{literals.rstrip(', ')}]")
            yield template.name, text_of(function, found)


def texts_of_code() -> Iterator[tuple[str, Message]]:
    """Yield the texts that are passed to gettext, or marked for it like the templates of the diagnosis."""
    for package in ("engine", "versions", "dashboard"):
        for source in sorted((ROOT / package).rglob("*.py")):
            for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in CALLS:
                    continue
                given = call.args[: len(CALLS[call.func.id])]
                literals = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if given and len(literals) == len(given):
                    yield source.name, text_of(call.func.id, literals)


def texts_of_scripts() -> Iterator[tuple[str, Message]]:
    for script in sorted((ROOT / "static" / "src").rglob("*.ts*")):
        if script.name.endswith(".test.ts") or script.name == "i18n.ts":
            continue
        text = script.read_text(encoding="utf-8")
        for plural, rest in SCRIPT_CALL.findall(text):
            if "gettext_noop(" in text and VARIABLE.match(rest):
                continue
            first = LITERAL.match(rest)
            assert first, (script.name, "gettext takes a literal, or the word is not found", rest[:60])
            second = LITERAL.match(rest[first.end() :].lstrip(", \n")) if plural else None
            assert bool(second) == bool(plural), (script.name, rest[:60])
            yield script.name, ("", ast.literal_eval(first[0]), ast.literal_eval(second[0]) if second else "")


def catalogue(domain: str) -> set[Message]:
    return {(context, word, plural) for (context, word), (plural, _said) in entries(domain).items()}


@pytest.mark.parametrize("words", [texts_of_templates, texts_of_code])
def test_every_text_of_pages_and_the_engine_is_in_the_catalogue(words):
    known, found = catalogue("django"), list(words())
    assert found
    assert not [(place, word) for place, word in found if not _is_known(word, known)]


def test_every_text_of_the_scripts_is_in_the_catalogue():
    known, found = catalogue("djangojs"), list(texts_of_scripts())
    assert found
    assert not [(place, word) for place, word in found if not _is_known(word, known)]


def _is_known(word: Message, known: set[Message]) -> bool:
    """A text that has a plural in one place and none in another has one entry, with the plural."""
    context, text, plural = word
    return word in known or (not plural and any(one[:2] == (context, text) for one in known))


def test_the_catalogues_contain_no_unused_texts():
    used = {word[:2] for words in (texts_of_templates, texts_of_code) for _place, word in words()}
    assert not [word for word in catalogue("django") if word[:2] not in used]
    used = {word[:2] for _place, word in texts_of_scripts()}
    assert not [word for word in catalogue("djangojs") if word[:2] not in used]


def test_every_sentence_of_the_engine_is_marked_for_the_catalogue():
    """A `Sentence` with an unmarked literal would stay English."""
    for source in [*sorted((ROOT / "engine").rglob("*.py")), *sorted((ROOT / "versions").rglob("*.py"))]:
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Sentence":
                template = call.args[0]
                if isinstance(template, ast.Constant):
                    assert re.fullmatch(r"\{\w+\}", str(template.value)), (source.name, template.value)
