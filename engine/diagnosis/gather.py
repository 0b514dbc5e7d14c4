"""Reads everything that the rules need to know about a run, with few queries."""

from engine.config import machine_memory_bytes
from engine.definition import store
from engine.diagnosis.facts import RunFacts
from engine.diagnosis.failure_reader import FailureReader
from engine.diagnosis.path_reader import PathReader
from engine.diagnosis.run_rows import RunRows
from engine.diagnosis.running_reader import RunningReader
from engine.diagnosis.waiting_reader import WaitingReader
from engine.errors import NotFound
from engine.models import Leader, Run
from engine.models.runs import RUN_UNFINISHED


def gather(run: Run, node: str | None = None) -> RunFacts:
    """Return the facts of a run, or what concerns one node of it. Raises NotFound for a node that it does not have."""
    document = store.load(run.definition_id)
    if node is not None and node not in document.by_id:
        raise NotFound.node(run.pk, node)
    rows = RunRows(run, document, node)
    waiting_reader = WaitingReader(rows)
    unfinished = run.state in RUN_UNFINISHED
    running_rows, other_rows = rows.unfinished() if unfinished else ([], [])
    wanted = [row for row in running_rows if node in (None, row.node)]
    waiting, waiting_total = waiting_reader.read(running_rows, other_rows) if unfinished else ([], 0)
    occupants, processes = waiting_reader.occupants(waiting)
    failures, failed_total = FailureReader(rows).read()
    critical_path, usual_seconds = PathReader(rows).read() if node is None else ([], None)
    leader = Leader.seen() if unfinished else None
    silent = leader.silent if leader else None
    return RunFacts(
        run=run.pk,
        workflow=run.workflow,
        state=run.state,
        now=rows.now,
        version=run.version,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        counts=run.counts,
        beat_age=None if silent is None else max(0.0, silent.total_seconds()),
        scheduler_pid=leader.pid if leader else None,
        running=RunningReader(rows).read(wanted, running_rows),
        waiting=waiting,
        waiting_total=waiting_total,
        failures=failures,
        failed_total=failed_total,
        occupants=occupants,
        processes=processes,
        draining=waiting_reader.draining_workers(waiting),
        max_runs=document.settings.max_runs,
        competing_runs=waiting_reader.competing_runs(waiting),
        machine_memory=_machine_memory(),
        critical_path=critical_path,
        usual_seconds=usual_seconds,
        requested_node=node,
        requested_name="" if node is None else document.by_id[node].name,
    )


def _machine_memory() -> int | None:
    try:
        return machine_memory_bytes()
    except (ValueError, OSError):
        return None
