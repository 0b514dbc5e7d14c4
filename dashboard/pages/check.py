"""What the editor needs while somebody types: the problems of a definition, and its nodes' columns and fingerprints."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST
from rest_framework.exceptions import APIException

from dashboard import access
from dashboard.access import Right
from dashboard.api.problems import BadRequest
from dashboard.pages.base import json_body, page
from dashboard.presenters.sentences import sentence_text
from engine.definition.fingerprints import fingerprints
from versions import checking, queries


@require_POST
@page(Right.EDIT)
def check(request: HttpRequest, slug: str) -> JsonResponse:
    """`{definition, columns_tag?}` -> `{problems, columns: {node: [{name, type}]}, columns_tag, fingerprints:
    {node: text}, complete}`.

    Nothing is stored or run. `complete` is false if there was no time to check all SQL; then the editor asks again.
    `columns` is omitted if it still matches the tag of the request: for 1,000 nodes it may be a megabyte.
    """
    workflow = access.workflow(request.user, slug, Right.EDIT)
    try:
        body: Any = json_body(request)
    except BadRequest as error:
        return JsonResponse({"detail": str(error)}, status=413)
    except APIException as error:
        return JsonResponse({"detail": str(error.detail)}, status=error.status_code)
    document = body.get("definition") if isinstance(body, dict) else None
    found = checking.check(
        document,
        pools=queries.pool_sizes(),
        workflow=workflow.slug,
        user=request.user.get_username(),
        seconds=checking.TYPING_SECONDS,
    )
    answer: dict[str, Any] = {
        "problems": [problem.as_dict(sentence_text) for problem in found.problems],
        "columns_tag": found.columns_tag,
        "fingerprints": fingerprints(document),
        "complete": found.complete,
    }
    if not isinstance(body, dict) or body.get("columns_tag") != found.columns_tag:
        answer["columns"] = found.columns
    return JsonResponse(answer)
