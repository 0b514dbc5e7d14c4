"""The audit log: who did what, when and why."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, paginate, render
from dashboard.pages.run_facts import names_of
from dashboard.presenters.audit import details_text
from versions import queries
from versions.models import AuditEntry, Workflow


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """List entries about workflows and runs. Entries about accounts and tokens are for admins only."""
    workflow, by = request.GET.get("workflow", "").strip(), request.GET.get("by", "").strip()
    found = queries.audit(workflow=workflow or None, by=by or None)
    if not access.can(request.user, Right.ADMIN):
        found = found.exclude(workflow="")
    rows, following = paginate(found, request, newest_first=True)
    names = names_of(row.workflow for row in rows if row.workflow)
    context = {
        "nav": "audit",
        "rows": [_row(row, names) for row in rows],
        "following": following,
        "workflow_slug": workflow,
        "by": by,
        "filtered": bool(workflow or by),
    }
    if request.headers.get("HX-Target") == "audit-list":
        return render(request, "audit/_list.html", context)
    choices = list(Workflow.objects.order_by("name").values_list("slug", "name")[:500])
    return render(request, "audit/index.html", {**context, "choices": choices})


def _row(entry: AuditEntry, names: dict[str, str]) -> dict[str, Any]:
    shape = queries.audit_dict(entry)
    return {
        **shape,
        "name": names.get(entry.workflow, entry.workflow),
        "details_text": details_text(entry.action, entry.details),
    }
