"""Findings of the diagnosis as cards: cause, evidence, and actions as buttons."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _

from dashboard import access
from dashboard.access import Person, Right
from dashboard.presenters.sentences import sentence_html, sentence_text
from dashboard.presenters.states import state_style
from dashboard.presenters.text import without_colours
from engine.diagnosis.finding import Action, Evidence, Finding

EVIDENCE_ICONS: Mapping[str, str] = {
    "duration": "clock",
    "cpu": "cpu",
    "memory": "gauge",
    "io": "table",
    "network": "globe",
    "stack": "stack",
    "wait": "link",
    "child": "shell",
    "log": "log",
    "pool": "lock",
    "error": "bad",
    "history": "back",
}
ENDING = ("confirm", "skip")
"""Kinds of buttons that end something for good and ask first."""
WAITING_CODES = frozenset(
    (
        *("pool_full", "pool_line", "pool_missing", "pool_too_small"),
        *("run_limit", "workflow_limit", "no_worker", "no_queue_worker", "upstream", "retry_delay"),
    )
)
_NODE_CANCEL = re.compile(r"/api/v1/runs/(\d+)/nodes/([a-z][a-z0-9_]*)/cancel/")
_NODE_SKIP = re.compile(r"/api/v1/runs/(\d+)/nodes/([a-z][a-z0-9_]*)/skip/")
_RUN_CANCEL = re.compile(r"/api/v1/runs/(\d+)/cancel/")
_RETRY = re.compile(r"/api/v1/runs/\d+/(?:nodes/[a-z][a-z0-9_]*/)?retry/")
_STACK = re.compile(r"/api/v1/runs/(\d+)/nodes/([a-z][a-z0-9_]*)/stack/")
_COMMAND = re.compile(r"/api/v1/runs/(\d+)/(?:nodes/([a-z][a-z0-9_]*)/)?(cancel|retry|skip)/")
_DRAFT = re.compile(r"/api/v1/workflows/([^/]+)/draft/")
_ROLLBACK = re.compile(r"/api/v1/workflows/([^/]+)/rollback/")


def card(finding: Finding, user: Person, *, state: str = "", stuck: bool = False, back: str = "") -> dict[str, Any]:
    """Return a finding for the template. `state`: the state of its node. `back`: the page that a form returns to."""
    style = style_of(finding.code, state, stuck)
    return {
        "code": finding.code,
        "node": finding.node,
        "lead": sentence_html(finding.message),
        "text": "",
        "style": style,
        "icon": "warn" if style == "stuck" else state_style(style).icon,
        "evidence": [_evidence(one) for one in finding.evidence],
        "actions": buttons(finding.actions, user, back=back),
    }


def below_lead(lead: str, finding: Finding) -> dict[str, Any]:
    """Return lead, text and evidence of a card whose lead already says what happened."""
    return {
        "lead": lead,
        "text": sentence_html(finding.brief or finding.message),
        "evidence": [_evidence(replace(one, message=one.brief or one.message)) for one in finding.evidence],
    }


def style_of(code: str, state: str, stuck: bool) -> str:
    """Return the state that gives a card its colours: the state of its node, or stuck or waiting for a running one."""
    if stuck:
        return "stuck"
    if state and state != "running":
        return "waiting" if state == "pending" else state
    if code.startswith("failed"):
        return "failed"
    return "waiting" if not state and code in WAITING_CODES else "stuck"


def _evidence(one: Evidence) -> dict[str, Any]:
    message = one.message
    if one.kind == "log":
        # The log shows colours; here they would only be noise.
        values = {
            name: without_colours(value) if isinstance(value, str) else value for name, value in message.values.items()
        }
        message = replace(message, values=values)
    return {"icon": EVIDENCE_ICONS.get(one.kind, "dot"), "text": sentence_html(message)}


def buttons(actions: Iterable[Action], user: Person, *, back: str = "") -> list[dict[str, Any]]:
    """Return the actions that the user may perform as buttons. The first one is primary."""
    shown = [_button(action, back) for action in actions if may(user, action.method, action.path)]
    for place, one in enumerate(shown):
        one["primary"] = place == 0 and one["kind"] not in ENDING
    return shown


def _button(action: Action, back: str) -> dict[str, Any]:
    rollback = _ROLLBACK.fullmatch(action.path)
    body = dict(action.body or {})
    whole = f"{action.method} {action.path} {json.dumps(body, sort_keys=True)}"
    form, values = page_form(action, body)
    button: dict[str, Any] = {
        # Stays the same over refreshes, so that an open form stays open.
        "id": f"act-{hashlib.sha256(whole.encode()).hexdigest()[:12]}",
        "label": sentence_text(action.label),
        "method": action.method,
        "path": action.path,
        "body": json.dumps(action.body) if action.body is not None else "",
        "danger": action.danger,
        "kind": "call",
        "impact": [],
        "form": form,
        "fields": values,
    }
    if action.edits is not None and (draft := _DRAFT.fullmatch(action.path)):
        node, line = action.edits
        query = urlencode({"node": node} if line is None else {"node": node, "line": line})
        button["kind"] = "link"
        button["form"] = f"{reverse('workflow-edit', args=[draft[1]])}?{query}"
    elif (stack := _STACK.fullmatch(action.path)) and action.method == "GET":
        button["kind"] = "stack"
        button["form"] = reverse("run-node-stack", args=[stack[1], stack[2]])
    elif rollback and body.get("version"):
        query = urlencode({"reason": str(body.get("reason") or ""), "next": back})
        button["kind"] = "rollback"
        button["load"] = f"{reverse('workflow-rollback', args=[rollback[1], body['version']])}?{query}"
    elif skip := _NODE_SKIP.fullmatch(action.path):
        # What it does depends on the nodes downstream, so it is looked up when the person asks.
        button["kind"] = "skip"
        button["load"] = f"{reverse('run-node-skip', args=[skip[1], skip[2]])}?{urlencode({'next': back})}"
    elif action.danger and not _RETRY.fullmatch(action.path):
        # Ask for confirmation of what ends something for good. A retry does not: it starts the node again, and people
        # come to the page for it.
        button["kind"] = "confirm"
        button["impact"] = impact(action.path)
    return button


def page_form(action: Action, body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the page's form that does the same without scripts, and its hidden fields; empty if there is none."""
    match = _COMMAND.fullmatch(action.path)
    if match is None or action.method != "POST":
        return "", {}
    run, node, verb = match.groups()
    policy = (body.get("policy") or {}).items() if node else ()
    # As JSON, because null is a value too: no limit.
    fields = {f"policy.{name}": value if isinstance(value, str) else json.dumps(value) for name, value in policy}
    if not node and body:
        # The run's form retries all that failed. Naming nodes needs the script.
        return "", {}
    if body.get("from"):
        fields["from"] = body["from"]
    name = f"run-node-{verb}" if node else f"run-{verb}"
    return reverse(name, args=[run, node] if node else [run]), fields


def impact(path: str) -> list[str]:
    """Describe in sentences what a call ends."""
    node, run = _NODE_CANCEL.fullmatch(path), _RUN_CANCEL.fullmatch(path)
    if node:
        return [
            _("Node {node} of run {run} is stopped with all its processes.").format(node=node[2], run=node[1]),
            _("Nodes that depend on it will not run."),
            _("You can retry it later."),
        ]
    if run:
        return [
            _("All running nodes of run {run} are stopped with their processes.").format(run=run[1]),
            _("No other nodes start."),
            _("Finished nodes keep their outputs; a retry continues from there."),
        ]
    return [_("This stops what is running.")]


def may(user: Person, method: str, path: str) -> bool:
    """Return whether the user may send this call, according to the API's own rights."""
    try:
        view = getattr(resolve(path.partition("?")[0]).func, "cls", None)
    except Resolver404:
        return False
    right: Right | None = getattr(view, "rights", {}).get(method)
    return right is not None and access.can(user, right)
