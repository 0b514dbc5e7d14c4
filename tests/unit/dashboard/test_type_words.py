"""Node types in the reader's language: every word of the built-in ones is in the list, and the list has no other."""

from __future__ import annotations

import pytest
from django.utils import translation

from dashboard import type_words
from dashboard.changewords import field_name
from engine.nodes import registry

BUILT_IN = [kind.describe() for kind in registry.all_types() if kind.run.startswith("engine.")]
KEPT = {"SQL", "Python", "Shell"}
"""Names that are the same in both languages."""


def test_the_list_is_what_the_built_in_types_say():
    assert {text for kind in BUILT_IN for text in type_words.texts(kind)} == type_words.WORDS


def test_they_are_said_in_the_readers_language():
    with translation.override("zh-hant"):
        for kind in BUILT_IN:
            for text in type_words.texts(type_words.said(kind)):
                assert text in KEPT or text not in type_words.WORDS, text
    with translation.override("en"):
        assert [type_words.said(kind) for kind in BUILT_IN] == BUILT_IN


def test_only_words_change_and_never_values_or_names():
    config = {"title": "Path", "properties": {"title": {"default": {"title": "Path"}, "description": "Code"}}}
    kind = {"type": "own", "name": "My own", "description": "", "config": config}
    with translation.override("zh-hant"):
        said = type_words.said(kind)
        path, code = type_words.say("Path"), type_words.say("Code")
    assert said["name"] == "My own"
    assert said["description"] == ""
    assert said["config"] == {
        "title": path,
        "properties": {"title": {"default": {"title": "Path"}, "description": code}},
    }


@pytest.mark.parametrize(("field", "said"), [("config.sql", "SQL"), ("policy.retries", "重試次數")])
def test_changes_name_fields_in_the_readers_language(field, said):
    with translation.override("zh-hant"):
        assert field_name(field, {"type": "table.sql"}) == said
