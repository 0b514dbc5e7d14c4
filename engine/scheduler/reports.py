"""What the executor's reports do to memory. A report whose claim nobody has (any more) changes nothing. Pure."""

from __future__ import annotations

from engine import policy as policies
from engine.executors.base import Ended, Lines, Progress, Report, Returned, Sampled, Stacks, Started
from engine.scheduler.dispatching import Admitting
from engine.scheduler.memory import AttemptState, LogRow, NodeState
from engine.scheduler.stacks import log_line, stack_text
from engine.scheduler.transitions import run_reason
from engine.shapes import iso, output_summary
from engine.states import SKIPPED_BY_PERSON, check_node
from engine.text import clean_text

PROGRESS_SECONDS = 0.1
"""At most ten progress events a second and node."""
LINES_MAX = 200
"""Lines in one LogBatch."""


class Reports(Admitting):
    """From a reported start to the end of an attempt, and what follows for its node."""

    def report(self, report: Report) -> None:
        """Take one report. With a claim that nobody has (any more) it changes nothing."""
        if isinstance(report, Ended):
            self._ended(report)
        elif isinstance(report, Started):
            self._started(report)
        elif isinstance(report, Lines):
            self._lines(report)
        elif isinstance(report, Progress):
            self._progress(report)
        elif isinstance(report, Sampled):
            self._sampled(report)
        elif isinstance(report, Stacks):
            self._stacks(report)
        elif isinstance(report, Returned):
            for claim in report.claims:
                self._returned(claim)

    def _started(self, report: Started) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "ready":
            self.stale += 1
            return
        at = round(report.at * 1e6)
        node.attempt += 1
        # Somebody may have set the clock back while it waited.
        ready = min(node.ready_us, at) or None
        node.current = attempt = AttemptState(
            node, node.attempt, node.claim, report.worker, report.pid, report.pid_started, at, ready
        )
        self.touch_attempt(attempt)
        if (pool := node.pool) is not None:
            pool.acquired += node.slots
            pool.longest_wait = max(pool.longest_wait, (at - node.ready_us) / 1e6)
            self.touch_pool(pool)
        node.started_us, node.finished_us = at, None
        node.error = node.progress = node.progress_kept = None
        self.move(node, "started", "running", at_us=at)

    def _returned(self, claim: str) -> None:
        node = self.claims.get(claim)
        if node is None or node.state != "ready":
            self.stale += 1
            return
        check_node("ready", "returned", "ready")
        self.let_go(node)
        wish, node.wish = node.wish, ""
        run = node.run
        if wish == "cancel":
            self.move(node, "cancelled_by_person", "cancelled", "cancelled_by_person")
        elif wish == "skip":
            self.move(node, SKIPPED_BY_PERSON, "skipped", SKIPPED_BY_PERSON)
        elif not self.stop_instead(node):
            # Its place in line is the one it had; its limits are read again, for an outage may have been between.
            self.place(node)
            self.touch(node)
        self.touch_run(run)

    def _ended(self, report: Ended) -> None:
        node = self.claims.get(report.claim)
        if node is None:
            self.stale += 1
            return
        if node.state == "ready":
            if report.interrupted:
                self._returned(report.claim)
                return
            # It could not even be started: that is an attempt, or it would be tried for ever.
            self._started(Started(report.claim, 0, "", "local", report.at - report.seconds))
        if node.progress_due:
            self._flush_progress(node)
        attempt = node.current
        assert attempt is not None
        node.current = None
        at = max(round(report.at * 1e6), attempt.started_us)
        attempt.finished_us = at
        attempt.state = "cancelled" if report.interrupted else report.state
        attempt.usage = report.usage
        if report.error is not None:
            attempt.error = {"class": "", "message": "", "line": None, "traceback": None, **report.error}
            attempt.error["node"] = node.plan.id
        if report.receipt is not None:
            attempt.receipt = {**report.receipt, "slots": node.slots if node.pool is not None else 0}
        self.touch_attempt(attempt)
        if node.pool is not None:
            node.pool.released += node.slots
            self.touch_pool(node.pool)
        self.let_go(node)
        wish, node.wish = node.wish, ""
        node.finished_us = at
        if report.state == "succeeded":
            self._succeeded(node, report, at)
            return
        node.error = attempt.error
        if wish == "skip":
            node.error = None
            self.move(node, "killed", "skipped", SKIPPED_BY_PERSON, at)
        elif wish == "cancel" or node.run.stopping in ("cancelled", "run_timeout"):
            reason = "cancelled_by_person" if wish == "cancel" else run_reason(node.run)
            if report.state == "lost":
                # Its scheduler ended before the kill was done: for the node that makes no difference.
                node.error = None
            self.move(node, "killed", "cancelled", reason, at)
        elif wish == "retry":
            node.retries = node.losses = 0
            node.finished_us = None
            self.move(node, "killed", "ready", at_us=at)
        elif report.interrupted:
            node.finished_us = None
            self.move(node, "interrupted", "ready", at_us=at)
        elif report.state == "lost":
            self._lost(node, at)
        elif report.state == "cancelled":
            self.move(node, "killed", "cancelled", "", at)
        else:
            self._failed(node, report.state, at)
        if node.state in ("ready", "retrying"):
            self.stop_instead(node)

    def _succeeded(self, node: NodeState, report: Ended, at: int) -> None:
        output = report.output or {"kind": "json", "value": None, "bytes": 4, "ports": ["out"]}
        node.error = None
        node.output = output
        node.summary = output_summary(output)
        node.artifact = output.get("artifact") or ""
        node.ports = frozenset(output.get("ports") or ()) if node.plan.branches else None
        node.seconds = report.seconds
        self.move(node, "succeeded", "succeeded", at_us=at)

    def _lost(self, node: NodeState, at: int) -> None:
        node.losses += 1
        if node.losses > node.plan.policy.lost_retries:
            self.move(node, "lost", "failed", at_us=at)
        else:
            node.finished_us = None
            self.move(node, "lost", "ready", at_us=at)

    def _failed(self, node: NodeState, state: str, at: int) -> None:
        event = "limit_passed" if state == "timed_out" else "errored"
        error_class = str((node.error or {}).get("class", ""))
        policy = node.plan.policy
        if not policies.may_retry(policy, error_class, node.retries):
            self.move(node, event, "timed_out" if state == "timed_out" else "failed", at_us=at)
            return
        node.retries += 1
        delay = policies.retry_delay(policy, node.retries, self.rng)
        node.retry_us = due = self.now_us + round(delay * 1e6)
        self.move(node, event, "retrying", at_us=at)
        self.at(self.mono + delay, lambda: self._delay_over(node, due))

    def _delay_over(self, node: NodeState, due_us: int) -> None:
        if node.state == "retrying" and node.retry_us == due_us:
            node.finished_us = None
            self.move(node, "delay_over", "ready")

    def wait_for_retry(self, node: NodeState) -> None:
        """Set the timer of a retrying node that was read from the database: should the clock have been set back since,
        for no longer than its policy may ask."""
        due = node.retry_us
        left = min((due - self.now_us) / 1e6, policies.retry_delay_max(node.plan.policy, node.retries))
        self.at(self.mono + max(0.0, left), lambda: self._delay_over(node, due))

    def _lines(self, report: Lines) -> None:
        node = self.claims.get(report.claim)
        if node is None:
            self.stale += 1
            return
        run, name = node.run, node.plan.id
        number = node.attempt if node.state == "running" else node.attempt + 1
        row = run.logs[-1] if run.logs else None
        if row is not None and (row.node != name or row.attempt != number):
            row = None
        for at, level, message in report.lines:
            run.seq += 1
            if row is None or len(row.lines) >= LINES_MAX or row.first_seq + len(row.lines) != run.seq:
                row = LogRow(name, number, run.seq)
                run.logs.append(row)
            row.lines.append((iso(round(at * 1e6)) or "", level, clean_text(message)))
        self.changes.extra += 1 + len(report.lines) // 20
        self.touch_run(run)

    def _progress(self, report: Progress) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "running":
            self.stale += 1
            return
        at = round(report.at * 1e6)
        message = None if report.message is None else clean_text(report.message)
        node.progress = {"fraction": report.fraction, "message": message, "at": iso(at)}
        node.progress_kept = (report.fraction, message, at)
        if node.progress_due:
            return
        wait = node.progress_at + PROGRESS_SECONDS - self.mono
        if wait <= 0:
            self._flush_progress(node)
        else:
            node.progress_due = True
            self.at(self.mono + wait, lambda: self._progress_is_due(node))

    def _progress_is_due(self, node: NodeState) -> None:
        if node.progress_due:
            self._flush_progress(node)

    def _flush_progress(self, node: NodeState) -> None:
        node.progress_due = False
        if node.progress_kept is None:
            return
        fraction, message, at = node.progress_kept
        node.progress_kept = None
        node.progress_at = self.mono
        run = node.run
        run.seq += 1
        run.events.append([run.seq, at, "p", node.plan.id, fraction, message])
        self.touch(node)

    def _sampled(self, report: Sampled) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "running":
            self.stale += 1
            return
        self.changes.samples.append(
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

    def _stacks(self, report: Stacks) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "running":
            self.stale += 1
            return
        self.asked.taken(report.claim, self.mono - max(0.0, self.now_us / 1e6 - report.at))
        text = stack_text(report.body)
        self.changes.stack_rows.append(
            (node.run.id, node.plan.id, node.attempt, round(report.at * 1e6), report.why, text)
        )
        self.changes.extra += 1 + len(text) // 4096
        if message := log_line(report, node.expected, node.expected_from):
            self._lines(Lines(report.claim, [(report.at, "info", message)]))
