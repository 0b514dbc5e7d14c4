"""The overview: whether everything is all right, and if not, what to do."""

import json
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cachetools import LRUCache
from django.conf import settings
from django.db import connection
from django.db.models import CharField, Count, Exists, Max, OuterRef
from django.db.models.functions import Substr, TruncSecond
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.access import Right
from dashboard.pages import strips
from dashboard.pages.base import page, render
from dashboard.pages.run_facts import names_of
from dashboard.presenters import amounts
from dashboard.presenters.sentences import error_sentence, sentence_text
from dashboard.presenters.states import progress_counts
from dashboard.samples import SAMPLES
from engine import clock
from engine.diagnosis.diagnose import diagnose
from engine.models import Attempt, Definition, NodeRun, Run
from engine.models.conditions import unfinished_nodes, unfinished_runs
from engine.policy import stuck_after
from engine.reads import queries
from versions import queries as versions_queries
from versions.models import Deployment, Workflow

NEEDS_MAX = 10
STUCK_MAX = 5
NOW_MAX = 12
WORKFLOWS_MAX = 50


@require_safe
@page(Right.VIEW)
def overview(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    workflows = list(Workflow.objects.filter(archived_at=None).order_by("name", "id"))
    recent = _most_active(workflows)
    history = strips.of_workflows([workflow.slug for workflow in recent], 50)
    shapes = versions_queries.workflow_dicts(recent)
    running = list(unfinished_runs().order_by("-id").defer("inputs", "altered")[: NOW_MAX + 1])
    names = {workflow.slug: workflow.name for workflow in workflows}
    names |= names_of(run.workflow for run in running if run.workflow not in names)
    stuck = stuck_nodes(now)
    context = {
        "nav": "overview",
        "figures": figures(now, stuck),
        "needs": [*stuck_needs(stuck, names), *needs_you(names)],
        "running": [_now(run, names, {one.run for one in stuck}) for run in running[:NOW_MAX]],
        "more_running": len(running) > NOW_MAX,
        "rows": [{**shape, "history": history[shape["slug"]]} for shape in shapes],
        "left_out": len(workflows) - len(recent),
        "fresh": not any(one.runs for one in history.values()) and not running,
        "samples": _samples(names),
    }
    return render(request, "overview/index.html", context)


def _most_active(workflows: Sequence[Workflow]) -> list[Workflow]:
    """Return all workflows if there are few; else those with the newest runs, by name."""
    if len(workflows) <= WORKFLOWS_MAX:
        return list(workflows)
    slugs = list(dict.fromkeys(Run.objects.order_by("-id").values_list("workflow", flat=True)[:2000]))
    wanted = set(slugs[:WORKFLOWS_MAX])
    return [workflow for workflow in workflows if workflow.slug in wanted]


def _samples(names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return (slug, name, description) of the samples that still exist, the first one to try first."""
    return [(slug, names[slug], description) for slug, _name, description in reversed(SAMPLES) if slug in names]


def _now(run: Run, names: Mapping[str, str], stuck: Collection[int]) -> dict[str, Any]:
    done, whole = progress_counts(run.counts)
    return {
        "id": run.pk,
        "name": names.get(run.workflow, run.workflow),
        "state": "stuck" if run.pk in stuck else run.state,
        "done": done,
        "whole": whole or 1,
        "started_at": run.started_at or run.created_at,
    }


# Figures


def figures(now: datetime, stuck: Sequence["StuckNode"]) -> dict[str, Any]:
    """Return the five figures at the top, with the line below each."""
    counted = queries.counters()
    oldest = unfinished_runs().filter(state="queued").order_by("id").values_list("created_at", flat=True).first()
    ended = counted["succeeded_today"] + counted["failed_today"] + counted["cancelled_today"]
    rate, points = nodes_a_minute()
    return {
        "running": counted["nodes_running"],
        "slots": settings.INTERLOCK.processes,
        "runs_running": counted["runs_running"],
        "queued": counted["runs_queued"] + counted["nodes_ready"],
        "runs_queued": counted["runs_queued"],
        "oldest": oldest,
        "stuck": len(stuck),
        "stuck_since": min((one.since for one in stuck), default=None),
        "failed": counted["failed_today"],
        "ended": ended,
        "failed_share": amounts.percent(counted["failed_today"], ended),
        "rate": rate,
        "points": points,
        "scheduler": counted["scheduler"],
    }


class StuckNode(NamedTuple):
    """A node that is stuck."""

    since: datetime
    run: int
    node: str


def stuck_nodes(now: datetime) -> list[StuckNode]:
    """Return the stuck nodes (see engine.policy), the longest first."""
    running = unfinished_nodes().filter(state="running", item=-1, expected__isnull=False, started_at__isnull=False)
    found = []
    for run, node, started_at, expected, expected_from in running.values_list(
        "run_id", "node", "started_at", "expected", "expected_from"
    )[:5000]:
        limit = stuck_after(expected, expected_from)
        if started_at and limit is not None and (now - started_at).total_seconds() > limit:
            found.append(StuckNode(started_at + timedelta(seconds=limit), run, node))
    return sorted(found)


def stuck_runs() -> set[int]:
    """Return the runs with a stuck node."""
    return {one.run for one in stuck_nodes(clock.now())}


MINUTES = 15
ATTEMPTS_READ = 10_000
_rate: tuple[float, int, str] = (float("-inf"), 0, "")


def nodes_a_minute() -> tuple[int, str]:
    """Return how many attempts ended in the last minute, and the points of a chart of the last 15 minutes.

    Only the newest attempts are counted, so that a long history costs nothing. Computed at most every two seconds per
    process.
    """
    global _rate
    now_seconds = time.monotonic()
    if now_seconds - _rate[0] < 2:
        return _rate[1], _rate[2]
    now = clock.now()
    newest = Attempt.objects.order_by("-id").values_list("id", flat=True).first() or 0
    among = Attempt.objects.filter(pk__gt=newest - ATTEMPTS_READ, finished_at__gte=now - timedelta(minutes=MINUTES))
    # Count per second in the database: reading 20,000 times into Python takes longer than the rest of the page. The
    # expression that is fast in one database (times are text in SQLite) is several times slower in the other.
    second: Any = Substr("finished_at", 1, 19, output_field=CharField())
    if connection.vendor == "postgresql":
        second = TruncSecond("finished_at", tzinfo=UTC)
    counted = among.order_by().annotate(second=second).values_list("second").annotate(Count("id"))
    ages = [((now - _moment(at)).total_seconds(), n) for at, n in counted]
    last = sum(n for age, n in ages if age < 60)
    reach = max((age for age, _n in ages), default=0.0)
    if newest > ATTEMPTS_READ and reach < 60:
        # The newest attempts cover less than a minute: extrapolate.
        last = round(last * 60 / max(1.0, reach))
    buckets = [0] * MINUTES
    for age, n in ages:
        buckets[MINUTES - 1 - min(MINUTES - 1, int(age // 60))] += n
    top = max(buckets) or 1
    points = " ".join(f"{round(150 * n / (MINUTES - 1))},{15 - round(14 * k / top)}" for n, k in enumerate(buckets))
    _rate = (now_seconds, last, points)
    return last, points


def _moment(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at


@dataclass(slots=True)
class Need:
    """Something that needs a person's attention."""

    run: Run
    name: str
    about: str
    """`v7, first run of this version`."""
    cause: str
    node: str
    roll_back_to: int | None
    primary: bool = False
    """Whether rolling back is the page's primary action."""
    stuck: bool = False
    """Whether it still runs, with `node` stuck."""

    @property
    def state(self) -> str:
        return "stuck" if self.stuck else self.run.state


def stuck_needs(stuck: Sequence[StuckNode], names: Mapping[str, str]) -> list[Need]:
    """Return the runs with a stuck node, the longest first, with the cause. Limited, because each run is diagnosed."""
    first: dict[int, StuckNode] = {}
    for one in stuck:
        first.setdefault(one.run, one)
    wanted = list(first.values())[:STUCK_MAX]
    runs = Run.objects.in_bulk([one.run for one in wanted])
    needs = []
    for one in wanted:
        run = runs.get(one.run)
        if run is None:
            continue
        finding = next(iter(diagnose(run, node=one.node).of(one.node)), None)
        about = _("run {id}").format(id=run.pk)
        about += " · " + _("draft") if run.draft else f" · v{run.version}" if run.version else ""
        name = names.get(run.workflow, run.workflow)
        # In the first moment its stacks are not captured yet.
        cause = sentence_text(finding.message) if finding else _("{node} is taking too long").format(node=one.node)
        needs.append(Need(run, name, about, cause, one.node, None, stuck=True))
    return needs


def needs_you(names: dict[str, str]) -> list[Need]:
    """Return the workflows whose newest ended run failed, the last failure first, with cause and remedy."""
    newest: dict[str, int] = {}
    for run_id, slug in queries.runs(states=strips.FAILED, draft=False).values_list("pk", "workflow")[:200]:
        if slug in names:
            newest.setdefault(slug, run_id)
    # The database searches from the newest run and stops at the first match.
    better = Run.objects.filter(
        workflow=OuterRef("workflow"), pk__gt=OuterRef("pk"), state="succeeded", draft=False, targets=None
    )
    failed = list(Run.objects.filter(~Exists(better), pk__in=newest.values()).order_by("-finished_at")[:NEEDS_MAX])
    if not failed:
        return []
    first = _first_failures(failed)
    node_names = _node_names(run.definition_id for run in failed)
    earlier = _rollback_targets(failed)
    tried = strips.tallies((run.workflow, run.version) for run in failed)
    never = _never_succeeded(failed, tried)
    needs = []
    for run in failed:
        node = first.get(run.pk)
        name = node_names.get(run.definition_id, {}).get(node.node, node.node) if node else ""
        began = (run.workflow, run.version) in never
        target = earlier.get(run.workflow) if began else None
        about = _("run {id}").format(id=run.pk) + (f" · v{run.version}" if run.version else "")
        ended = tried[run.workflow, run.version].ended if began else 0
        if ended == 1:
            about += _(", first run of this version")
        elif ended > 1:
            about += _(", none of its {n} runs succeeded").format(n=amounts.count_to(ended, strips.TALLIED_RUNS_MAX))
        needs.append(
            Need(
                run=run,
                name=names.get(run.workflow, run.workflow),
                about=about,
                cause=error_sentence(node.error, name)
                if node
                else (_("timed out") if run.state == "timed_out" else _("failed")),
                node=node.node if node else "",
                roll_back_to=target[1] if target and target[0] == run.version else None,
            )
        )
    first_way_back = next((need for need in needs if need.roll_back_to), None)
    if first_way_back:
        first_way_back.primary = True
    return needs


def _first_failures(runs: Sequence[Run]) -> dict[int, NodeRun]:
    rows = NodeRun.objects.filter(run__in=[run.pk for run in runs], state__in=strips.FAILED).only(
        "run_id", "node", "state", "error", "finished_at"
    )
    found: dict[int, NodeRun] = {}
    for row in rows.order_by("finished_at", "id")[: 50 * len(runs)]:
        found.setdefault(row.run_id, row)
    return found


_names_cache: LRUCache[int, dict[str, str]] = LRUCache(200)
_names_lock = threading.Lock()


def _node_names(definitions: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return {definition: {node: name}}. Definitions never change, so their names are cached."""
    wanted = set(definitions)
    with _names_lock:
        found = {key: _names_cache[key] for key in wanted if key in _names_cache}
    missing = wanted - found.keys()
    if missing:
        read = {
            key: {node["id"]: node.get("name") or node["id"] for node in json.loads(text)["nodes"]}
            for key, text in Definition.objects.filter(pk__in=missing).values_list("pk", "document")
        }
        with _names_lock:
            _names_cache.update(read)
        found |= read
    return found


def _rollback_targets(runs: Sequence[Run]) -> dict[str, tuple[int, int]]:
    """Return {slug: (live version, version that was live before it)} where there is one."""
    slugs = [run.workflow for run in runs]
    live = {
        row.workflow_id: row
        for row in Deployment.objects.filter(workflow__slug__in=slugs, state="live").select_related(
            "version", "workflow"
        )
    }
    before = dict(
        Deployment.objects.filter(workflow__in=list(live), state="replaced")
        .values_list("workflow")
        .annotate(Max("id"))
        .order_by()
    )
    numbers = dict(Deployment.objects.filter(pk__in=before.values()).values_list("workflow", "version__number"))
    return {
        row.workflow.slug: (row.version.number, numbers[key])
        for key, row in live.items()
        if key in numbers and numbers[key] != row.version.number
    }


def _never_succeeded(
    runs: Sequence[Run], tried: Mapping[tuple[str, int | None], strips.Tally]
) -> set[tuple[str, int | None]]:
    """Return the (slug, version) of these runs without any successful run."""
    never = {key for key, tally in tried.items() if not tally.succeeded}
    # Not all runs of these versions were tallied.
    many = {key for key in never if tried[key].runs > strips.TALLIED_RUNS_MAX}
    older = [run.pk for run in runs if (run.workflow, run.version) in many]
    if older:
        good = Run.objects.filter(workflow=OuterRef("workflow"), version=OuterRef("version"), state="succeeded")
        never -= set(Run.objects.filter(Exists(good), pk__in=older).values_list("workflow", "version"))
    return never
