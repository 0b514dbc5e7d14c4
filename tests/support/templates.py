"""Homes in which a product was started once, to be copied: a copy is ready at once, with a known token of its
account."""

import atexit
import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support import postgres
from tests.support.product import Product

FOLDER = "INTERLOCK_TEST_TEMPLATES"
"""The environment variable with the folder of all templates, which all test processes of a session share."""


def template(kind: str, make: Callable[[Path], Product], *, shared: bool = False) -> Path:
    """Return a folder with a `home` that has a migrated database and an account, and the account's `token`.

    `make` gives the product in that folder. It is made once by each process, or if `shared` once a session. What a
    process drops when it ends, such as a database, cannot be shared.
    """
    folder = Path(os.environ[FOLDER]) / (kind if shared else f"{kind}-{os.getpid()}")
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "token").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            folder.chmod(0o755)
            product = make(folder)
            try:
                product.start()
                token = product.token
            finally:
                product.stop()
            (folder / "token").write_text(token)
    return folder


def one_host() -> Path:
    """Return the template of a product on SQLite."""
    return template("one-host", lambda folder: Product(folder / "home"), shared=True)


class _OnPostgres(Product):
    """Its database stays until the process ends, without connections, so that it can be copied."""

    def __init__(self, folder: Path) -> None:
        self._until_exit = contextlib.ExitStack()
        atexit.register(self._until_exit.close)
        url = self._until_exit.enter_context(postgres.database())
        (folder / "database").write_text(url.rpartition("/")[2])
        super().__init__(folder / "home", DATABASE_URL=url)

    def stop(self, timeout: float = 20) -> int:
        code = super().stop(timeout)
        # In a copy, no scheduler has led.
        postgres.do("delete from engine_leader", self.environment["DATABASE_URL"])
        return code


def on_postgres() -> Path:
    """Return the template of a product on PostgreSQL; its file `database` has the name of one to copy."""
    return template("postgresql", _OnPostgres)


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
