"""Starting a run: the form made from the inputs' JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard import access
from dashboard.access import Right
from dashboard.engine_words import engine_words
from dashboard.pages.base import page, person, render, whole_number
from engine.errors import InterlockError, InvalidDocument, InvalidTargets
from engine.errors import InvalidInputs as EngineInvalidInputs
from engine.models import Run
from versions import queries
from versions.actions import drafts
from versions.actions.launch import launch
from versions.errors import NothingLive, VersionsError
from versions.models import Workflow


@dataclass(slots=True)
class Field:
    """One input as a form shows it."""

    name: str
    kind: str
    """number integer boolean choice date text long json."""
    label: str
    help: str
    required: bool
    value: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    """(JSON of the value, text)."""
    least: Any = None
    most: Any = None
    wrong: list[str] = field(default_factory=list)


def fields(schema: Mapping[str, Any] | None, given: Mapping[str, Any]) -> list[Field]:
    """The form's fields for a schema of inputs, filled with `given`, else with their defaults."""
    found = []
    schema = schema or {}
    required = schema.get("required") or []
    for name, rule in (schema.get("properties") or {}).items():
        rule = rule if isinstance(rule, Mapping) else {}
        kind = _kind(rule)
        value = given.get(name, rule.get("default"))
        found.append(
            Field(
                name=name,
                kind=kind,
                label=str(rule.get("title") or name),
                help=str(rule.get("description") or ""),
                required=name in required and "default" not in rule,
                value=_text(value, kind),
                choices=_choices(rule, name in required, value) if kind == "choice" else [],
                least=rule.get("minimum"),
                most=rule.get("maximum"),
            )
        )
    return found


LONG_TEXT = 200
"""Characters from which on a text has a field of several lines."""


def _kind(rule: Mapping[str, Any]) -> str:
    if isinstance(rule.get("enum"), list) and rule["enum"]:
        return "choice"
    named = rule.get("type")
    if named == "string":
        if rule.get("format") == "date":
            return "date"
        longest, usual = rule.get("maxLength"), rule.get("default")
        is_long = isinstance(longest, int) and longest > LONG_TEXT
        return "long" if is_long or (isinstance(usual, str) and ("\n" in usual or len(usual) > LONG_TEXT)) else "text"
    kind = {"integer": "integer", "number": "number", "boolean": "boolean"}
    return kind.get(named, "json") if isinstance(named, str) else "json"


def _choices(rule: Mapping[str, Any], required: bool, value: Any) -> list[tuple[str, str]]:
    found = [
        (json.dumps(one, ensure_ascii=False), one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))
        for one in rule.get("enum", [])
    ]
    if value is None and None not in rule.get("enum", []):
        # Nothing is chosen for anybody: an input without a default stays out, or is asked for.
        found.insert(0, ("", _("Choose one") if required else _("None")))
    return found


TEXTS = ("text", "long", "date")


def _text(value: Any, kind: str) -> str:
    if value is None and kind != "choice":
        return ""
    if kind in TEXTS and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if kind == "json" else None)


def read(form: Mapping[str, str], wanted: list[Field]) -> dict[str, Any]:
    """The inputs that a sent form holds. What cannot be read is marked in its field and left as text, so that the
    schema refuses it too. An empty field that is no text is left out: its default applies."""
    inputs: dict[str, Any] = {}
    for one in wanted:
        raw = form.get(f"input.{one.name}", "")
        if one.kind == "boolean":
            one.value = "true" if raw else "false"
            inputs[one.name] = bool(raw)
            continue
        one.value = raw
        if one.kind in TEXTS:
            # A browser sends the ends of lines as CR and LF.
            raw = raw.replace("\r\n", "\n")
            if raw or (one.required and one.kind != "date"):
                inputs[one.name] = raw
            continue
        if not raw.strip():
            continue
        try:
            inputs[one.name] = json.loads(raw)
        except (ValueError, RecursionError):
            inputs[one.name] = raw
            if one.kind == "json":
                one.wrong.append(_("This is not JSON: text stands in quotes, lists in [ ]."))
    return inputs


