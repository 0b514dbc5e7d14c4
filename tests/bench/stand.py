"""What all cases stand on: one product, one browser, and ways to have runs in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.browser import Visitor
from tests.bench.http import Product, prepare
from tests.bench.parts import Wish
from tests.bench.workflows import Document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

END_SECONDS = 600.0
LOOK_SECONDS = 0.2


@dataclass
class Stand:
    wish: Wish
    product: Product
    browser: Browser
    process: int
    """Id of this process, above whose children the browser's are."""
    published: int = 0

    def publish(self, document: Document) -> str:
        """The slug of a workflow whose live version is `document`."""
        self.published += 1
        slug = f"page-{self.published}"
        prepare(self.product, document, slug)
        return slug

    def start(self, slug: str) -> str:
        """The id of a new run."""
        return str(self.product.call("POST", f"/api/v1/workflows/{slug}/runs/", {})["id"])

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.product.call("GET", f"/api/v1/runs/{run}/")
        return found

    def wait(self, run: str, until: Callable[[dict[str, Any]], bool], seconds: float = END_SECONDS) -> dict[str, Any]:
        """The run, once it is as `until` says. Raises RuntimeError."""
        end = time.monotonic() + seconds
        while not until(found := self.run(run)):
            if time.monotonic() > end:
                raise RuntimeError(f"Run {run} is not as it should be after {seconds:g} s: {found['counts']}.")
            # Seldom enough to leave the cores to what is measured.
            time.sleep(LOOK_SECONDS)
        return found

    def ended(self, run: str) -> dict[str, Any]:
        found = self.wait(run, lambda now: now["finished_at"] is not None)
        if found["state"] != "succeeded":
            raise RuntimeError(f"Run {run} ended {found['state']}: {found['counts']}.")
        return found

    def cancel(self, run: str) -> None:
        """End a run that has served its turn."""
        self.product.call("POST", f"/api/v1/runs/{run}/cancel/", {})
        self.wait(run, lambda now: now["finished_at"] is not None)

    def file(self, name: str) -> Path:
        """A path that nodes can look for."""
        return self.wish.folder / name

    @contextmanager
    def visitor(self, *scripts: str) -> Iterator[Visitor]:
        visitor = Visitor(self.browser, self.product, *scripts)
        try:
            yield visitor
        finally:
            visitor.close()
