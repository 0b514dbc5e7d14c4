"""`manage.py bench`: how fast this machine runs nodes, beside what it could do at best, and other measurements."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from tests.bench import direct, documents, floor, http, parts

DIRECT = (("chain of 100", 1, 100), ("10 x 50", 10, 50), ("100 x 50", 100, 50))
KINDS = ("noop", "python")
NODES = "nodes"
INSIDE = (NODES, "celery", "recovery")
"""Parts that start runs themselves, in the database of --database."""
DATABASE_HELP = (
    "A DATABASE_URL of PostgreSQL. nodes, celery and recovery use that database; the other parts create "
    "temporary databases on its server."
)
RUNS_HELP = "For history: create about this many finished runs instead of 1,000,000 finished node runs."
KEEP_HELP = (
    "For history with --database: create the history in the database of this name, or use the one that is there."
)
HTTP_RUNS = 1000


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Measure no-op and Python nodes (return 1): a chain of 100, 10 x 50, 100 x 50, and 1,000 runs of 5 nodes "
        "submitted over HTTP by 8 clients. Medians of 5, beside the raw floor: bare pipes to two processes and "
        "SQLite group commits with synchronous=FULL. `bench page` measures the live page of a run, and the editor, in "
        "Chromium. Runs in a temporary home; yours is not touched."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "part",
            nargs="?",
            default=NODES,
            choices=[NODES, *parts.names()],
            help="What to measure: nodes, or another part.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object on stdout instead of the table.")
        parser.add_argument("--repeat", type=int, default=5, help="Measurements per case; the median counts.")
        parser.add_argument("--only", action="append", default=[], help="Only cases whose name contains this text.")
        parser.add_argument("--no-http", action="store_true", help="Skip the case over HTTP.")
        parser.add_argument("--minutes", type=float, default=3, help="Minutes of the page's memory measurement.")
        parser.add_argument("--database", default="", help=DATABASE_HELP)
        parser.add_argument("--runs", type=int, default=0, help=RUNS_HELP)
        parser.add_argument("--keep", default="", metavar="NAME", help=KEEP_HELP)
        parser.add_argument("--inside", default="", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["repeat"] < 1:
            raise CommandError("--repeat must be 1 or more.")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)
        if not options["inside"]:
            self._outside(options)
            return
        if options["part"] != NODES:
            self._part(options)
            return
        results = self._measure(Path(options["inside"]), options)
        report = {"machine": floor.describe(), "repeat": options["repeat"], "cases": results}
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=1))
        else:
            self._table(report)

    def _outside(self, options: dict[str, Any]) -> None:
        """Run the command again in a process with a temporary home."""
        folder = Path(tempfile.mkdtemp(prefix="interlock-bench-"))
        keep = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
        # Without bytecode, every started process would compile the product again.
        keep.pop("PYTHONDONTWRITEBYTECODE", None)
        database = options["database"]
        keep.update(INTERLOCK_HOME=str(folder / "home"), DATABASE_URL=database if options["part"] in INSIDE else "")
        (folder / "home").mkdir(mode=0o700)
        keep["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
        command = [sys.executable, "-m", "django", "bench", options["part"], "--inside", str(folder)]
        command += ["--repeat", str(options["repeat"]), "--minutes", str(options["minutes"])]
        command += ["--database", database] if database else []
        command += ["--runs", str(options["runs"]), "--keep", options["keep"]]
        for text in options["only"]:
            command += ["--only", text]
        command += [flag for flag, name in (("--json", "json"), ("--no-http", "no_http")) if options[name]]
        process = subprocess.Popen(command, env=keep, cwd=settings.BASE_DIR)
        try:
            code = process.wait()
        finally:
            # It has to stop the products that it started.
            process.terminate()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
        if code:
            raise CommandError("The measurement failed; see above.")

    def _part(self, options: dict[str, Any]) -> None:
        part = parts.find(options["part"])
        if options["database"] and not parts.supports_postgresql(part):
            raise CommandError(f"The part {options['part']} measures on SQLite only; omit --database.")
        part_options = parts.Options(
            folder=Path(options["inside"]),
            repeat=options["repeat"],
            only=options["only"],
            minutes=options["minutes"],
            database=options["database"],
            runs=options["runs"],
            keep=options["keep"],
            progress=lambda text: print(text, file=sys.stderr, flush=True),
        )
        try:
            report = part.measure(part_options)
        except parts.Missing as error:
            raise CommandError(str(error)) from None
        report = {"machine": floor.describe(), "repeat": options["repeat"], **report}
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else "\n".join(part.lines(report)))

    def _measure(self, folder: Path, options: dict[str, Any]) -> list[dict[str, Any]]:
        def wanted(name: str) -> bool:
            return not options["only"] or any(text in name for text in options["only"])

        results = []
        ground = floor.Floor(folder)
        try:
            with self._scheduler() as started:
                for kind in KINDS:
                    for name, width, depth in DIRECT:
                        if wanted(f"{kind}: {name}"):
                            next(started)
                            results.append(self._direct(ground, kind, name, width, depth, options["repeat"]))
            if not options["no_http"]:
                for kind in KINDS:
                    name = f"{kind}: {HTTP_RUNS:,} runs of 5 over HTTP"
                    if wanted(name):
                        results.append(self._http(folder / f"http-{kind}", ground, kind, name, options["repeat"]))
        finally:
            ground.close()
        return results

    @contextlib.contextmanager
    def _scheduler(self) -> Iterator[Iterator[None]]:
        """Yield an iterator whose first `next` starts the scheduler."""
        running: list[direct.SchedulerProcess] = []

        def start() -> Iterator[None]:
            call_command("migrate", verbosity=0, skip_checks=True)
            running.append(direct.SchedulerProcess())
            while True:
                yield

        try:
            yield start()
        finally:
            for process in running:
                process.stop()

    def _direct(self, ground: floor.Floor, kind: str, name: str, width: int, depth: int, repeat: int) -> dict[str, Any]:
        document = documents.chains(width, depth, kind)
        slug = f"bench-{kind}-{width}-{depth}"
        nodes = width * depth
        direct.measure(document, slug)
        seconds, floors = [], []
        for _ in range(repeat):
            floors.append(ground.hops(nodes) if width == 1 else ground.batches(nodes))
            seconds.append(direct.measure(document, slug))
        return _result(f"{kind}: {name}", nodes, seconds, floors)

    def _http(self, home: Path, ground: floor.Floor, kind: str, name: str, repeat: int) -> dict[str, Any]:
        product = http.Product(home)
        try:
            http.prepare(product, documents.five(kind))
            http.measure(product, HTTP_RUNS // 10)
            floors: list[float] = []
            found: list[http.Submitted] = []
            for _ in range(repeat):
                floors.append(ground.batches(HTTP_RUNS * 5))
                found.append(http.measure(product, HTTP_RUNS))
        finally:
            product.stop()
        result = _result(name, HTTP_RUNS * 5, [one.ended for one in found], floors)
        result["accepted_seconds"] = statistics.median(one.accepted for one in found)
        latencies = sorted(seconds for one in found for seconds in one.requests)
        result["runs_per_second"] = HTTP_RUNS / result["seconds"]
        result["request_ms"] = {
            "median": statistics.median(latencies) * 1000,
            "p95": latencies[int(len(latencies) * 0.95)] * 1000,
        }
        return result

    def _table(self, report: dict[str, Any]) -> None:
        machine = report["machine"]
        self.stdout.write(
            f"Python {machine['python']}, SQLite {machine['sqlite']}, {machine['cores']} cores; "
            f"medians of {report['repeat']}; every attempt through a node process and back, stored, synchronous=FULL"
        )
        self.stdout.write(f"{'':36}{'nodes/s':>10}{'ms/node':>10}{'floor/s':>10}{'floor ms':>10}{'ratio':>8}")
        for case in report["cases"]:
            self.stdout.write(
                f"{case['name']:36}{case['nodes_per_second']:>10,.0f}{case['ms_per_node']:>10.2f}"
                f"{case['floor']['nodes_per_second']:>10,.0f}{case['floor']['ms_per_node']:>10.2f}{case['ratio']:>8.2f}"
            )
            if "request_ms" in case:
                self.stdout.write(
                    f"{'':4}{case['runs_per_second']:,.0f} runs/s; accepted after {case['accepted_seconds']:.1f} s, "
                    f"ended after {case['seconds']:.1f} s; a request takes "
                    f"{case['request_ms']['median']:.1f} ms, 95 % at most {case['request_ms']['p95']:.1f} ms"
                )


def _leave(number: int, frame: Any) -> None:
    """Exit through every `finally`, which stops what was started. Further signals are ignored."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _result(name: str, nodes: int, seconds: list[float], floors: list[float]) -> dict[str, Any]:
    """Return one case: medians, and their ratio to the floor."""
    took, least = statistics.median(seconds), statistics.median(floors)
    return {
        "name": name,
        "nodes": nodes,
        "seconds": took,
        "all_seconds": seconds,
        "nodes_per_second": nodes / took,
        "ms_per_node": took / nodes * 1000,
        "floor": {"seconds": least, "nodes_per_second": nodes / least, "ms_per_node": least / nodes * 1000},
        "ratio": took / least,
    }
