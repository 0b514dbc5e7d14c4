"""The editor of the user's draft, as a graph or as text: validate, publish, discard."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import APIException

from dashboard import access
from dashboard.access import Right
from dashboard.api.problems import BadRequest
from dashboard.pages.base import json_body, page, person, render
from dashboard.pages.workflows import changes_line
from dashboard.presenters import node_types
from dashboard.presenters.changes import change_sentences
from dashboard.presenters.definition import document_text
from dashboard.presenters.sentences import error_message, sentence_text
from engine import clock
from engine.problems import InvalidDocument
from versions import checking, diff, queries
from versions.actions import deploy, drafts
from versions.actions import publish as publishing
from versions.errors import Conflict, OutdatedBase, StaleDraft
from versions.models import Draft, Workflow

MESSAGE_MAX: Final = 500


@require_safe
@page(Right.EDIT)
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the draft as a graph. The page's script fetches the document."""
    workflow = access.workflow(request.user, slug, Right.EDIT)
    shown = queries.workflow_dict(workflow)
    facts = {
        "slug": workflow.slug,
        "name": workflow.name,
        "user": request.user.get_username(),
        "newest": shown["newest"],
        "live": (shown["live"] or {}).get("version"),
        "draft_base": shown["draft_base"],
        "archived": workflow.archived_at is not None,
        "types": node_types.describe(),
        "pools": dict(queries.pool_sizes()),
        "may_deploy": access.can(request.user, Right.DEPLOY),
        "address": reverse("workflow", args=[slug]),
    }
    # The bar shows at once what the draft is based on.
    draft = Draft.objects.filter(workflow=workflow, user=person(request), definition__isnull=False)
    saved = draft.values("base_version").first()
    base = saved["base_version"] if saved else shown["draft_base"]
    context = {"nav": "workflows", "workflow": shown, "facts": facts, "draft_of": _draft_of(base, shown)}
    return render(request, "workflows/edit.html", context)


