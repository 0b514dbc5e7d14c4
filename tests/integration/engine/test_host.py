"""A host whose lease has expired, whatever its threads were about to do; without node processes."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.config import from_environment
from engine.executors import wire
from engine.executors.base import Work
from engine.host.host import NAME_MAX, Host, HostNotStarted
from engine.host.store import HostStore
from tests.integration.engine.test_host_store import dispatch, register
from tests.integration.engine.test_host_store import store as store
from tests.integration.engine.test_host_store import url as url
from tests.support import postgres, tcp_proxy

pytestmark = pytest.mark.postgres


class Supervisor:
    """Has no process free."""

    def has_room(self, work: Work) -> bool:
        return False

    def kill(self, claim: str, state: str) -> None: ...


@pytest.fixture
def host(url: str, store: HostStore, tmp_path: Path) -> Iterator[Host]:
    """A registered host that nothing renews the lease of."""
    made = Host(from_environment({"INTERLOCK_HOME": str(tmp_path), "DATABASE_URL": url}), "one", ["default"])
    made.supervisor = Supervisor()  # type: ignore[assignment]
    made.has_room.set()

    def end_registration() -> None:
        made.reporter.host_id = 0

    made.reporter = SimpleNamespace(  # type: ignore[assignment]
        host_id=register(store, "one"),
        end_registration=end_registration,
        interrupt=lambda: None,
        on_message=lambda: None,
    )
    yield made
    for one in made._stores:
        one.close()


def dispatch_work(store: HostStore, claim: str) -> None:
    """Dispatch work that a host can read."""
    dispatch(store, claim)
    work = wire.work_text(Work(claim, {}, None, None, None, python="", expected=None))
    store._fetch("UPDATE engine_dispatch SET work = %s RETURNING 1", (work,))


def test_work_that_was_taken_just_before_the_lease_expired_does_not_start(host: Host, store: HostStore) -> None:
    dispatch_work(store, "a")
    assert host.take(["a"], wire.PROTOCOL)
    # The call from the thread that took it is not made yet.
    host._expire_lease()
    host._make_calls()
    assert not host.claims
    assert not host.assignments.waiting


def test_after_the_registration_ended_nothing_is_taken_and_messages_are_left_to_others(
    host: Host, store: HostStore
) -> None:
    consuming: list[bool] = []
    host.set_consuming = consuming.append
    dispatch(store, "a")
    host._expire_lease()
    assert not host.take(["a"], wire.PROTOCOL)
    assert consuming == [False]
    assert store._fetch("SELECT host_id FROM engine_dispatch", ()) == [(None,)]


def test_a_thread_that_waits_for_an_answer_that_never_comes_is_released_when_the_lease_expires(
    host: Host, store: HostStore, url: str
) -> None:
    dispatch(store, "a")
    with tcp_proxy.tcp_proxy(postgres.address()) as way:
        host.given = replace(host.given, database_url=url.replace(f":{postgres.address()[1]}/", f":{way.port}/"))
        taken: list[bool] = []
        is_cut = threading.Event()

        def take() -> None:
            taken.append(host.take(["b"], wire.PROTOCOL))
            assert way.forget() == 1
            is_cut.set()
            taken.append(host.take(["a"], wire.PROTOCOL))

        thread = threading.Thread(target=take)
        thread.start()
        assert is_cut.wait(20)
        thread.join(0.5)
        assert thread.is_alive()
        host._expire_lease()
        thread.join(20)
        assert taken == [True, False]


def test_work_is_taken_although_the_idle_connection_has_ended(host: Host, store: HostStore) -> None:
    dispatch_work(store, "a")
    assert host.take(["b"], wire.PROTOCOL)
    host._stores[0].interrupt()
    assert host.take(["a"], wire.PROTOCOL)
    assert store._fetch("SELECT host_id FROM engine_dispatch", ()) == [(host.reporter.host_id,)]


def test_a_worker_name_that_is_too_long_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    """Reports of such a host could not be stored."""
    config = from_environment({"INTERLOCK_HOME": str(tmp_path)})
    with pytest.raises(HostNotStarted, match=f"longer than {NAME_MAX} characters; give it a shorter one"):
        Host(config, "w" * (NAME_MAX + 1), ["default"]).start(lambda: None)
    assert not any(tmp_path.iterdir())