@require_http_methods(["GET", "POST"])
@page(Right.RUN)
def run(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.RUN)
    draft = "draft" in request.GET or "draft" in request.POST
    if draft:
        # A draft is code that nobody has published: running it needs the right to write it.
        access.require(request.user, Right.EDIT)
    number = whole_number(request.POST.get("version") or request.GET.get("version"), 0)
    shown, document = _what(request, workflow, draft, number)
    like = _like(request, slug) or (_last_of_draft(request, slug) if draft else None)
    targets = request.POST.getlist("target") or request.GET.getlist("target")
    # What the schema has no field for any more is left out: the run would be refused for it.
    schema = document.get("inputs")
    wanted = fields(schema if isinstance(schema, Mapping) else None, like.inputs if like is not None else {})
    context: dict[str, Any] = {
        "nav": "workflows",
        "workflow": queries.workflow_dict(workflow),
        "draft": draft,
        "number": number,
        "shown": shown,
        "fields": wanted,
        "priority": like.priority if like is not None else "",
        "like": like.pk if like is not None and "from" in request.GET else None,
        "targets": targets,
        "up_to": _names(document, targets),
        "follow": "follow" in request.GET or "follow" in request.POST,
    }
    if request.method == "GET":
        return _form(request, context)
    inputs = read(request.POST, wanted)
    priority = whole_number(request.POST.get("priority"), 0) or None
    context["priority"] = priority or ""
    try:
        if any(one.wrong for one in wanted):
            return _form(request, context, status=422)
        started = launch(
            workflow,
            version=number or None,
            draft_of=person(request) if draft else None,
            inputs=inputs,
            priority=min(9, priority) if priority else None,
            targets=targets or None,
            unsaved=True,
            by=request.user.get_username(),
        )
    except (EngineInvalidInputs, InvalidDocument, InvalidTargets) as error:
        return _form(request, {**context, "said": _sort(error.problems, wanted)}, status=422)
    except InterlockError as error:
        problems = getattr(error, "problems", None)
        said = _sort(problems, wanted) if problems else [engine_words(str(error))]
        return _form(request, {**context, "said": said}, status=409 if isinstance(error, VersionsError) else 422)
    address = reverse("run", args=[started.pk])
    if context["follow"]:
        # The editor stays where it is and follows the run itself.
        accepted = JsonResponse({"run": str(started.pk)}, status=202)
        accepted["HX-Reswap"] = "none"
        accepted["HX-Trigger"] = json.dumps({"interlock:run": {"run": str(started.pk)}})
        return accepted
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return HttpResponseRedirect(address)


def _like(request: HttpRequest, slug: str) -> Run | None:
    """The run whose inputs the form begins with; None: the defaults. Raises NotFound."""
    number = request.GET.get("from")
    if not number:
        return None
    found = access.run(request.user, number)
    return found if found.workflow == slug else None


def _names(document: Mapping[str, Any], targets: list[str]) -> str:
    """The names of nodes of a document, which may be wrong, for people."""
    nodes = document.get("nodes")
    named = {
        node["id"]: node.get("name")
        for node in (nodes if isinstance(nodes, list) else ())
        if isinstance(node, dict) and isinstance(node.get("id"), str)
    }
    return ", ".join(str(named.get(target) or target) for target in targets)


def _last_of_draft(request: HttpRequest, slug: str) -> Run | None:
    """The last run of this person's draft: who tries a draft again tries it with the same inputs."""
    mine = Run.objects.filter(workflow=slug, draft=True, created_by=request.user.get_username())
    return mine.order_by("-id").first()


def _what(request: HttpRequest, workflow: Workflow, draft: bool, number: int) -> tuple[str, Mapping[str, Any]]:
    """What would be started, in words, and its document."""
    if draft:
        return _("your draft"), drafts.load(workflow, person(request)).definition
    if not number:
        live = queries.live_deployment(workflow)
        if live is None:
            raise NothingLive(workflow.slug)
        version = live.version
    else:
        version = queries.version(workflow, number)
    return f"v{version.number}", queries.document_of(version)


def _sort(problems: Any, wanted: list[Field]) -> list[str]:
    """Puts each problem at its field; what belongs to none is returned."""
    rest = []
    for problem in problems:
        name = problem.path.removeprefix("inputs.").split(".")[0].split("[")[0]
        at = next((one for one in wanted if one.name == name), None)
        if at is None:
            rest.append(engine_words(problem.message))
        else:
            at.wrong.append(problem.message)
    return rest


def _form(request: HttpRequest, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    if context["follow"] and request.method == "POST" and not request.headers.get("HX-Request"):
        said = [*context.get("said", ()), *(wrong for one in context["fields"] for wrong in one.wrong)]
        return JsonResponse({"detail": " ".join(said)}, status=status)
    part = request.headers.get("HX-Request")
    return render(request, "workflows/_run_form.html" if part else "workflows/run.html", context, status=status)
