"""One product and one browser for all cases of `bench page`, and the runs in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.browser import Visitor
from tests.bench.http import Product, prepare
from tests.bench.parts import Options
from tests.bench.workflows import Document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

END_SECONDS = 600.0
LOOK_SECONDS = 0.2


@dataclass
class PageBench:
    options: Options
    product: Product
    browser: Browser
    process: int
    """Id of this process, the ancestor of the browser's processes."""
    published: int = 0

    def publish(self, document: Document) -> str:
        """Create a workflow whose live version is `document`. Return its slug."""
        self.published += 1
        slug = f"page-{self.published}"
        prepare(self.product, document, slug)
        return slug

    def start(self, slug: str) -> str:
        """Start a run. Return its id."""
        return str(self.product.call("POST", f"/api/v1/workflows/{slug}/runs/", {})["id"])

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.product.call("GET", f"/api/v1/runs/{run}/")
        return found

    def wait(self, run: str, until: Callable[[dict[str, Any]], bool], seconds: float = END_SECONDS) -> dict[str, Any]:
        """Return the run when `until` is true of it. Raises RuntimeError."""
        end = time.monotonic() + seconds
        while not until(found := self.run(run)):
            if time.monotonic() > end:
                raise RuntimeError(f"Run {run} is not as it should be after {seconds:g} s: {found['counts']}.")
            # Rarely enough to leave the cores to the product.
            time.sleep(LOOK_SECONDS)
        return found

    def ended(self, run: str) -> dict[str, Any]:
        found = self.wait(run, lambda now: now["finished_at"] is not None)
        if found["state"] != "succeeded":
            raise RuntimeError(f"Run {run} ended {found['state']}: {found['counts']}.")
        return found

    def cancel(self, run: str) -> None:
        """Cancel a run that is not needed any more."""
        self.product.call("POST", f"/api/v1/runs/{run}/cancel/", {})
        self.wait(run, lambda now: now["finished_at"] is not None)

    def file(self, name: str) -> Path:
        """Return a path that nodes can wait for."""
        return self.options.folder / name

    @contextmanager
    def visitor(self, *scripts: str) -> Iterator[Visitor]:
        visitor = Visitor(self.browser, self.product, *scripts)
        try:
            yield visitor
        finally:
            visitor.close()
