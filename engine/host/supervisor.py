"""The supervisor of a host, which reads what nodes print no faster than it can be told."""

from __future__ import annotations

import selectors
from functools import partial

from engine.config import Config
from engine.supervisor.process import NodeProcess
from engine.supervisor.supervisor import Supervisor


class HostSupervisor(Supervisor):
    """One of several that share a folder of artifacts: what lies there half written may be another's."""

    alone = False

    def __init__(self, config: Config, *, worker: str, lease: int) -> None:
        super().__init__(config, worker=worker)
        self.lease = lease
        self._hears = True

    def hear(self, wanted: bool) -> None:
        """Read what node processes print, or leave it where it is: they wait then."""
        if wanted == self._hears:
            return
        self._hears = wanted
        for process in self._processes:
            self._hear_streams(process)

    def _hear_streams(self, process: NodeProcess) -> None:
        for stream, descriptor in enumerate((process.stdout, process.stderr)):
            if not self._hears:
                self._unwatch(descriptor)
            elif descriptor in process.open_pipes:
                self.selector.register(descriptor, selectors.EVENT_READ, partial(self._on_stream, process, stream))

    def _spawn(self, key: str) -> NodeProcess:
        process = super()._spawn(key)
        if not self._hears:
            self._hear_streams(process)
        return process

    def _hand_on_tails(self) -> None:
        if self._hears or self._stopping:
            super()._hand_on_tails()
