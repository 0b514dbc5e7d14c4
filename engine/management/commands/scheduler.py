"""`manage.py scheduler`: runs the scheduler and its supervisor alone, in the foreground."""

import signal
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from engine.database import schema
from engine.errors import LostLeadership
from engine.executors.factory import executor_of
from engine.scheduler.loop import Scheduler
from engine.supervisor.waker import Waker


class StopSignals:
    """Counts SIGTERM and SIGINT and wakes the loop. A handler may do no more: an exception raised in it could interrupt
    a COMMIT half-way."""

    def __init__(self) -> None:
        self.count = 0
        self.waker = Waker()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.waker.wake()


class Received:
    """A flag that is set when at least `count` signals have come."""

    def __init__(self, signals: StopSignals, count: int) -> None:
        self.signals, self.count = signals, count

    def is_set(self) -> bool:
        return self.signals.count >= self.count


class Command(BaseCommand):
    requires_system_checks = ()
    help = "Run the scheduler alone (part of `up`). One leads; a second one waits until the first has ended."

    def handle(self, *args: Any, **options: Any) -> None:
        signals = StopSignals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signals.on_signal)
        config = settings.INTERLOCK
        config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            schema.require()
        except schema.SchemaError as error:
            raise CommandError(str(error)) from error
        if config.redis_url:
            from engine.hints import check

            if problem := check.find_problem(config):
                # It works without Redis; who takes over while Redis is away must not wait for it.
                self.stderr.write(f"{problem} Until then other processes look into the database every second.")
        executor = executor_of(config)
        executor.watch(signals.waker, signals.waker.drain)
        scheduler = Scheduler(config, executor)
        try:
            scheduler.run_forever(Received(signals, 1), force=Received(signals, 2))
        except LostLeadership as error:
            raise CommandError(str(error)) from error