def _draft_of(base: int | None, workflow: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{text, outdated}`: what a draft is based on, beside what is live. `baseText` in `base-text.ts` is the
    same in the browser."""
    live = (workflow["live"] or {}).get("version")
    outdated = base != workflow["draft_base"]
    text = _("First draft") if base is None else _("Draft of v{n}").format(n=base)
    beside = ""
    if base is not None and live is not None and base != live:
        beside = (_("behind v{n} (live)") if base < live else _("ahead of v{n} (live)")).format(n=live)
    elif outdated:
        beside = _("v{n} is newer").format(n=workflow["draft_base"])
    return {"text": f"{text} · {beside}" if beside else text, "outdated": outdated}


@require_safe
@page(Right.EDIT)
def edit_text(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    shown = queries.workflow_dict(workflow)
    copy = drafts.load(workflow, person(request), start="live")
    found = checking.check(
        copy.definition,
        pools=queries.pool_sizes(),
        workflow=workflow.slug,
        user=request.user.get_username(),
        seconds=checking.TYPING_SECONDS,
    ).problems
    context = {
        "nav": "workflows",
        "workflow": shown,
        "copy": copy,
        "draft_of": _draft_of(copy.base_version, shown),
        "saved_at": clock.iso(copy.saved_at) if copy.saved_at else "",
        "text": document_text(copy.definition),
        "problems": [problem.as_dict(sentence_text) for problem in found],
        "outdated": copy.saved_at is not None and copy.base_version != shown["draft_base"],
        "taken_back": _is_taken_back(copy.base_version, shown["draft_base"]),
    }
    return render(request, "workflows/edit_text.html", context)


def _is_taken_back(base: int | None, draft_base: int | None) -> bool:
    """Whether a draft has the changes of a version that was taken back."""
    return base is not None and draft_base is not None and base > draft_base


_LISTED = 3
"""How many problems the form lists; the others are counted."""
_SENTENCES_MAX = 60


@require_safe
@page(Right.EDIT)
def publish_form(request: HttpRequest, slug: str) -> HttpResponse:
    """Render the popover of the Publish button: what changes, a message, and whether the version goes live.

    Changes are relative to the live version. Problems replace the form, and so does a base version that a new draft
    would not start from: another version was published meanwhile, or the base was taken back.
    `?drawn=1` means that it is opened in the graph editor, which can show problems.
    """
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request), start="live")
    newest = queries.newest_version(workflow)
    start = queries.draft_base(workflow, newest)
    live = queries.live_deployment(workflow)
    number = newest.number if newest is not None else None
    context: dict[str, Any] = {
        "workflow": queries.workflow_dict(workflow),
        "drawn": "drawn" in request.GET,
        "first": newest is None,
        "next_number": (number or 0) + 1,
        "newest": number,
        "live": live.version.number if live else None,
        "base": copy.base_version,
        "may_deploy": access.can(request.user, Right.DEPLOY),
    }
    newest_document = queries.document_of(newest) if newest is not None else {}
    start_document = newest_document if start is newest else queries.document_of(start) if start is not None else {}
    if start is not None and not diff.changes(start_document, copy.definition):
        return render(request, "workflows/_publish.html", {**context, "unchanged": start.number})
    if start is not None and copy.base_version != start.number:
        base = queries.find_version(workflow, copy.base_version) if copy.base_version is not None else None
        base_document = queries.document_of(base) if base is not None else {}
        context |= {"outdated": start, "their_changes": _sentences(base_document, start_document)}
        if _is_taken_back(copy.base_version, start.number):
            rolled_back = queries.audit(workflow=workflow.slug, action="rolled_back").first()
            # It may also have been replaced by a deployment, which has no reason.
            fits = rolled_back is not None and rolled_back.to_version == start.number
            context |= {"taken_back": True, "rollback": rolled_back if fits else None}
        return render(request, "workflows/_publish.html", context)
    if start is not newest and not diff.changes(newest_document, copy.definition):
        return render(request, "workflows/_publish.html", {**context, "unchanged": number})
    by = request.user.get_username()
    found = checking.check(
        copy.definition,
        pools=queries.pool_sizes(),
        workflow=slug,
        user=by,
        seconds=checking.BLOCKING_SECONDS,
    ).problems
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        names = {one.get("id"): one.get("name") for one in _nodes(copy.definition)}
        context["errors"] = [
            {"name": names.get(problem.node) or problem.node, "message": sentence_text(problem.sentence)}
            for problem in errors[:_LISTED]
        ]
        context["error_count"] = len(errors)
    against = newest_document if live is None or live.version.number == number else queries.document_of(live.version)
    context["sentences"] = _sentences(against, copy.definition) if newest is not None else []
    return render(request, "workflows/_publish.html", context)


def _base_to_publish_on(workflow: Workflow, copy: drafts.WorkingCopy) -> int | None:
    """Return the base version for `publish`, which must be the newest: who starts from the live version has seen that
    the newest was taken back."""
    newest = queries.newest_version(workflow)
    start = queries.draft_base(workflow, newest)
    if newest is not None and start is not None and copy.base_version == start.number:
        return newest.number
    return copy.base_version


def _sentences(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    sentences = change_sentences(diff.changes(older, newer), newer)
    return {"shown": sentences[:_SENTENCES_MAX], "more": max(0, len(sentences) - _SENTENCES_MAX)}


def _nodes(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    nodes = document.get("nodes")
    return (
        [one for one in nodes if isinstance(one, dict) and isinstance(one.get("id"), str)]
        if isinstance(nodes, list)
        else []
    )


@require_POST
@page(Right.EDIT)
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Publish the saved draft. The graph editor sends JSON and stays on its page: see `_publish_from_script`."""
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request), start="live")
    if request.content_type == "application/json":
        return _publish_from_script(request, workflow, copy)
    by = request.user.get_username()
    here = HttpResponseRedirect(back_to(request, slug))
    try:
        done = publishing.publish(
            workflow,
            copy.definition,
            message=request.POST.get("message", "").strip(),
            base_version=_base_to_publish_on(workflow, copy),
            by=by,
            user=person(request),
        )
    except InvalidDocument as error:
        text = _("Not published: {n} problems left. {first}")
        first = sentence_text(error.problems[0].sentence)
        messages.error(request, text.format(n=len(error.problems), first=first))
        return here
    except OutdatedBase as error:
        messages.error(request, f"{error} ({changes_line(error.changes)})")
        return here
    number = done.version.number
    if not done.created:
        messages.warning(request, _("No changes since v{n}. Nothing was published.").format(n=number))
        return HttpResponseRedirect(reverse("workflow-versions", args=[slug]))
    if done.went_live:
        messages.success(request, _("v{n} is published and live.").format(n=number))
    elif request.POST.get("live"):
        access.require(request.user, Right.DEPLOY)
        deploy.deploy(workflow, number, by=by)
        messages.success(request, _("v{n} is published and live.").format(n=number))
    else:
        messages.success(request, _("v{n} is published. It is not live yet.").format(n=number))
    return HttpResponseRedirect(reverse("workflow-versions", args=[slug]))


def back_to(request: HttpRequest, slug: str) -> str:
    """Return the URL of the editor that the form was in: graph or text."""
    text = reverse("workflow-edit-text", args=[slug])
    return text if text in request.headers.get("Referer", "") else reverse("workflow-edit", args=[slug])


def _publish_from_script(request: HttpRequest, workflow: Workflow, copy: drafts.WorkingCopy) -> JsonResponse:
    """`{message, live, saves}` -> `{number, created, live, newest_live}`, or the refusal as `{code, detail}`."""
    try:
        wanted = _body(request)
        _require_seen(workflow, copy, wanted)
        live = wanted.get("live") is True
        if live:
            access.require(request.user, Right.DEPLOY)
        message = wanted.get("message")
        by = request.user.get_username()
        done = publishing.publish(
            workflow,
            copy.definition,
            message=message.strip()[:MESSAGE_MAX] if isinstance(message, str) else "",
            base_version=_base_to_publish_on(workflow, copy),
            by=by,
            user=person(request),
        )
        number = done.version.number
        if live and done.created and not done.went_live:
            deploy.deploy(workflow, number, by=by)
    except InvalidDocument as error:
        return _refusal(422, "invalid_document", error_message(error))
    except (Conflict, StaleDraft) as error:
        return _refusal(412 if isinstance(error, StaleDraft) else 409, error.code, str(error))
    now_live = queries.live_deployment(workflow)
    return JsonResponse(
        {
            "number": number,
            "created": done.created,
            "live": now_live is not None and now_live.version.number == number,
            "newest_live": now_live.version.number if now_live is not None else None,
        }
    )


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body: Any = json_body(request)
    except (BadRequest, APIException):
        return {}
    return body if isinstance(body, dict) else {}


def _require_seen(workflow: Workflow, copy: drafts.WorkingCopy, wanted: Mapping[str, Any]) -> None:
    """Raise StaleDraft if the stored draft is not the one on the screen."""
    saves = wanted.get("saves")
    if saves != copy.saves:
        raise StaleDraft(workflow.slug, saves if isinstance(saves, int) else -1, copy.saves)


def _refusal(status: int, code: str, detail: str) -> JsonResponse:
    return JsonResponse({"code": code, "detail": detail}, status=status)


@require_POST
@page(Right.EDIT)
def discard(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    if drafts.discard(workflow, person(request)):
        base = queries.workflow_dict(workflow)["draft_base"]
        text = _("Draft discarded.") if base is None else _("Draft discarded. Showing v{n}.").format(n=base)
        messages.success(request, text)
    return HttpResponseRedirect(back_to(request, slug))


@require_POST
@page(Right.EDIT)
def rebase(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the draft's text and base it on the version that a new draft starts from, so that it can be published.

    The graph editor sends `{saves}` as JSON and gets `{saves, base}`.
    """
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request), start="live")
    base: int | None = queries.workflow_dict(workflow)["draft_base"]
    if request.content_type == "application/json":
        try:
            _require_seen(workflow, copy, _body(request))
            saved = drafts.save(
                workflow, person(request), copy.definition, expected_saves=copy.saves, base_version=base
            )
        except StaleDraft as error:
            return _refusal(412, error.code, str(error))
        return JsonResponse({"saves": saved.saves, "base": saved.base_version})
    drafts.save(workflow, person(request), copy.definition, expected_saves=copy.saves, base_version=base)
    messages.success(request, _("Your draft is now based on v{n}.").format(n=base or 0))
    return HttpResponseRedirect(back_to(request, slug))
