"""What axe-core finds wrong on a page."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "static/node_modules/axe-core/axe.min.js"
CONTRAST = "color-contrast"
FOUND = """async ([where, options]) => {
  const found = await axe.run(where, { resultTypes: ['violations'], ...options });
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}"""

LOOKS = pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1440, False, id="light"),
        pytest.param(1440, True, id="dark", marks=pytest.mark.long),
        pytest.param(360, False, id="narrow"),
    ],
)


def load(page: Page) -> None:
    """Make axe-core known to this page."""
    page.evaluate(AXE.read_text())


def violations(page: Page, dark: bool = False, width: int = 1440, where: str = "html") -> list[str]:
    """The rules that are broken below the element `where`. In the dark only the colours differ, so that only contrast
    is checked; on a narrow page everything else is."""
    load(page)
    options = {"runOnly": [CONTRAST]} if dark else {"rules": {CONTRAST: {"enabled": width > 640}}}
    return list(page.evaluate(FOUND, [where, options]))
