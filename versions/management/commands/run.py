"""`run FILE|SLUG`: run a definition or workflow to its end in the terminal."""

import json
import logging
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from engine import hints
from engine.actions import runs
from engine.database import schema
from engine.definition import inputs, parse
from engine.errors import InterlockError, InvalidInputs, LostLeadership
from engine.models import Run
from engine.problems import InvalidDocument, Problem
from engine.reads import events, node_runs, queries
from engine.states import RUN_TERMINAL
from versions import queries as versions_queries
from versions.actions.launch import launch
from versions.definition_file import UnreadableFile, looks_like_file, read
from versions.errors import VersionsError
from versions.management.commands.validate import line_of
from versions.models import Workflow
from versions.terminal import View, screen_for

BY: Final = "terminal"
EXIT_CODES: Final = {"succeeded": 0, "failed": 1, "cancelled": 3, "timed_out": 4}
REFUSED: Final = 2
LEFT: Final = 130
POLL_SECONDS: Final = 0.1
DRAIN_SECONDS: Final = 5.0


class Command(BaseCommand):
    help = (
        "Run a definition (a JSON file) or a workflow's live version (by slug) to the end and show its progress. Uses "
        "the running `up` of this home if there is one, else a scheduler of its own. Ctrl-C cancels the run, a second "
        "one leaves. Exit code 0: succeeded; 1: failed; 2: not started; 3: cancelled; 4: timed out; 130: left."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "target", metavar="FILE|SLUG", help="a definition file (- for standard input), or a workflow"
        )
        parser.add_argument(
            "--input",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an input of the run; the value is JSON, or text if the input is a string",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Messages of the scheduler are not about this run.
        logging.getLogger("interlock").setLevel(logging.WARNING)
        given = _pairs(options["input"])
        target = str(options["target"])
        try:
            schema.migrate()
            run = _from_file(target, given) if looks_like_file(target) else _from_workflow(target, given)
        except UnreadableFile as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except InvalidDocument as error:
            raise _refusal(f"{target} is not valid:", error.problems) from None
        except InvalidInputs as error:
            raise _refusal("Invalid inputs:", error.problems) from None
        except (schema.SchemaError, InterlockError, VersionsError) as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        sys.exit(_Follower(run).follow())


def _refusal(title: str, problems: Sequence[Problem]) -> CommandError:
    return CommandError("\n".join([title, *(f"  {line_of(problem)}" for problem in problems)]), returncode=REFUSED)


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f'--input must be NAME=VALUE, not "{text}".', returncode=REFUSED)
        pairs[name] = value
    return pairs


def _parse_values(input_schema: Mapping[str, Any] | None, given: Mapping[str, str]) -> dict[str, Any]:
    """Convert the given texts to values: JSON, unless the input is a string or the text is not JSON."""
    properties = (input_schema or {}).get("properties") or {}
    values: dict[str, Any] = {}
    for name, text in given.items():
        wanted = properties.get(name, {}).get("type") if isinstance(properties.get(name), dict) else None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        takes_text = wanted == "string" or (isinstance(wanted, list) and "string" in wanted)
        values[name] = text if takes_text and not (value is None and isinstance(wanted, list)) else value
    return values


def _from_file(name: str, given: Mapping[str, str]) -> Run:
    """Start a run of the definition in a file. Raises UnreadableFile, InvalidDocument, InvalidInputs."""
    document = read(name)
    parsed = parse(document, pools=versions_queries.pool_sizes())
    label = (Path(name).stem if name != "-" else "standard-input")[:80] or "file"
    accepted, problems = inputs.accept(parsed.inputs, _parse_values(parsed.inputs, given))
    if problems:
        raise InvalidInputs(problems)
    definition = runs.store_definition(document)
    # Marked as a draft run: it has no version, and does not count for a workflow with the same slug.
    return runs.start(definition, workflow=label, draft=True, inputs=accepted, by=BY)


def _from_workflow(slug: str, given: Mapping[str, str]) -> Run:
    workflow = Workflow.objects.filter(slug=slug).first()
    if workflow is None:
        slugs = ", ".join(
            Workflow.objects.filter(archived_at=None).order_by("slug").values_list("slug", flat=True)[:20]
        )
        hint = f" Workflows: {slugs}." if slugs else " There are no workflows yet; `up` installs two samples."
        raise CommandError(f'No workflow or file named "{slug}".{hint}', returncode=REFUSED)
    live = versions_queries.live_deployment(workflow)
    input_schema = versions_queries.document_of(live.version).get("inputs") if live is not None else None
    return launch(workflow, inputs=_parse_values(input_schema, given), by=BY)


