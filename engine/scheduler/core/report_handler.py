"""Applies the executor's reports to memory. A report whose claim no node has (any more) changes nothing. Pure."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from engine import policy as policies
from engine.executors.base import Ended, Lines, Progress, Report, Returned, Sampled, Stacks, Started
from engine.log_lines import error_lines
from engine.scheduler.core.admission_control import AdmissionControl
from engine.scheduler.core.decisions import stop_reason
from engine.scheduler.core.memory import Memory
from engine.scheduler.core.stacks import log_line, stack_text
from engine.scheduler.core.state import AttemptState, LogLines, NodeState
from engine.scheduler.core.transitions import Transitions
from engine.shapes import iso, shown_error
from engine.states import SKIPPED_BY_PERSON, PendingAction, check_node
from engine.text import clean_text

PROGRESS_SECONDS = 0.1
"""At most ten progress events per second and node."""
LINES_MAX = 200
"""Lines in one LogBatch."""
TURNS_MAX = 50
"""How often the lines of one run that are applied together may change between attempts: each turn is a row."""
SORTED_MAX = 2000
"""Of more lines the order is that of tenths of a second."""


class ReportHandler:
    """Keeps attempts from their reported start to their end, and moves their nodes on."""

    def __init__(
        self, memory: Memory, admission: AdmissionControl, transitions: Transitions, rng: random.Random
    ) -> None:
        """`rng` spreads the delays of retries."""
        self.memory = memory
        self.admission = admission
        self.transitions = transitions
        self.rng = rng

    def take(self, report: Report) -> None:
        """Apply one report."""
        if isinstance(report, Returned):
            for claim in report.claims:
                self._returned(claim)
            return
        node = self.memory.claims.get(report.claim)
        if node is None:
            self.memory.stale_reports += 1
            return
        self.memory.run_in_hand = node.run.id
        if isinstance(report, Ended):
            self._ended(node, report)
        elif isinstance(report, Lines):
            self._lines(node, report)
        elif isinstance(report, Started):
            self._started(node, report)
        elif node.state != "running":
            self.memory.stale_reports += 1
        elif isinstance(report, Progress):
            self._progress(node, report)
        elif isinstance(report, Sampled):
            self._sampled(node, report)
        else:
            self._stacks(node, report)

    def take_lines(self, reports: Sequence[Lines]) -> None:
        """Apply reports of lines that follow each other. Lines of one run are numbered in order of their time, those of
        one attempt always in the order in which it wrote them."""
        if len(reports) == 1:
            self.take(reports[0])
            return
        by_run: dict[int, dict[str, list[Lines]]] = {}
        for report in reports:
            node = self.memory.claims.get(report.claim)
            if node is None:
                self.memory.stale_reports += 1
            else:
                by_run.setdefault(node.run.id, {}).setdefault(report.claim, []).append(report)
        for run, by_claim in by_run.items():
            self.memory.run_in_hand = run
            for turn in in_turns([line for one in found for line in one.lines] for found in by_claim.values()):
                claim = tuple(by_claim)[turn[0][0]]
                self._lines(self.memory.claims[claim], Lines(claim, [line for _, line in turn]))

    # The start and the end of an attempt.

    def _started(self, node: NodeState, report: Started) -> None:
        if node.state != "ready":
            self.memory.stale_reports += 1
            return
        at = round(report.at * 1e6)
        node.attempt += 1
        # After a lost attempt, the node has waited only since the end of that attempt.
        ready_us = max(node.ready_us, node.last_end_us)
        # The clock may have been set back while it waited.
        ready = min(ready_us, at) or None
        node.current = attempt = AttemptState(
            node, node.attempt, node.claim, report.worker, report.pid, report.pid_started, at, ready
        )
        self.memory.touch_attempt(attempt)
        if (pool := node.pool) is not None:
            pool.acquired += node.slots
            pool.longest_wait = max(pool.longest_wait, (at - ready_us) / 1e6)
            self.memory.touch_pool(pool)
        node.started_us, node.finished_us = at, None
        node.error = node.progress = node.unsent_progress = None
        self.transitions.move(node, "started", "running", at_us=at)

    def _returned(self, claim: str) -> None:
        node = self.memory.claims.get(claim)
        if node is None or node.state != "ready":
            self.memory.stale_reports += 1
            return
        self.memory.run_in_hand = node.run.id
        check_node("ready", "returned", "ready")
        self.admission.release(node)
        action, node.pending_action = node.pending_action, None
        if action == PendingAction.CANCEL:
            self.transitions.move(node, "cancelled_by_person", "cancelled", "cancelled_by_person")
        elif action == PendingAction.SKIP:
            node.take_output(node.skip_output)
            self.transitions.move(node, SKIPPED_BY_PERSON, "skipped", SKIPPED_BY_PERSON)
        elif action == PendingAction.RESET:
            self._reset(node)
        elif not self.transitions.end_if_stopped(node):
            # It keeps its place in the queue. Its limits are read again: they may have changed during an outage.
            self.admission.enqueue(node)
            self.memory.touch(node)
        self.memory.touch_run(node.run)

    def _ended(self, node: NodeState, report: Ended) -> None:
        if node.state == "ready":
            if report.interrupted:
                self._returned(report.claim)
                return
            # It could not even be started. That counts as an attempt: otherwise the node would be dispatched for ever.
            self._started(node, Started(report.claim, 0, "", "local", report.at - report.seconds))
        if node.progress_scheduled:
            self._send_progress(node)
        attempt = node.current
        assert attempt is not None
        node.current = None
        at = max(round(report.at * 1e6), attempt.started_us)
        attempt.finished_us = node.last_end_us = at
        attempt.state = "cancelled" if report.interrupted else report.state
        attempt.usage = report.usage
        if report.error is not None:
            attempt.error = {"class": "", "message": "", "line": None, "traceback": None, **report.error}
            attempt.error["node"] = node.plan.id
        if report.receipt is not None:
            attempt.receipt = {**report.receipt, "slots": node.slots if node.pool is not None else 0}
        self.memory.touch_attempt(attempt)
        if attempt.error is not None and attempt.state in ("failed", "timed_out", "lost"):
            # The same tick writes them and the end, so they are there once, however often the end is reported.
            seconds = at / 1e6
            lines = [(seconds, "error", line) for line in error_lines(attempt.error)]
            self._lines(node, Lines(report.claim, lines))
        if node.pool is not None:
            node.pool.released += node.slots
            self.memory.touch_pool(node.pool)
        self.admission.release(node)
        action, node.pending_action = node.pending_action, None
        node.finished_us = at
        if action == PendingAction.RESET and node.run.stopping not in ("cancelled", "run_timeout"):
            # It does not matter how it ended, because the outputs that it read are out of date.
            self._reset(node)
        elif report.state == "succeeded" and action != PendingAction.RESET:
            self._succeeded(node, report, at)
        else:
            node.error = shown_error(attempt.error)
            self._not_succeeded(node, report, action, at)

    def _not_succeeded(self, node: NodeState, report: Ended, action: PendingAction | None, at: int) -> None:
        move = self.transitions.move
        if action == PendingAction.SKIP:
            node.error = None
            node.take_output(node.skip_output)
            move(node, "killed", "skipped", SKIPPED_BY_PERSON, at)
        elif action == PendingAction.CANCEL or node.run.stopping in ("cancelled", "run_timeout"):
            reason = "cancelled_by_person" if action == PendingAction.CANCEL else stop_reason(node.run)
            if report.state == "lost":
                # The scheduler ended before the kill was done. For the node that makes no difference.
                node.error = None
            move(node, "killed", "cancelled", reason, at)
        elif action == PendingAction.RETRY:
            node.retries = node.losses = 0
            node.finished_us = None
            move(node, "killed", "ready", at_us=at)
        elif report.interrupted:
            node.finished_us = None
            move(node, "interrupted", "ready", at_us=at)
        elif report.state == "lost":
            self._lost(node, at)
        elif report.state == "cancelled":
            move(node, "killed", "cancelled", "", at)
        else:
            self._failed(node, report, at)
        if node.state in ("ready", "retrying"):
            self.transitions.end_if_stopped(node)

    def _reset(self, node: NodeState) -> None:
        self.transitions.reset(node)
        self.memory.decide_later(node.run, node.plan.index)

    def _succeeded(self, node: NodeState, report: Ended, at: int) -> None:
        output = report.output or {"kind": "json", "value": None, "bytes": 4, "ports": ["out"]}
        node.error = None
        node.take_output(output)
        node.ports = frozenset(output.get("ports") or ()) if node.plan.branches else None
        node.seconds = report.seconds
        self.transitions.move(node, "succeeded", "succeeded", at_us=at)

    def _lost(self, node: NodeState, at: int) -> None:
        node.losses += 1
        if node.losses > node.plan.policy.lost_retries:
            self.transitions.move(node, "lost", "failed", at_us=at)
        else:
            node.finished_us = None
            self.transitions.move(node, "lost", "ready", at_us=at)

    def _failed(self, node: NodeState, report: Ended, at: int) -> None:
        state = report.state
        event = "limit_passed" if state == "timed_out" else "errored"
        error = report.error or {}
        policy = node.plan.policy
        if not policies.may_retry(policy, str(error.get("class", "")), node.retries, error.get("bases") or ()):
            self.transitions.move(node, event, "timed_out" if state == "timed_out" else "failed", at_us=at)
            return
        node.retries += 1
        delay = policies.retry_delay(policy, node.retries, self.rng)
        node.retry_us = due = self.memory.now_us + round(delay * 1e6)
        self.transitions.move(node, event, "retrying", at_us=at)
        self.memory.at(self.memory.mono + delay, node.run, lambda: self._retry(node, due))

    def _retry(self, node: NodeState, due_us: int) -> None:
        if node.state == "retrying" and node.retry_us == due_us:
            node.finished_us = None
            self.transitions.move(node, "delay_over", "ready")

    def schedule_retry(self, node: NodeState) -> None:
        """Set the timer of a retrying node that was read from the database.

        If the clock was set back since, the node still waits no longer than its policy allows.
        """
        memory, due = self.memory, node.retry_us
        left = min((due - memory.now_us) / 1e6, policies.retry_delay_max(node.plan.policy, node.retries))
        memory.at(memory.mono + max(0.0, left), node.run, lambda: self._retry(node, due))

    # What an attempt reports while it runs.

    def _lines(self, node: NodeState, report: Lines) -> None:
        run, name = node.run, node.plan.id
        # Lines may come before the start of their attempt.
        number = node.attempt if node.state == "running" else node.attempt + 1
        row = run.logs[-1] if run.logs else None
        if row is not None and (row.node != name or row.attempt != number):
            row = None
        for at, level, message in report.lines:
            run.seq += 1
            if row is None or len(row.lines) >= LINES_MAX or row.first_seq + len(row.lines) != run.seq:
                row = LogLines(name, number, run.seq)
                run.logs.append(row)
            row.lines.append((iso(round(at * 1e6)) or "", level, clean_text(message)))
        self.memory.changes.extra_size += 1 + len(report.lines) // 20
        self.memory.touch_run(run)

    def _progress(self, node: NodeState, report: Progress) -> None:
        at = round(report.at * 1e6)
        message = None if report.message is None else clean_text(report.message)
        node.progress = {"fraction": report.fraction, "message": message, "at": iso(at)}
        node.unsent_progress = (report.fraction, message, at)
        if node.progress_scheduled:
            return
        mono = self.memory.mono
        wait = node.progress_at + PROGRESS_SECONDS - mono
        if wait <= 0:
            self._send_progress(node)
        else:
            node.progress_scheduled = True
            self.memory.at(mono + wait, node.run, lambda: self._progress_due(node))

    def _progress_due(self, node: NodeState) -> None:
        if node.progress_scheduled:
            self._send_progress(node)

    def _send_progress(self, node: NodeState) -> None:
        """Add an event with the newest progress, unless there is one already."""
        node.progress_scheduled = False
        if node.unsent_progress is None:
            return
        fraction, message, at = node.unsent_progress
        node.unsent_progress = None
        node.progress_at = self.memory.mono
        run = node.run
        run.seq += 1
        run.events.append([run.seq, at, "p", node.plan.id, fraction, message])
        self.memory.touch(node)

    def _sampled(self, node: NodeState, report: Sampled) -> None:
        self.memory.changes.samples.append(
            (
                node.run.id,
                node.plan.id,
                node.attempt,
                round(report.at * 1e6),
                report.cpu_percent,
                report.memory_bytes,
                report.io_wait,
                report.io_bytes,
                report.network_bytes,
                report.network_scope,
            )
        )

    def _stacks(self, node: NodeState, report: Stacks) -> None:
        memory = self.memory
        memory.stack_requests.answered(report.claim, memory.mono - max(0.0, memory.now_us / 1e6 - report.at))
        text = stack_text(report.body)
        memory.changes.stacks.append(
            (node.run.id, node.plan.id, node.attempt, round(report.at * 1e6), report.why, text)
        )
        memory.changes.extra_size += 1 + len(text) // 4096
        if message := log_line(report.why, node.expected, node.expected_from, report.body.get("quiet")):
            self._lines(node, Lines(report.claim, [(report.at, "warning", message)]))


Line = tuple[float, str, str]


def in_turns(sources: Iterable[list[Line]]) -> Iterator[list[tuple[int, Line]]]:
    """Merge the lines of several sources by time. Yield stretches of one source, each line with its source's index.

    A source keeps its own order, whatever its clock did. The more often the sources alternate, the coarser is the order
    between them, so that there are at most TURNS_MAX stretches or those of whole seconds.
    """
    entries: list[tuple[float, int, Line]] = []
    for place, lines in enumerate(sources):
        latest = 0.0
        for line in lines:
            latest = max(latest, line[0])
            entries.append((latest, place, line))
    for width in (1e-6, 1e-3, 1e-2, 0.1, 1.0) if len(entries) <= SORTED_MAX else (0.1, 1.0):
        ordered = sorted(entries, key=lambda entry: (entry[0] // width, entry[1]))
        if sum(one[1] != other[1] for one, other in pairwise(ordered)) < TURNS_MAX:
            break
    for _, turn in groupby(ordered, key=itemgetter(1)):
        yield [(place, line) for _, place, line in turn]
