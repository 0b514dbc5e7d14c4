"""What axe-core finds wrong on a page."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "static/node_modules/axe-core/axe.min.js"
CONTRAST = "color-contrast"
NARROW = 360
FOUND = """async ([where, options]) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const found = await axe.run(where, { resultTypes: ['violations'], ...options });
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}"""


def _looks(*marks_of_narrow: pytest.MarkDecorator) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("width", "dark"),
        [
            pytest.param(1440, False, id="light"),
            pytest.param(1440, True, id="dark", marks=pytest.mark.long),
            pytest.param(NARROW, False, id="narrow", marks=marks_of_narrow),
        ],
    )


LOOKS = _looks()
LOOKS_OF_PAGES = _looks(pytest.mark.long)
"""For `violations_of_page`, which makes a wide page narrow; one that is loaded narrow is a second form."""


def load(page: Page) -> None:
    """Make axe-core known to this page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())


def violations(page: Page, dark: bool = False, width: int = 1440, where: str = "html") -> list[str]:
    """The rules that are broken below the element `where`. In the dark only the colours differ, so that only contrast
    is checked; on a narrow page everything else is."""
    load(page)
    options = {"runOnly": [CONTRAST]} if dark else {"rules": {CONTRAST: {"enabled": width > 640}}}
    return list(page.evaluate(FOUND, [where, options]))


def violations_of_page(page: Page, dark: bool, width: int) -> list[str]:
    """The rules that are broken on a page; on a light and wide one also after it is made as narrow as a phone."""
    found = violations(page, dark, width)
    if dark or width == NARROW:
        return found
    page.set_viewport_size({"width": NARROW, "height": 900})
    found += violations(page, dark, NARROW)
    page.set_viewport_size({"width": width, "height": 900})
    return found
