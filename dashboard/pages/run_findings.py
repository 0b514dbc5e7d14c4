"""Findings of the diagnosis as cards: cause, evidence, and the calls that help as buttons."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.urls import Resolver404, resolve, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from dashboard import access, presenters
from dashboard.access import Person, Right
from engine.diagnosis.finding import Action, Evidence, Finding
from engine.sentences import Sentence, gettext_noop

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
_ROLLBACK = re.compile(r"/api/v1/workflows/([^/]+)/rollback/")


def card(finding: Finding, user: Person, *, state: str = "", stuck: bool = False, back: str = "") -> dict[str, Any]:
    """A finding for the template. `state`: of its node; `back`: the page that a form returns to."""
    style = style_of(finding.code, state, stuck)
    return {
        "code": finding.code,
        "node": finding.node,
        "lead": presenters.said_html(finding.message),
        "text": "",
        "style": style,
        "icon": "warn" if style == "stuck" else presenters.look(style).icon,
        "evidence": [_evidence(one) for one in finding.evidence],
        "actions": buttons(finding.actions, user, back=back),
    }


def under(lead: str, finding: Finding) -> dict[str, Any]:
    """Lead, text and evidence of a card whose lead says already what is seen: the text is then the cause or the remedy
    alone, and the evidence says only when it was."""
    values = finding.message.values
    part = values.get("remedy") or values.get("cause")
    text = format_html(_("{sentence}."), sentence=presenters.said_html(part)) if isinstance(part, Sentence) else None
    return {
        "lead": lead,
        "text": text or presenters.said_html(_brief(finding.message)),
        "evidence": [_evidence(replace(one, message=_brief(one.message))) for one in finding.evidence],
    }


_BRIEF = {
    "Attempt {attempt} in {process} ended at {time}: {cause}": gettext_noop(
        "Attempt {attempt} in {process} ended at {time}"
    ),
    "Attempt {attempt} in {process} failed at {time}: {cause}": gettext_noop(
        "Attempt {attempt} in {process} failed at {time}"
    ),
    '"{node}" failed and is tried again in {span}: {cause}.': gettext_noop("It is tried again in {span}."),
}
"""Sentences of the diagnosis, and what is left of them below the error that they repeat."""


def _brief(sentence: Sentence) -> Sentence:
    return Sentence(_BRIEF.get(sentence.template, sentence.template), sentence.values)


def style_of(code: str, state: str, stuck: bool) -> str:
    """The state whose colours a card has: that of its node, or what is said of a running one."""
    if stuck:
        return "stuck"
    if state and state != "running":
        return "waiting" if state == "pending" else state
    if code.startswith("failed"):
        return "failed"
    return "waiting" if not state and code in WAITING_CODES else "stuck"


def _evidence(one: Evidence) -> dict[str, Any]:
    return {"icon": EVIDENCE_ICONS.get(one.kind, "dot"), "text": presenters.said_html(one.message)}


def buttons(actions: Iterable[Action], user: Person, *, back: str = "") -> list[dict[str, Any]]:
    """The actions that this person may do, each a button; the first is the one to press."""
    shown = [_button(action, back) for action in actions if may(user, action.method, action.path)]
    for place, one in enumerate(shown):
        one["primary"] = place == 0 and one["kind"] != "confirm"
    return shown


def _button(action: Action, back: str) -> dict[str, Any]:
    rollback = _ROLLBACK.fullmatch(action.path)
    body = dict(action.body or {})
    whole = f"{action.method} {action.path} {json.dumps(body, sort_keys=True)}"
    form, values = page_form(action, body)
    made: dict[str, Any] = {
        # The same for the same call at every refresh: an open form stays the one that it is.
        "id": f"act-{hashlib.sha256(whole.encode()).hexdigest()[:12]}",
        "label": presenters.said(action.label),
        "method": action.method,
        "path": action.path,
        "body": json.dumps(action.body) if action.body is not None else "",
        "danger": action.danger,
        "kind": "call",
        "impact": [],
        "form": form,
        "fields": values,
    }
    if (stack := _STACK.fullmatch(action.path)) and action.method == "GET":
        made["kind"] = "stack"
        made["form"] = reverse("run-node-stack", args=[stack[1], stack[2]])
    elif rollback and body.get("version"):
        query = urlencode({"reason": str(body.get("reason") or ""), "next": back})
        made["kind"] = "rollback"
        made["load"] = f"{reverse('workflow-rollback', args=[rollback[1], body['version']])}?{query}"
    elif action.danger and not _RETRY.fullmatch(action.path):
        # A retry of what hangs is what one came for; it tells its receipt. To end something for good is asked again.
        made["kind"] = "confirm"
        made["impact"] = impact(action.path)
    return made


def page_form(action: Action, body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The page's form that does the same without scripts, and its hidden fields; empty: there is none."""
    match = _COMMAND.fullmatch(action.path)
    if match is None or action.method != "POST":
        return "", {}
    run, node, verb = match.groups()
    policy = (body.get("policy") or {}).items() if node else ()
    # As JSON, for null is a value too: no limit.
    fields = {f"policy.{name}": value if isinstance(value, str) else json.dumps(value) for name, value in policy}
    if not node and body:
        # The run's form retries all that failed; what names nodes is for the script.
        return "", {}
    if body.get("from"):
        fields["from"] = body["from"]
    name = f"run-node-{verb}" if node else f"run-{verb}"
    return reverse(name, args=[run, node] if node else [run]), fields


def impact(path: str) -> list[str]:
    """What a call that ends something ends, in sentences."""
    node, run = _NODE_CANCEL.fullmatch(path), _RUN_CANCEL.fullmatch(path)
    if node:
        return [
            _("Node {node} of run {run} is ended with all its processes.").format(node=node[2], run=node[1]),
            _("Nodes that need its output do not run."),
            _("A retry starts it again."),
        ]
    if skip := _NODE_SKIP.fullmatch(path):
        return [
            _("Node {node} of run {run} counts as succeeded, with an output of null.").format(
                node=skip[2], run=skip[1]
            ),
            _("What it runs now is ended with all its processes."),
            _("Nodes after it run without what it would have given."),
        ]
    if run:
        return [
            _("All running nodes of run {run} are ended with their processes.").format(run=run[1]),
            _("Nothing else of it starts."),
            _("Finished nodes keep their outputs; a retry goes on from there."),
        ]
    return [_("This ends what runs.")]


def may(user: Person, method: str, path: str) -> bool:
    """Whether this person may send this call: the API's own table of rights says so."""
    try:
        view = getattr(resolve(path.partition("?")[0]).func, "cls", None)
    except Resolver404:
        return False
    right: Right | None = getattr(view, "rights", {}).get(method)
    return right is not None and access.can(user, right)
