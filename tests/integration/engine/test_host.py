"""A host whose lease is over, whatever its threads were about to do; without node processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.config import from_environment
from engine.executors import wire
from engine.executors.base import Work
from engine.host.database import Records
from engine.host.host import Host
from tests.integration.engine.test_host_database import dispatch, enter
from tests.integration.engine.test_host_database import records as records
from tests.integration.engine.test_host_database import url as url
from tests.support import gate, postgres

pytestmark = pytest.mark.postgres


class Supervisor:
    """Has no process free."""

    def has_room(self, work: Work) -> bool:
        return False

    def kill(self, claim: str, state: str) -> None: ...


@pytest.fixture
def host(url: str, tmp_path: Path) -> Iterator[Host]:
    made = Host(from_environment({"INTERLOCK_HOME": str(tmp_path), "DATABASE_URL": url}), "one", ["default"])
    made.supervisor = Supervisor()  # type: ignore[assignment]
    made.has_room.set()
    yield made
    for taker in made._takers:
        taker.close()


def lives(host: Host, life: int) -> None:
    """Without a thread that renews its lease."""

    def lost() -> None:
        host.postman.host = 0

    host.postman = SimpleNamespace(host=life, lost=lost, interrupt=lambda: None)  # type: ignore[assignment]


def test_what_was_taken_just_before_its_lease_ended_does_not_begin(host: Host, records: Records) -> None:
    lives(host, enter(records, "one"))
    dispatch(records, "a")
    work = wire.work_text(Work("a", {}, None, None, None, python="", expected=None))
    records._do("UPDATE engine_dispatch SET work = %s RETURNING 1", (work,))
    assert host.take(["a"], wire.PROTOCOL)
    # On its way from the thread that took it.
    host._end_lease()
    host._obey()
    assert not host.held
    assert not host.waiting


def test_in_a_life_that_is_over_nothing_is_taken_and_others_hear_of_it(host: Host, records: Records) -> None:
    lives(host, enter(records, "one"))
    heard: list[bool] = []
    host.listen = heard.append
    dispatch(records, "a")
    host._end_lease()
    assert not host.take(["a"], wire.PROTOCOL)
    assert heard == [False]
    assert records._do("SELECT host_id FROM engine_dispatch", ()) == [(None,)]


def test_who_waits_for_an_answer_that_never_comes_is_released_when_the_lease_is_over(
    host: Host, records: Records, url: str
) -> None:
    lives(host, enter(records, "one"))
    dispatch(records, "a")
    with gate.gate(postgres.address()) as way:
        host.url = url.replace(f":{postgres.address()[1]}/", f":{way.port}/")
        found: list[bool] = []
        forgotten = threading.Event()

        def take() -> None:
            found.append(host.take(["b"], wire.PROTOCOL))
            assert way.forget() == 1
            forgotten.set()
            found.append(host.take(["a"], wire.PROTOCOL))

        waiting = threading.Thread(target=take)
        waiting.start()
        assert forgotten.wait(20)
        waiting.join(0.5)
        assert waiting.is_alive()
        host._end_lease()
        waiting.join(20)
        assert found == [True, False]


def test_a_connection_that_ended_while_nobody_used_it_costs_no_message(host: Host, records: Records, url: str) -> None:
    lives(host, enter(records, "one"))
    dispatch(records, "a")
    work = wire.work_text(Work("a", {}, None, None, None, python="", expected=None))
    records._do("UPDATE engine_dispatch SET work = %s RETURNING 1", (work,))
    assert host.take(["b"], wire.PROTOCOL)
    host._takers[0].interrupt()
    assert host.take(["a"], wire.PROTOCOL)
    assert records._do("SELECT host_id FROM engine_dispatch", ()) == [(host.postman.host,)]
