"""Start a run: the form made from the JSON Schema of the inputs."""

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
from dashboard.pages.base import page, person, render, whole_number
from dashboard.presenters.listing import listed
from dashboard.presenters.sentences import error_message, sentence_text
from engine.errors import InterlockError, InvalidTargets
from engine.errors import InvalidInputs as EngineInvalidInputs
from engine.models import Run
from engine.problems import InvalidDocument
from versions import queries
from versions.actions import drafts
from versions.actions.launch import launch
from versions.errors import NothingLive, VersionsError
from versions.models import Workflow


@dataclass(slots=True)
class InputField:
    """One input as the form shows it."""

    name: str
    kind: str
    """One of number, integer, boolean, choice, date, text, long, json."""
    label: str
    help: str
    required: bool
    value: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    """JSON of the value, and its text."""
    least: Any = None
    most: Any = None
    errors: list[str] = field(default_factory=list)


def fields(schema: Mapping[str, Any] | None, given: Mapping[str, Any]) -> list[InputField]:
    """Return the form's fields for a schema of inputs, filled from `given`, else with their defaults."""
    found = []
    schema = schema or {}
    required = schema.get("required") or []
    for name, rule in (schema.get("properties") or {}).items():
        rule = rule if isinstance(rule, Mapping) else {}
        kind = _kind(rule)
        value = given.get(name, rule.get("default"))
        found.append(
            InputField(
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
"""Length from which a text gets a multi-line field."""


def _kind(rule: Mapping[str, Any]) -> str:
    if isinstance(rule.get("enum"), list) and rule["enum"]:
        return "choice"
    named = rule.get("type")
    if named == "string":
        if rule.get("format") == "date":
            return "date"
        longest, default = rule.get("maxLength"), rule.get("default")
        is_long = isinstance(longest, int) and longest > LONG_TEXT
        return (
            "long"
            if is_long or (isinstance(default, str) and ("\n" in default or len(default) > LONG_TEXT))
            else "text"
        )
    kind = {"integer": "integer", "number": "number", "boolean": "boolean"}
    return kind.get(named, "json") if isinstance(named, str) else "json"


def _choices(rule: Mapping[str, Any], required: bool, value: Any) -> list[tuple[str, str]]:
    found = [
        (json.dumps(one, ensure_ascii=False), one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))
        for one in rule.get("enum", [])
    ]
    if value is None and None not in rule.get("enum", []):
        # Preselect nothing: an input without a default is omitted, or must be chosen.
        found.insert(0, ("", _("Choose one") if required else _("None")))
    return found


TEXTS = ("text", "long", "date")


def _text(value: Any, kind: str) -> str:
    if value is None and kind != "choice":
        return ""
    if kind in TEXTS and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if kind == "json" else None)


def read(form: Mapping[str, str], wanted: list[InputField]) -> dict[str, Any]:
    """Return the inputs that a submitted form contains.

    A value that cannot be parsed is marked in its field and kept as text, so that the schema refuses it too. An empty
    field that is not text is omitted, so that its default applies.
    """
    inputs: dict[str, Any] = {}
    for one in wanted:
        raw = form.get(f"input.{one.name}", "")
        if one.kind == "boolean":
            one.value = "true" if raw else "false"
            inputs[one.name] = bool(raw)
            continue
        one.value = raw
        if one.kind in TEXTS:
            # Browsers send line breaks as CR LF.
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
                one.errors.append(_("Not valid JSON. Put text in quotes and lists in [ ]."))
    return inputs


@require_http_methods(["GET", "POST"])
@page(Right.RUN)
def run(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.RUN)
    draft = "draft" in request.GET or "draft" in request.POST
    if draft:
        # A draft contains unpublished code, so running it requires the right to edit.
        access.require(request.user, Right.EDIT)
    number = whole_number(request.POST.get("version") or request.GET.get("version"), 0)
    shown, document = _target(request, workflow, draft, number)
    previous = _previous_run(request, slug) or (_last_draft_run(request, slug) if draft else None)
    targets = request.POST.getlist("target") or request.GET.getlist("target")
    # Inputs that are no longer in the schema are left out, because the run would be refused for them.
    schema = document.get("inputs")
    wanted = fields(schema if isinstance(schema, Mapping) else None, previous.inputs if previous is not None else {})
    context: dict[str, Any] = {
        "nav": "workflows",
        "workflow": queries.workflow_dict(workflow),
        "draft": draft,
        "number": number,
        "shown": shown,
        "fields": wanted,
        "priority": previous.priority if previous is not None else "",
        "previous": previous.pk if previous is not None and "from" in request.GET else None,
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
        if any(one.errors for one in wanted):
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
        return _form(request, {**context, "errors": _assign_problems(error.problems, wanted)}, status=422)
    except InterlockError as error:
        problems = getattr(error, "problems", None)
        errors = _assign_problems(problems, wanted) if problems else [error_message(error)]
        return _form(request, {**context, "errors": errors}, status=409 if isinstance(error, VersionsError) else 422)
    address = reverse("run", args=[started.pk])
    if context["follow"]:
        # The editor stays on its page and follows the run itself.
        accepted = JsonResponse({"run": str(started.pk)}, status=202)
        accepted["HX-Reswap"] = "none"
        accepted["HX-Trigger"] = json.dumps({"interlock:run": {"run": str(started.pk)}})
        return accepted
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return HttpResponseRedirect(address)


def _previous_run(request: HttpRequest, slug: str) -> Run | None:
    """Return the run whose inputs prefill the form; None for the defaults. Raises NotFound."""
    number = request.GET.get("from")
    if not number:
        return None
    found = access.run(request.user, number)
    return found if found.workflow == slug else None


def _names(document: Mapping[str, Any], targets: list[str]) -> str:
    """Return the names of nodes for people. The document may be invalid."""
    nodes = document.get("nodes")
    named = {
        node["id"]: node.get("name")
        for node in (nodes if isinstance(nodes, list) else ())
        if isinstance(node, dict) and isinstance(node.get("id"), str)
    }
    return listed(named.get(target) or target for target in targets)


def _last_draft_run(request: HttpRequest, slug: str) -> Run | None:
    """Return the last run of the user's draft: a draft is usually tried again with the same inputs."""
    mine = Run.objects.filter(workflow=slug, draft=True, created_by=request.user.get_username())
    return mine.order_by("-id").first()


def _target(request: HttpRequest, workflow: Workflow, draft: bool, number: int) -> tuple[str, Mapping[str, Any]]:
    """Return what would be started, in words, and its document."""
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


def _assign_problems(problems: Any, wanted: list[InputField]) -> list[str]:
    """Add each problem to its field and return those that belong to none."""
    rest = []
    for problem in problems:
        name = problem.path.removeprefix("inputs.").split(".")[0].split("[")[0]
        at = next((one for one in wanted if one.name == name), None)
        if at is None:
            rest.append(sentence_text(problem.sentence))
        else:
            at.errors.append(sentence_text(problem.sentence))
    return rest


def _form(request: HttpRequest, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    if context["follow"] and request.method == "POST" and not request.headers.get("HX-Request"):
        errors = [*context.get("errors", ()), *(error for one in context["fields"] for error in one.errors)]
        return JsonResponse({"detail": " ".join(errors)}, status=status)
    part = request.headers.get("HX-Request")
    return render(request, "workflows/_run_form.html" if part else "workflows/run.html", context, status=status)
