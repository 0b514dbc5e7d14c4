"""A Chromium that is signed in to a product, and measurements of its tabs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.http import Product
from tests.bench.parts import Missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

WIDTH, HEIGHT = 1440, 900
PATIENCE_MS = 120_000
EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium: the system's, else Playwright's. Raises Missing."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise Missing("`bench page` needs Playwright: pip install playwright.") from None
    found = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        except Error as error:
            text = str(error).splitlines()[0]
            raise Missing(
                f"`bench page` needs Chromium, which does not start here ({text}): install the system's package, or "
                "`playwright install chromium`."
            ) from None
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A signed-in user with an empty cache."""

    def __init__(self, browser: Browser, product: Product, *scripts: str) -> None:
        """`scripts` run in each page before its own."""
        self.product = product
        self.context: BrowserContext = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        self.context.set_default_timeout(PATIENCE_MS)
        for script in scripts:
            self.context.add_init_script(script)
        self.page: Page = self.context.new_page()
        self.page.goto(login_link(product))
        self.page.get_by_role("button", name="Sign in as").click()
        self.page.wait_for_url(self.at("/"))

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.product.port}{path}"

    def until(self, condition: str) -> None:
        """Wait until the expression is true in the page. Raises RuntimeError."""
        # Playwright's wait_for_function evaluates text, which the page's policy forbids.
        end = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(condition):
            if time.monotonic() > end:
                raise RuntimeError(f"After {PATIENCE_MS / 1000:g} s this does not hold in the page: {condition}")
            time.sleep(0.02)

    def close(self) -> None:
        self.context.close()


def login_link(product: Product) -> str:
    """Return a link that signs in as admin once."""
    made = subprocess.run(
        [sys.executable, "-m", "django", "login-link", "--user", "admin", "--url", f"http://127.0.0.1:{product.port}"],
        env=product.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.split()[-1]


class Memory:
    """Memory of a tab."""

    def __init__(self, page: Page) -> None:
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")
        self.session.send("HeapProfiler.enable")

    def heap(self) -> int:
        """Return the bytes of JavaScript objects after a collection."""
        self.session.send("HeapProfiler.collectGarbage")
        return int(self._metrics()["JSHeapUsedSize"])

    def nodes(self) -> int:
        """Return the number of DOM nodes, including those that only scripts hold."""
        return int(self._metrics()["Nodes"])

    def _metrics(self) -> dict[str, float]:
        found: Any = self.session.send("Performance.getMetrics")
        return {metric["name"]: metric["value"] for metric in found["metrics"]}


def renderers(root: int) -> int:
    """Return the memory of all renderer processes below the process `root`, in bytes; 0 without /proc."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    size = 0
    for pid in parents:
        above = pid
        while above and above != root:
            above = parents.get(above, 0)
        if above != root:
            continue
        try:
            if "--type=renderer" in Path(f"/proc/{pid}/cmdline").read_text():
                size += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
        except OSError:
            continue
    return size
