"""`manage.py scheduler`: runs the scheduler and its supervisor alone, in the foreground."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from engine.database import schema
from engine.errors import LostLeadership
from engine.executors.factory import executor_of
from engine.scheduler.loop import DRAIN_SECONDS, Scheduler
from engine.supervisor.waker import Waker


class Signal:
    """A flag that a handler sets and a waker that ends the loop's wait: a handler may do no more, for an exception
    raised in it could break a COMMIT half way."""

    def __init__(self) -> None:
        self.count = 0
        self.waker = Waker()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.waker.wake()

    def is_set(self) -> bool:
        return self.count > 0


class Hurry:
    """Set by the second signal: end at once."""

    def __init__(self, signals: Signal) -> None:
        self.signals = signals

    def is_set(self) -> bool:
        return self.signals.count > 1


class Command(BaseCommand):
    requires_system_checks = ()
    help = "Run the scheduler alone (part of `up`). One leads; a second one waits until the first has ended."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Signal()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop.on_signal)
        config = settings.INTERLOCK
        config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            schema.require()
        except schema.SchemaError as error:
            raise CommandError(str(error)) from error
        if config.redis_url:
            from engine.hints import check

            if found := check.find_problem(config):
                # It works without; who takes over while Redis is away must not wait for it.
                self.stderr.write(f"{found} Until then others look into the database each second.")
        executor = executor_of(config)
        executor.watch(stop.waker, stop.waker.drain)
        scheduler = Scheduler(config, executor)
        try:
            scheduler.run_forever(stop, drain_seconds=DRAIN_SECONDS, hurry=Hurry(stop))
        except LostLeadership as error:
            raise CommandError(str(error)) from error
