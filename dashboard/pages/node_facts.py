"""What the editor's inspector shows about nodes beside their definition."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, person
from versions.actions import drafts
from versions.node_facts import node_facts


@require_safe
@page(Right.EDIT)
def facts(request: HttpRequest, slug: str) -> JsonResponse:
    """Return `{nodes: {id: {learned?, version?, edited?}}}`; see versions.node_facts."""
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request))
    return JsonResponse({"nodes": node_facts(workflow, copy.definition)})
