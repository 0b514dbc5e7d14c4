"""Rules about failures: which node failed first, with which error, and what helps. Pure."""

from typing import Any

from engine.clock import iso
from engine.diagnosis import actions, remedies
from engine.diagnosis.causes import cause
from engine.diagnosis.facts import FailureFacts, RunFacts, own_lines
from engine.diagnosis.finding import Action, Evidence, Finding
from engine.diagnosis.threads import activity_of
from engine.diagnosis.wording import clock_time, cut, error_sentence, process, size
from engine.sentences import Sentence, gettext_noop, span
from engine.states import RUN_TERMINAL

ADVISED = frozenset(("MemoryLimit", "TableExists", "MissingPackage", "ProcessLimit", "SoftTimeout", "BadOutput"))
"""Error classes whose messages contain advice after the first sentence; in a finding, the remedy gives the advice."""
LINES_MAX = 5
"""Log lines in the evidence."""

_FAILED = gettext_noop('"{node}" failed: {cause}. {remedy}.')
_TIMED_OUT = gettext_noop('"{node}" ran out of time: {cause}. {remedy}.')
_ONLY = gettext_noop("{sentence}.")
_NO_ERROR = gettext_noop('"{node}" failed without an error message. {remedy}.')
_ERROR = gettext_noop("Attempt {attempt} in {process} ended at {time}: {cause}")
_ERROR_BRIEF = gettext_noop("Attempt {attempt} in {process} ended at {time}")
_RETRIED = gettext_noop("All {n} retries are used up")
_RETRIED_ONE = gettext_noop("The only retry is used up")
_LINE = gettext_noop("{line}")
_RAN = gettext_noop("It ran for {span}; its soft limit is {soft}")
_RAN_HARD = gettext_noop("It ran for {span}; its hard limit is {hard}")
_PEAK = gettext_noop("It used up to {peak}; its limit (memory_mb) is {limit}")
_PEAK_MACHINE = gettext_noop("It used up to {peak}; this machine has {machine}")
_BEFORE = gettext_noop("Just before it ended, at {time}: {cause}")
_ALSO = gettext_noop("{n} more nodes failed after it")
_ALSO_ONE = gettext_noop("1 more node failed after it")
_BECAUSE = gettext_noop('"{node}" was not started because "{first}" failed: {cause}.')
_RUN_TIMEOUT = gettext_noop("The run exceeded its own time limit (settings.timeout) after {span}.")
_RUN_ENDED = gettext_noop("It started at {time} and ended after {span}")
_RETRY_ALL = gettext_noop("Retry unfinished nodes")


def findings(facts: RunFacts) -> list[Finding]:
    """Return the first failure with what helps. For a requested node that did not run because of it, the finding says
    so."""
    found: list[Finding] = []
    if facts.state == "timed_out":
        found.append(_run_timeout(facts))
    for failure in facts.failures:
        if facts.requested_node is not None and failure.node != facts.requested_node:
            found.append(_upstream_failed(facts, failure))
        else:
            found.append(_failed(facts, failure))
    return found


def _failed(facts: RunFacts, failure: FailureFacts) -> Finding:
    remedy = remedies.remedy(failure.error)
    values: dict[str, Any] = {"node": failure.name, "cause": _cause(failure), "remedy": remedy}
    template = _TIMED_OUT if failure.state == "timed_out" else _FAILED
    if not failure.error:
        template = _NO_ERROR
    evidence = [_error(facts, failure), *_limits(facts, failure), *_before(failure), *_lines(failure)]
    if failure.retries:
        retried = Sentence(_RETRIED_ONE if failure.retries == 1 else _RETRIED, {"n": failure.retries})
        evidence.append(Evidence("error", retried, failure.retries, None, failure.pid, _ended(facts, failure)))
    if facts.failed_total > 1 and facts.requested_node is None:
        more = facts.failed_total - 1
        also = Sentence(_ALSO_ONE if more == 1 else _ALSO, {"n": f"{more:,}"})
        evidence.append(Evidence("error", also, more, None, None, _ended(facts, failure)))
    code = remedies.code_of(failure.error)
    message, brief = Sentence(template, values), Sentence(_ONLY, {"sentence": remedy})
    return Finding(code, message, evidence, failure.node, _actions(facts, failure), brief)


def _cause(failure: FailureFacts) -> Sentence:
    """Return the error without a full stop, and without advice that the remedy repeats."""
    error = failure.error
    if error and remedies.class_of(error) in ADVISED:
        message = cut(str(error.get("message") or ""), 1000)
        error = {**error, "message": message.partition(". ")[0]}
    return error_sentence(error)


def _ended(facts: RunFacts, failure: FailureFacts) -> str:
    return iso(failure.finished_at or facts.finished_at or facts.now)


def _error(facts: RunFacts, failure: FailureFacts) -> Evidence:
    error = failure.error or {}
    at = failure.finished_at or facts.finished_at or facts.now
    values = {
        "attempt": failure.attempt,
        "process": process(failure.pid, failure.worker),
        "time": clock_time(at),
        "cause": error_sentence(failure.error),
    }
    line = error.get("line")
    value = line if isinstance(line, int) else remedies.class_of(error) or None
    brief = Sentence(_ERROR_BRIEF, values)
    return Evidence("error", Sentence(_ERROR, values), value, None, failure.pid, iso(at), brief)


