"""Hosts whose network a test breaks: cables between network namespaces, or proxies on the loopback.

"one" is the host that is cut off, unless a test names another. "two" and all others keep their network.
"""

import contextlib
import random
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import count
from tests.faults.hosts import Hosts
from tests.support import network, redis
from tests.support.effort import LONG, seed
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.workers import Worker

ELSEWHERE = "127.0.0.2"
"""The address of the proxy to the database. All hosts must name the server alike, so this host resolves it to another
address."""


class NamespacedHosts(Hosts):
    """Both workers are in network namespaces; servers, web process and scheduler are on this machine. `subject` is cut
    off."""

    def __init__(self, folder: Path, build: str = "", home: Path | None = None, **environment: str) -> None:
        self._cables = contextlib.ExitStack()
        self.network = self._cables.enter_context(network.network())
        try:
            self.address = self.network.here
            self.places = {name: self.network.host() for name in self.names}
            self.subject = self.places["one"]
            super().__init__(folder, build, home, **environment)
        except BaseException:
            self._cables.close()
            raise

    def _begin_workers(self) -> list[Worker]:
        return [self.worker(name, inside=place.inside, wait=False) for name, place in self.places.items()]

    def end(self) -> None:
        super().end()
        self._cables.close()


class PartitionedHosts(NamespacedHosts):
    """Redis, and a scheduler that `on_one` starts, are on "one", which is cut off. The database and everything else are
    on the other side."""

    def _begin_redis(self, folder: Path) -> AbstractContextManager[redis.Server]:
        return redis.server(folder, address=self.subject.address, inside=self.subject.inside)

    def on_one(self) -> subprocess.Popen[bytes]:
        return self.scheduler(self.subject.inside)


class ProxiedHosts(Hosts):
    """All are on this machine; "one" reaches the servers through proxies."""

    def __init__(self, folder: Path, build: str = "", home: Path | None = None, **environment: str) -> None:
        super().__init__(folder, build, home, **environment)
        self._proxies = contextlib.ExitStack()
        port = self.server.port
        self.to_database = self._proxies.enter_context(tcp_proxy((self.server.address, port), ELSEWHERE, port))
        self.to_redis = self._proxies.enter_context(tcp_proxy(("127.0.0.1", self.broker.port)))

    def _begin_workers(self) -> list[Worker]:
        redis = self.broker.url.replace(f":{self.broker.port}/", f":{self.to_redis.port}/")
        one = self.worker("one", wait=False, PGHOSTADDR=ELSEWHERE, REDIS_URL=redis)
        return [one, self.worker("two", wait=False)]

    def end(self) -> None:
        super().end()
        self._proxies.close()


class ProxiedLeader(Hosts):
    """All are on this machine; a scheduler that `through_proxy` starts reaches the database through a proxy."""

    def __init__(self, folder: Path, build: str = "", home: Path | None = None, **environment: str) -> None:
        super().__init__(folder, build, home, **environment)
        port = self.server.port
        self._proxies = contextlib.ExitStack()
        self.to_database = self._proxies.enter_context(tcp_proxy((self.server.address, port), ELSEWHERE, port))

    def through_proxy(self) -> subprocess.Popen[bytes]:
        return self.scheduler(PGHOSTADDR=ELSEWHERE)

    def end(self) -> None:
        super().end()
        self._proxies.close()


@dataclass(frozen=True)
class Cut:
    name: str
    of: Callable[[Any], AbstractContextManager[None]]
    """Breaks the network of that host in a rig while it is entered."""
    loses: bool = True
    """Whether what "one" runs is certainly lost."""
    spares: bool = False
    """Whether it certainly continues."""

    def __str__(self) -> str:
        return self.name

    @contextlib.contextmanager
    def on(self, rig: Hosts) -> Iterator[None]:
        count.injected(f"network: {self.name}")
        with self.of(rig):
            yield


@contextlib.contextmanager
def flapping(cut: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Break the network for a second and restore it for a second, repeatedly."""
    over = threading.Event()

    def flap() -> None:
        while not over.is_set():
            with cut():
                over.wait(1)
            over.wait(1)

    thread = threading.Thread(target=flap, name="flapping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


@contextlib.contextmanager
def _readdressed(rig: NamespacedHosts) -> Iterator[None]:
    """Half-open: the host is cut off, and returns with another address."""
    place = rig.subject
    with place.off():
        place.move(rig.network.address())
        yield


@contextlib.contextmanager
def _unanswered(*proxies: TcpProxy) -> Iterator[None]:
    """Half-open: existing connections get no answer, while new ones work."""
    for proxy in proxies:
        proxy.forget()
    yield


@contextlib.contextmanager
def _unacknowledged(rig: ProxiedLeader) -> Iterator[None]:
    """Half-open: existing connections get no answer and no acknowledgement."""
    rig.to_database.forget(unanswered=True)
    yield


@contextlib.contextmanager
def _both(rig: ProxiedHosts, **sides: bool) -> Iterator[None]:
    with rig.to_database.hanging(**sides), rig.to_redis.hanging(**sides):
        yield


OFF = Cut("silent", lambda rig: rig.subject.off())
CABLES = (
    OFF,
    Cut("what it says is lost", lambda rig: rig.subject.drop_outgoing()),
    Cut("what it is told is lost", lambda rig: rig.subject.drop_incoming()),
    Cut("it comes back elsewhere", _readdressed),
    Cut("flapping", lambda rig: flapping(rig.subject.off), loses=False),
)
HALF_OPEN = Cut("both half-open", lambda rig: _unanswered(rig.to_database, rig.to_redis))
WAYS = (
    HALF_OPEN,
    Cut("database silent", lambda rig: rig.to_database.hanging()),
    Cut("database hears nothing", lambda rig: rig.to_database.hanging(back=False)),
    Cut("database is not heard", lambda rig: rig.to_database.hanging(there=False)),
    Cut("database half-open", lambda rig: _unanswered(rig.to_database)),
    Cut("database flapping", lambda rig: flapping(rig.to_database.hanging), loses=False),
    Cut("Redis silent", lambda rig: rig.to_redis.hanging(), loses=False, spares=True),
    Cut("Redis hears nothing", lambda rig: rig.to_redis.hanging(back=False), loses=False, spares=True),
    Cut("Redis is not heard", lambda rig: rig.to_redis.hanging(there=False), loses=False, spares=True),
    Cut("Redis half-open", lambda rig: _unanswered(rig.to_redis), loses=False, spares=True),
    Cut("Redis flapping", lambda rig: flapping(rig.to_redis.hanging), loses=False, spares=True),
    Cut("both silent", _both),
    Cut("both flapping", lambda rig: flapping(lambda: _both(rig)), loses=False),
)
SILENT = Cut("leader cut off", lambda rig: rig.to_database.cut())
UNANSWERED = Cut("leader cut off from answers", lambda rig: rig.to_database.cut(there=False))
ALONE = (
    SILENT,
    Cut("leader half-open", _unacknowledged),
    Cut("leader flapping", lambda rig: flapping(rig.to_database.cut), loses=False),
)
HANGING = Cut("what is between leader and database stands still", lambda rig: rig.to_database.hanging())
"""A process in between is stopped, whose kernel acknowledges what both ends send."""


def some(cuts: Sequence[Cut], always: Sequence[Cut], name: str) -> list[Cut]:
    """Return those in `always` in the short form; in the long form all, repeatedly and in random order."""
    if not LONG:
        return list(always)
    chance = random.Random(seed(name))
    return [cut for _ in range(2) for cut in chance.sample(cuts, len(cuts))]
