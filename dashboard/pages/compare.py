"""The differences between two versions, in a popover."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, popover
from dashboard.pages.workflows import versions_page
from dashboard.presenters.changes import change_sentences
from versions import diff, queries

SENTENCES_MAX = 60


@require_safe
@page(Right.VIEW)
def compare(request: HttpRequest, slug: str, number: int, with_number: int) -> HttpResponse:
    """List the changes from version `with_number` to version `number`."""
    workflow = access.workflow(request.user, slug)
    one, other = queries.version(workflow, number), queries.version(workflow, with_number)
    newer, live = queries.document_of(one), queries.live_deployment(workflow)
    sentences = change_sentences(diff.changes(queries.document_of(other), newer), newer)
    context = {
        "slug": slug,
        "number": number,
        "with_number": with_number,
        "live": live is not None and live.version.number == with_number,
        "sentences": sentences[:SENTENCES_MAX],
        "more": max(0, len(sentences) - SENTENCES_MAX),
    }
    return popover(request, "workflows/_compare.html", "workflows", versions_page(workflow), context)
