"""Starting a run: the form made from the inputs' JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, person, render, whole_number
from engine.errors import InterlockError, InvalidDocument
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
    """number integer boolean choice text json."""
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
                choices=[(json.dumps(one, ensure_ascii=False), str(one)) for one in rule.get("enum", [])],
                least=rule.get("minimum"),
                most=rule.get("maximum"),
            )
        )
    return found


def _kind(rule: Mapping[str, Any]) -> str:
    if isinstance(rule.get("enum"), list) and rule["enum"]:
        return "choice"
    kind = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text"}
    named = rule.get("type")
    return kind.get(named, "json") if isinstance(named, str) else "json"


def _text(value: Any, kind: str) -> str:
    if value is None and kind != "choice":
        return ""
    if kind == "text" and isinstance(value, str):
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
        if one.kind == "text":
            if raw or one.required:
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
    shown, schema = _what(request, workflow, draft, number)
    like = _like(request, slug)
    # What the schema has no field for any more is left out: the run would be refused for it.
    wanted = fields(schema, like.inputs if like is not None else {})
    context: dict[str, Any] = {
        "nav": "workflows",
        "workflow": queries.workflow_dict(workflow),
        "draft": draft,
        "number": number,
        "shown": shown,
        "fields": wanted,
        "priority": like.priority if like is not None else "",
        "like": like.pk if like is not None else None,
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
            by=request.user.get_username(),
        )
    except (EngineInvalidInputs, InvalidDocument) as error:
        return _form(request, {**context, "said": _sort(error.problems, wanted)}, status=422)
    except InterlockError as error:
        problems = getattr(error, "problems", None)
        said = _sort(problems, wanted) if problems else [str(error)]
        return _form(request, {**context, "said": said}, status=409 if isinstance(error, VersionsError) else 422)
    address = reverse("run", args=[started.pk])
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


def _what(request: HttpRequest, workflow: Workflow, draft: bool, number: int) -> tuple[str, Mapping[str, Any] | None]:
    """What would be started, in words, and the schema of its inputs."""
    if draft:
        definition = drafts.load(workflow, person(request)).definition
        inputs = definition.get("inputs")
        return _("your draft"), inputs if isinstance(inputs, Mapping) else None
    if not number:
        live = queries.live_deployment(workflow)
        if live is None:
            raise NothingLive(workflow.slug)
        version = live.version
    else:
        version = queries.version(workflow, number)
    document = queries.document_of(version)
    return f"v{version.number}", document.get("inputs")


def _sort(problems: Any, wanted: list[Field]) -> list[str]:
    """Puts each problem at its field; what belongs to none is returned."""
    rest = []
    for problem in problems:
        name = problem.path.removeprefix("inputs.").split(".")[0].split("[")[0]
        at = next((one for one in wanted if one.name == name), None)
        if at is None:
            rest.append(problem.message)
        else:
            at.wrong.append(problem.message)
    return rest


def _form(request: HttpRequest, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    part = request.headers.get("HX-Request")
    return render(request, "workflows/_run_form.html" if part else "workflows/run.html", context, status=status)
