"""Homes in which a product was started once, to be copied: a copy is ready at once, with a known token of its
account."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support import postgres
from tests.support.product import Product

_templates: dict[str, Path] = {}


def template(kind: str, make: Callable[[Path], Product]) -> Path:
    """Return a folder with a `home` that has a migrated database and an account, and the account's `token`, made once
    per session. `make` gives the product in that folder."""
    if kind not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="interlock-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        product = make(folder)
        try:
            product.start()
            (folder / "token").write_text(product.token)
        finally:
            product.stop()
        _templates[kind] = folder
    return _templates[kind]


def one_host() -> Path:
    """Return the template of a product on SQLite."""
    return template("one host", lambda folder: Product(folder / "home"))


class _OnPostgres(Product):
    """Its database stays, without connections, to be copied."""

    def __init__(self, folder: Path) -> None:
        self._kept = contextlib.ExitStack()
        atexit.register(self._kept.close)
        url = self._kept.enter_context(postgres.database())
        (folder / "database").write_text(url.rpartition("/")[2])
        super().__init__(folder / "home", DATABASE_URL=url)

    def stop(self, timeout: float = 20) -> int:
        code = super().stop(timeout)
        # No scheduler has led in a copy.
        postgres.do("delete from engine_leader", self.environment["DATABASE_URL"])
        return code


def on_postgres() -> Path:
    """Return the template of a product on PostgreSQL; its file `database` has the name of one to copy."""
    return template("PostgreSQL", _OnPostgres)


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a copy of the database of `on_postgres`, and drop it at the end."""
    with postgres.database(like=(on_postgres() / "database").read_text()) as url:
        yield url


@contextlib.contextmanager
def running(home: Path, form: type[Product] = Product, /, **environment: str) -> Iterator[Product]:
    """Yield a started product in a copy of a home, and end it at the end. A DATABASE_URL is that of a `database`."""
    with _ending(form(home, **environment)) as product:
        made = on_postgres() if "DATABASE_URL" in environment else one_host()
        shutil.copytree(made / "home", home)
        product.token = (made / "token").read_text()
        yield product.start()


@contextlib.contextmanager
def first_start(home: Path, **environment: str) -> Iterator[Product]:
    """Like `running`, but without a template."""
    with _ending(Product(home, **environment)) as product:
        yield product.start()


@contextlib.contextmanager
def _ending(product: Product) -> Iterator[Product]:
    try:
        yield product
    finally:
        product.end()
