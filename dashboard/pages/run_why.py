"""Why a node or a run is in its state: findings with evidence and actions, resource use, limits, dependents."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard import access
from dashboard.pages import run_findings
from dashboard.pages.run_attempts import effective
from dashboard.pages.run_facts import fact, names_of, stuck_times
from dashboard.presenters import amounts
from dashboard.presenters.charts import sparkline
from dashboard.presenters.sentences import error_sentence, html_with_times, receipt_text, sentence_text
from dashboard.presenters.text import visible
from engine import clock
from engine.admission.conditions import sentence_of
from engine.definition import Node
from engine.diagnosis.finding import Action, Diagnosis
from engine.models import Attempt, Checkpoint, NodeRun, Run
from engine.models.conditions import unfinished_nodes
from engine.reads import history, queries
from engine.sentences import Sentence, gettext_noop
from engine.states import NODE_TERMINAL, RUN_TERMINAL
from versions.diagnosis import diagnose

BECAUSE_SHOWN = 10
DOWNSTREAM_READ = 500
SPARK_SAMPLES = 120
RETRYABLE = ("failed", "timed_out", "cancelled", "upstream_failed", "running", "retrying")


def why_of(request: HttpRequest, found: Run, shape: Mapping[str, Any], spec: Node) -> dict[str, Any]:
    """Return the context of a node's Why tab. `shape`: the API's node run."""
    node, state = spec.id, shape["state"]
    back = request.path.removesuffix("panel/")
    stuck = stuck_times(shape)
    diagnosis = diagnose(found, node=node)
    findings = diagnosis.of(node)
    if state not in NODE_TERMINAL:
        # Without a scheduler, nothing that is said about the node or offered for it takes effect.
        findings += [finding for finding in diagnosis.findings if finding.code == "no_scheduler"]
    cards = [
        run_findings.card(finding, request.user, state=state, stuck=stuck is not None, back=back)
        for finding in findings
    ]
    # A node that waits for its next attempt still has the error of the last one.
    retried = bool(shape["error"]) and state in ("pending", "ready")
    if cards and not retried and (stuck is not None or shape["error"]):
        # First what happened, then why, then the evidence.
        if shape["error"]:
            lead = visible(error_sentence(shape["error"]))
        else:
            lead = stuck_lead(stuck or 0.0, shape["expected_from"])
        cards[0] |= run_findings.below_lead(lead, findings[0])
    own = own_actions(found, node, state)
    listed_calls = {(action["method"], action["path"]) for one in cards for action in one["actions"]}
    extra = run_findings.buttons([one for one in own if (one.method, one.path) not in listed_calls], request.user)
    for button in extra:
        button["primary"] = False
    policy = effective(found, spec)
    row = NodeRun.objects.filter(run=found, node=node, item=-1).first()
    return {
        "cards": cards,
        "retried": retried,
        **split_buttons(extra, cards[0]["actions"] if cards else []),
        "conditions": [
            {**one, "message": html_with_times(sentence_text(sentence_of(one)))} for one in shape["waiting_for"]
        ],
        "limits": limits_of(shape, policy),
        "checkpoint": checkpoint_of(found, node),
        "tiles": tiles_of(found, node, shape, policy) if state == "running" else None,
        "dependents": dependents_of(found, spec, state, row),
        "policy_now": policy,
        "may_retry_with": state in RETRYABLE and access.can(request.user, access.Right.RUN),
        "node_fact": visible(fact(shape)),
    }


def split_buttons(extra: list[dict[str, Any]], first: list[dict[str, Any]]) -> dict[str, Any]:
    """Split the buttons of the first card: those that end something come last."""
    both = [*first, *extra]
    ends = [one for one in both if one["kind"] in run_findings.ENDING]
    return {"continuing": [one for one in both if one not in ends], "ending": ends}


def stuck_lead(times: float, expected_from: str) -> str:
    """Say how long a stuck node takes. Author's expectations and learned durations are worded differently."""
    lead = (
        _("Taking {times} times as long as expected")
        if expected_from == "author"
        else _("Taking {times} times as long as usual")
    )
    return lead.format(times=amounts.ratio(times))


def own_actions(found: Run, node: str, state: str) -> list[Action]:
    """Return the actions that are possible whatever the diagnosis says."""
    base = f"/api/v1/runs/{found.pk}/nodes/{node}"
    actions = []
    if state == "running":
        actions.append(Action(Sentence(gettext_noop("Capture stack traces")), "GET", f"{base}/stack/"))
    elif state in RETRYABLE:
        label = gettext_noop("Retry now") if state == "retrying" else gettext_noop("Retry node")
        actions.append(Action(Sentence(label), "POST", f"{base}/retry/", {}))
    if state not in NODE_TERMINAL and found.state not in RUN_TERMINAL:
        actions.append(Action(Sentence(gettext_noop("Cancel node")), "POST", f"{base}/cancel/", {}, danger=True))
    return actions