def _scheduler_runs() -> bool:
    """Return whether another scheduler runs, in this home or elsewhere on the same database."""
    config = settings.INTERLOCK
    # Over Redis, a scheduler is not reachable while Redis is down.
    shared = connection.vendor != "sqlite" or bool(config.redis_url)
    return hints.reachable(config) or (shared and queries.scheduler_alive())


class _OwnScheduler:
    """A scheduler in this process, for a home without a running one."""

    def __init__(self) -> None:
        self._stop, self._at_once = threading.Event(), threading.Event()
        self.failed: BaseException | None = None
        # The node processes die with the thread that starts them, so it lives until all of them have ended.
        self._thread = threading.Thread(target=self._run, name="scheduler")
        self._thread.start()

    def _run(self) -> None:
        from engine.scheduler.loop import Scheduler
        from engine.supervisor.supervisor import Supervisor

        try:
            config = settings.INTERLOCK
            scheduler = Scheduler(config, Supervisor(config))
            scheduler.run_forever(self._stop, drain_seconds=DRAIN_SECONDS, force=self._at_once)
        except LostLeadership:
            pass  # An `up` was started; the run continues there.
        except BaseException as error:
            self.failed = error
        finally:
            connection.close()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the scheduler. Other runs that it worked on go back to ready."""
        if at_once:
            self._at_once.set()
        self._stop.set()
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()


class _Follower:
    """Shows one run until it ends."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.own: _OwnScheduler | None = None
        self._interrupts = 0
        self._checked_at = time.monotonic()

    def follow(self) -> int:
        """Follow the run to its end. Return the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)
        if not _scheduler_runs():
            self.own = _OwnScheduler()
        try:
            code = self._watch()
        except DatabaseError as error:
            raise CommandError(
                f"Lost the connection to the database: {error}. The run continues as soon as a scheduler runs."
            ) from None
        finally:
            if self.own is not None:
                self.own.stop(at_once=True)
        # Do not wait for threads of libraries.
        sys.stdout.flush()
        return code

    def _interrupt(self, number: int, frame: object) -> None:
        self._interrupts += 1

    def _watch(self) -> int:
        run = self.run
        seq, cancelled = 0, False
        view = View(queries.run_dict(run), {node["node"]: node for node in node_runs.node_runs(run)})
        screen = screen_for(view)
        screen.open()
        try:
            if self.own is None:
                screen.say(f"Run {run.pk} is executed by the Interlock running in {settings.INTERLOCK.home}.")
            while True:
                found, seq = events.read(run.pk, seq, limit=2000)
                screen.show(found)
                if view.run["state"] in RUN_TERMINAL and not found:
                    break
                if self._interrupts and not cancelled:
                    cancelled = True
                    screen.say("Cancelling the run. Press Ctrl-C again to leave at once.")
                    self._cancel()
                if self._interrupts > 1:
                    screen.say(f"Left. Cancellation of run {run.pk} was requested.")
                    return LEFT
                self._check_scheduler(screen.say)
                if not found:
                    time.sleep(POLL_SECONDS)
        finally:
            screen.close()
        screen.summary()
        return EXIT_CODES.get(view.run["state"], 1)

    def _cancel(self) -> None:
        try:
            runs.cancel(self.run, by=BY)
        except InterlockError:
            pass  # It has ended meanwhile; the next events show that.

    def _check_scheduler(self, say: Any) -> None:
        """Start a scheduler if the other one has stopped; fail if our own has failed."""
        now = time.monotonic()
        if now - self._checked_at < 1:
            return
        self._checked_at = now
        if self.own is not None and not self.own.alive:
            if self.own.failed is not None:
                raise CommandError(f"The scheduler failed: {self.own.failed!r}. Start `up` to continue the run.")
            self.own = None
        if self.own is None and not _scheduler_runs() and not queries.scheduler_alive():
            say("The running Interlock has stopped. Continuing without it.")
            self.own = _OwnScheduler()
