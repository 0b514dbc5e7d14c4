"""The engine's diagnosis, plus rolling back if a failure began with the live version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.clock import iso
from engine.diagnosis import diagnose as engine_diagnosis
from engine.diagnosis.finding import Action, Diagnosis, Evidence, Finding
from engine.diagnosis.wording import clock_time, cut
from engine.models import Run
from engine.models.runs import RUN_UNFINISHED
from engine.sentences import Sentence, gettext_noop
from versions import queries
from versions.models import Workflow

RUNS_MAX = 50
"""How many of a version's newest runs are examined."""
REASON_MAX = 500
FAILED = ("failed", "timed_out")

_FAILING_SINCE = gettext_noop("Failing since v{version}; v{before} worked.")
_SUCCEEDED = gettext_noop("v{version} succeeded in its last {n} runs")
_SUCCEEDED_ONE = gettext_noop("v{version} succeeded in its last run")
_FAILED = gettext_noop("v{version} failed in {n} of {all} runs")
_LIVE = gettext_noop("v{version} has been live since {time}, deployed by {by}")
_ROLL_BACK = gettext_noop("Roll back to v{version}")
_REASON = gettext_noop("v{version} has been failing since run {run}: {cause}")


@dataclass(frozen=True, slots=True)
class VersionHistory:
    """The runs of a failed run's version and of the version that was live before it."""

    slug: str
    version: int
    before: int
    failed: int
    """Failed runs among the newest `ended` runs of `version`."""
    ended: int
    succeeded: int
    """Successful runs of `before` in a row, newest first."""
    first_failed: int
    """Id of the first failed run."""
    live_since: datetime
    by: str
    last_good: datetime | None


def diagnose(run: Run, *, node: str | None = None) -> Diagnosis:
    """Diagnose `run` (see engine.diagnosis); add a rollback if its version is to blame. Raises NotFound."""
    found = engine_diagnosis.diagnose(run, node=node)
    place = next((index for index, one in enumerate(found.findings) if one.code.startswith("failed_")), None)
    if place is None:
        return found
    history = _history(run)
    if history is None:
        return found
    failure = found.findings[place]
    # The failure says what is wrong. Its remedy comes next.
    findings = [*found.findings[: place + 1], rollback(history, run.pk, failure), *found.findings[place + 1 :]]
    return replace(found, findings=findings)


def rollback(history: VersionHistory, run: int, failure: Finding) -> Finding:
    """Return the finding that a failure began with a version, with the action to roll back. Pure."""
    one = history.succeeded == 1
    before = Sentence(_SUCCEEDED_ONE if one else _SUCCEEDED, {"version": history.before, "n": history.succeeded})
    runs = Sentence(_FAILED, {"version": history.version, "n": history.failed, "all": history.ended})
    message = Sentence(_FAILING_SINCE, {"version": history.version, "before": history.before})
    reason = Sentence(
        _REASON, {"version": history.version, "run": history.first_failed, "cause": cut(str(failure.message), 300)}
    )
    action = Action(
        Sentence(_ROLL_BACK, {"version": history.before}),
        "POST",
        f"/api/v1/workflows/{history.slug}/rollback/",
        {"version": history.before, "reason": cut(str(reason), REASON_MAX)},
    )
    live = Sentence(_LIVE, {"version": history.version, "time": clock_time(history.live_since), "by": history.by})
    evidence = [
        Evidence("history", runs, history.failed, "runs", None, iso(history.live_since)),
        Evidence(
            "history", before, history.succeeded, "runs", None, iso(history.last_good) if history.last_good else None
        ),
        Evidence("history", live, history.version, None, None, iso(history.live_since)),
    ]
    return Finding("began_with_version", message, evidence, failure.node, [action])


def _history(run: Run) -> VersionHistory | None:
    """Return the history if the failure began with the live version and the previous one can go live again; else
    None."""
    if run.version is None or run.draft:
        return None
    workflow = Workflow.objects.filter(slug=run.workflow).first()
    live = queries.live_deployment(workflow) if workflow is not None else None
    if workflow is None or live is None or live.version.number != run.version:
        return None
    before = queries.deployment_before(live)
    if before is None or before.version_id == live.version_id:
        return None
    if not _pools_suffice(queries.pools_named(before.version)):
        return None
    now = _ended(run.workflow, live.version.number)
    failed = [pk for pk, state, _ in now if state in FAILED]
    if any(state == "succeeded" for _, state, _ in now):
        # It fails only sometimes, so the version is not the cause.
        return None
    if run.pk not in failed:
        # The run has not ended, but one of its nodes has failed.
        now, failed = [(run.pk, "failed", None), *now], [run.pk, *failed]
    earlier = _ended(run.workflow, before.version.number)
    succeeded = 0
    for _, state, _ in earlier:
        if state != "succeeded":
            break
        succeeded += 1
    if not succeeded:
        return None
    return VersionHistory(
        slug=workflow.slug,
        version=live.version.number,
        before=before.version.number,
        failed=len(failed),
        ended=len(now),
        succeeded=succeeded,
        first_failed=min(failed),
        live_since=live.at,
        by=live.by,
        last_good=earlier[0][2],
    )


def _ended(slug: str, version: int) -> Sequence[tuple[int, str, datetime | None]]:
    """Return (run, state, end) of a version's newest ended runs, without those that people cancelled."""
    rows = (
        Run.objects.filter(workflow=slug, version=version, draft=False)
        .exclude(state__in=(*RUN_UNFINISHED, "cancelled"))
        .order_by("-id")
    )
    return list(rows.values_list("id", "state", "finished_at")[:RUNS_MAX])


def _pools_suffice(named: Mapping[str, int]) -> bool:
    sizes = queries.pool_sizes() if named else {}
    return all(sizes.get(name, 0) >= slots for name, slots in named.items())