def limits_of(shape: Mapping[str, Any], policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return soft and hard limit of a running node, with the times at which they apply."""
    if shape["state"] != "running" or not shape["started_at"]:
        return []
    began = parse_datetime(shape["started_at"])
    assert began is not None
    limits = []
    for name, label, then in (
        ("soft_timeout", _("Soft limit"), _("in {span}, then it is asked to save and stop")),
        ("hard_timeout", _("Hard limit"), _("in {span}, then it is killed")),
    ):
        seconds = policy[name]
        at = None if seconds is None else began + timedelta(seconds=seconds)
        passed = at is not None and at <= clock.now()
        text = _("reached {span} ago") if passed else then
        before, _span, after = text.partition("{span}")
        limits.append({"label": label, "at": at, "passed": passed, "before": before, "after": after})
    return limits


def checkpoint_of(found: Run, node: str) -> dict[str, Any] | None:
    rows = Checkpoint.objects.filter(run=found, node=node, item=-1)
    saved = rows.values_list("attempt", "saved_at").first()
    return None if saved is None else {"attempt": saved[0], "saved_at": saved[1]}


def tiles_of(found: Run, node: str, shape: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return CPU and memory of the node's process tree, now and over the last two minutes."""
    samples = [one for one in history.node_samples(found, node, SPARK_SAMPLES) if one["attempt"] == shape["attempt"]]
    cpu = [one["cpu_percent"] for one in samples]
    memory = [one["memory_bytes"] for one in samples]
    limit_mb = policy["memory_mb"] or settings.INTERLOCK.node_memory_mb
    limit = limit_mb * 1024 * 1024 if limit_mb else None
    newest = samples[-1] if samples else {}
    return {
        "cpu": newest.get("cpu_percent"),
        "cpu_path": sparkline(cpu, max([100.0, *(value for value in cpu if value is not None)])),
        "memory": newest.get("memory_bytes"),
        "memory_limit": limit,
        "memory_path": sparkline(memory, limit or 1.15 * max([1, *(one for one in memory if one is not None)])),
        "io": newest.get("io_bytes"),
        "io_wait": newest.get("io_wait"),
        "network": newest.get("network_bytes"),
        "network_scope": SCOPES.get(str(newest.get("network_scope")), ""),
    }


SCOPES: Mapping[str, Any] = {"tree": gettext_lazy("its processes"), "host": gettext_lazy("whole machine")}


def dependents_of(found: Run, spec: Node, state: str, row: NodeRun | None) -> dict[str, Any]:
    """Return what waits for this node: downstream nodes, and nodes of any run that wait for its slots."""
    document = queries.document(found)
    targets = list(dict.fromkeys(edge.target for edge in document.downstream.get(spec.id, ())))
    lines: list[dict[str, Any]] = []
    more = 0
    blocked = "upstream_failed" if state in NODE_TERMINAL else "pending"
    if targets and (state not in NODE_TERMINAL or state in ("failed", "timed_out", "cancelled")):
        read = targets[:DOWNSTREAM_READ]
        states = dict(NodeRun.objects.filter(run=found, node__in=read, item=-1).values_list("node", "state"))
        waits = [target for target in read if states.get(target, "pending") == blocked]
        # Unread targets are assumed to wait too: nobody reads thousands of them.
        more = max(0, len(waits) - BECAUSE_SHOWN) + len(targets) - len(read)
        lines = [{"node": target, "name": document.by_id[target].name} for target in waits[:BECAUSE_SHOWN]]
    waiters: list[dict[str, Any]] = []
    more_waiters = 0
    if row is not None and row.pool and row.claim:
        line = unfinished_nodes().filter(state="ready", pool=row.pool, claim="").select_related("run")
        first = list(line.defer("output", "error", "progress").order_by("ready_at", "pk")[: BECAUSE_SHOWN + 1])
        names = names_of(one.run.workflow for one in first)
        waiters = [
            {
                "run": one.run_id,
                "node": one.node,
                "name": names.get(one.run.workflow, one.run.workflow),
                "slots": one.slots,
            }
            for one in first[:BECAUSE_SHOWN]
        ]
        more_waiters = line.count() - len(waiters) if len(first) > BECAUSE_SHOWN else 0
    return {
        "lines": lines,
        "more": more,
        "ended": state in NODE_TERMINAL,
        "pool": row.pool if row is not None else "",
        "waiters": waiters,
        "more_waiters": more_waiters,
    }


FINDINGS_SHOWN = 12


def run_why(request: HttpRequest, found: Run) -> dict[str, Any]:
    """Return the context of a run's panel: findings, what waits, resource use."""
    diagnosis = diagnose(found)
    document = queries.document(found)
    stuck = {one.node: one for one in diagnosis.stuck}
    rows = NodeRun.objects.filter(run=found, item=-1)
    about = {finding.node for finding in diagnosis.findings[:FINDINGS_SHOWN] if finding.node}
    states = dict(rows.filter(node__in=about).values_list("node", "state"))
    cards = []
    for finding in diagnosis.findings[:FINDINGS_SHOWN]:
        card = run_findings.card(
            finding,
            request.user,
            state=states.get(finding.node or "", ""),
            stuck=finding.node in stuck,
            back=f"/runs/{found.pk}/",
        )
        card["name"] = document.by_id[finding.node].name if finding.node in document.by_id else ""
        cards.append(card)
    return {
        "cards": cards,
        "more_findings": max(0, len(diagnosis.findings) - FINDINGS_SHOWN),
        "waiting": waiting_summary(diagnosis, found.counts),
        "usage": usage_tiles(diagnosis) if found.counts.get("running") else [],
        "receipt": run_receipt(found),
        "altered_nodes": [
            {"node": node, "name": document.by_id[node].name}
            for node in list(found.altered or {})[:BECAUSE_SHOWN]
            if node in document.by_id
        ],
    }


CONDITIONS: Mapping[str, Any] = {
    "upstream": gettext_noop("for upstream nodes"),
    "pool": gettext_noop("for pool slots"),
    "pool_line": gettext_noop("for pool slots"),
    "pool_missing": gettext_noop("for a pool that does not exist"),
    "pool_too_small": gettext_noop("for more slots than their pool has"),
    "run_limit": gettext_noop("for the limit of nodes in this run"),
    "workflow_limit": gettext_noop("for another run of the workflow"),
    "suspect": gettext_noop("for another node that was lost often"),
    "worker": gettext_noop("for a free node process"),
    "retry_delay": gettext_noop("for their retry delay"),
    "run_queued": gettext_noop("for the run to start"),
}


def waiting_summary(diagnosis: Diagnosis, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return how many nodes wait for what, the most frequent first. `counts` are the run's.

    A diagnosis explains only some of them. Pending nodes of a started run wait for upstream nodes; the unexplained rest
    is counted separately.
    """
    found: dict[str, int] = {}
    for one in diagnosis.waiting:
        for condition in one.conditions[:1]:
            found[condition.code] = found.get(condition.code, 0) + 1
    if "upstream" in found:
        found["upstream"] = max(found["upstream"], counts.get("pending", 0))
    rows = [
        {"text": _(CONDITIONS.get(code, code.replace("_", " "))), "n": n}
        for code, n in sorted(found.items(), key=lambda item: -item[1])
    ]
    rest = diagnosis.waiting_total - sum(found.values())
    return [*rows, {"text": _("for other reasons"), "n": rest}] if rest > 0 else rows


def usage_tiles(diagnosis: Diagnosis) -> list[dict[str, str]]:
    """Return CPU, memory, I/O wait and network of the run now, each with what was measured."""
    usage = diagnosis.usage
    scopes = {"tree": _("processes of the run"), "host": _("whole machine")}

    def measured(value: float | None, text: str) -> str:
        return _("not determined") if value is None else text

    return [
        {"label": label, "value": measured(value, text), "scope": scopes.get(usage.scopes.get(name, ""), "")}
        for label, name, value, text in (
            (_("CPU"), "cpu_usage", usage.cpu_usage, f"{usage.cpu_usage or 0:.0f} %"),
            (_("Memory"), "memory_usage", usage.memory_usage, f"{usage.memory_usage or 0:.0f} %"),
            (_("I/O wait"), "io_wait", usage.io_wait, f"{usage.io_wait or 0:.0f} %"),
            (_("Network"), "network_io", usage.network_io, amounts.size(usage.network_io) + "/s"),
        )
    ]


RECEIPTS_READ = 2000


def run_receipt(found: Run) -> str:
    """Say what cancelling the run ended, over all attempts; empty if it was not cancelled."""
    if found.state != "cancelled" or found.cancel_requested_at is None:
        return ""
    rows = Attempt.objects.filter(run=found, finished_at__gte=found.cancel_requested_at, receipt__isnull=False)
    given = list(rows.order_by("-number").values_list("receipt", flat=True)[:RECEIPTS_READ])
    if not given:
        return _("Nothing was running.")
    return receipt_text(
        {
            "processes": sum(int(one.get("processes") or 0) for one in given if one),
            "slots": sum(int(one.get("slots") or 0) for one in given if one),
            "seconds": max(float(one.get("seconds") or 0) for one in given if one),
        }
    )


def cancel_impact(counts: Mapping[str, int]) -> list[str]:
    """Describe what cancelling a run does to its nodes."""
    running = counts.get("running", 0)
    later = sum(counts.get(state, 0) for state in ("pending", "ready", "waiting", "retrying"))
    done = counts.get("succeeded", 0)
    lines = []
    if running:
        text = ngettext(
            "{n} running node is stopped with all its processes.",
            "{n} running nodes are stopped with all their processes.",
            running,
        )
        lines.append(text.format(n=amounts.count(running)))
    else:
        lines.append(_("No nodes are running."))
    if later:
        text = ngettext("{n} node will not start.", "{n} nodes will not start.", later)
        lines.append(text.format(n=amounts.count(later)))
    if done:
        text = ngettext(
            "{n} finished node keeps its output; a retry continues from there.",
            "{n} finished nodes keep their outputs; a retry continues from there.",
            done,
        )
        lines.append(text.format(n=amounts.count(done)))
    return lines