def _limits(facts: RunFacts, failure: FailureFacts) -> list[Evidence]:
    """Return what was used and what the limit was, if a limit ended it."""
    kind, at = remedies.class_of(failure.error), _ended(facts, failure)
    if kind in ("SoftTimeout", "HardTimeout") and failure.seconds is not None:
        values: dict[str, Any] = {"span": span(failure.seconds)}
        if kind == "SoftTimeout" and failure.soft_timeout is not None:
            template, values["soft"] = _RAN, span(failure.soft_timeout)
        elif failure.hard_timeout is not None:
            template, values["hard"] = _RAN_HARD, span(failure.hard_timeout)
        else:
            return []
        return [Evidence("duration", Sentence(template, values), round(failure.seconds, 3), "seconds", failure.pid, at)]
    if kind in ("MemoryLimit", "MemoryError", "WorkerLost") and failure.memory_peak:
        values = {"peak": size(failure.memory_peak)}
        if failure.memory_mb:
            template, values["limit"] = _PEAK, size(failure.memory_mb * 2**20)
        elif facts.machine_memory:
            template, values["machine"] = _PEAK_MACHINE, size(facts.machine_memory)
        else:
            return []
        return [Evidence("memory", Sentence(template, values), failure.memory_peak, "bytes", failure.pid, at)]
    return []


def _before(failure: FailureFacts) -> list[Evidence]:
    """Return what it did when a limit ended it."""
    stack = failure.stack
    if stack is None:
        return []
    # The stacks were taken too quickly to measure CPU; the mean of the whole attempt says as much.
    cpu = None
    if failure.cpu_seconds is not None and failure.seconds:
        cpu = 100 * failure.cpu_seconds / failure.seconds
    activity = activity_of(stack.body, cpu)
    if activity.code == "not_determined":
        return []
    message = Sentence(_BEFORE, {"time": clock_time(stack.taken_at), "cause": cause(failure.name, activity)})
    return [Evidence("stack", message, activity.code, None, failure.pid, iso(stack.taken_at))]


def _lines(failure: FailureFacts) -> list[Evidence]:
    evidence = []
    for line in own_lines(failure.logs, failure.error)[-LINES_MAX:]:
        message = Sentence(_LINE, {"line": cut(str(line["message"]), 500)})
        evidence.append(Evidence("log", message, line.get("seq"), None, failure.pid, str(line["at"])))
    return evidence


def _actions(facts: RunFacts, failure: FailureFacts) -> list[Action]:
    """Return what can be done, the best first: editing the node, unless a retry of the same code can help."""
    line = (failure.error or {}).get("line")
    edit = actions.edit(facts.workflow, failure.node, line if isinstance(line, int) else None)
    *retries, skip = _retries(facts, failure)
    if remedies.retry_can_help(failure.error, failure.error_bases):
        return [*retries, edit, skip]
    return [edit, *retries, skip]


def _retries(facts: RunFacts, failure: FailureFacts) -> list[Action]:
    kind = remedies.class_of(failure.error)
    plain, skip = actions.retry(facts.run, failure.node), actions.skip(facts.run, failure.node)
    if kind in ("SoftTimeout", "HardTimeout"):
        limit = failure.soft_timeout if failure.soft_timeout is not None else failure.hard_timeout
        if limit is not None:
            longer = actions.limit_for(limit, least=2 * limit)
            return [actions.retry_with_time(facts.run, failure, longer), plain, skip]
    if kind == "MemoryLimit" and failure.memory_mb:
        more = actions.more_memory(failure.memory_mb, failure.memory_peak, facts.machine_memory)
        if more is not None:
            return [actions.retry_with_memory(facts.run, failure.node, more, ends=False), plain, skip]
    return [plain, skip]


def _upstream_failed(facts: RunFacts, failure: FailureFacts) -> Finding:
    name = facts.requested_name or facts.requested_node or ""
    message = Sentence(_BECAUSE, {"node": name, "first": failure.name, "cause": _cause(failure)})
    evidence = [_error(facts, failure), *_lines(failure)]
    return Finding("upstream_failed", message, evidence, facts.requested_node, _actions(facts, failure))


def _run_timeout(facts: RunFacts) -> Finding:
    seconds = facts.duration or 0.0
    values: dict[str, Any] = {"span": span(seconds)}
    started = facts.started_at
    ended = Sentence(_RUN_ENDED, {"time": "?" if started is None else clock_time(started), "span": span(seconds)})
    evidence = [
        Evidence("duration", ended, None, "seconds")
        if started is None
        else Evidence("duration", ended, round(seconds, 3), "seconds", None, iso(started))
    ]
    help_ = []
    if facts.state in RUN_TERMINAL and facts.counts.get("cancelled"):
        help_.append(Action(Sentence(_RETRY_ALL), "POST", f"/api/v1/runs/{facts.run}/retry/", {}))
    return Finding("run_timeout", Sentence(_RUN_TIMEOUT, values), evidence, None, help_)
