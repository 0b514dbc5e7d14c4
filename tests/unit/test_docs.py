"""The documentation names every setting, command, node type and policy field, and only existing files."""

import re
from dataclasses import fields

import pytest

from engine.config import SETTINGS
from engine.definition.document import Policy
from engine.nodes import registry
from tests.support.product import ROOT

COMMANDS = {
    path.stem.replace("_", "-")
    for app in ("dashboard", "engine", "versions")
    for path in (ROOT / app / "management" / "commands").glob("[a-z]*.py")
}
NOT_IN_README = {"export", "import", "migrate"}
"""Commands that are not built yet, and Django's."""


def named(page: str, title: str = "") -> set[str]:
    """Return the code in the first column of the tables in a page or in one of its sections."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if title:
        text = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (`.*?) (?<!\\)\|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_settings_are_documented() -> None:
    assert named("docs/settings.md") == set(SETTINGS)


def test_the_commands_are_documented() -> None:
    assert {name.split()[0] for name in named("README.md", "Use")} == COMMANDS - NOT_IN_README


def test_the_node_types_are_documented() -> None:
    assert named("docs/definitions.md", "Node types") == {one.type for one in registry.all_types()}


def test_the_policy_is_documented() -> None:
    assert named("docs/definitions.md", "Policy") == {field.name for field in fields(Policy)}


PAGES = ("README.md", "tests/README.md", *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize("page", PAGES)
def test_links_and_file_names_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)]
    assert [link for link in links if link and not (ROOT / page).parent.joinpath(link).exists()] == []
    names = re.findall(r"`((?:engine|versions|dashboard|templates|static|tests|docs|\.ci)/[\w./-]+)`", text)
    assert [name for name in names if not (ROOT / name).exists()] == []
