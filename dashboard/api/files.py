"""Files under INTERLOCK_HOME/files: list, upload (raw body), download, delete."""

from typing import IO, Any

from django.conf import settings
from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import Right
from dashboard.api import installation_shapes, shapes
from dashboard.api.base import BINARY_BODY, LIMIT, ApiView, Query, list_of, next_url, parameter
from dashboard.api.problems import CONTENT_TYPE, BadRequest
from dashboard.files import Entry, Files
from engine.clock import iso
from engine.errors import NotFound
from engine.text import clean_text


def files() -> Files:
    return Files(settings.INTERLOCK.files)


def file_dict(entry: Entry) -> dict[str, Any]:
    return {"path": entry.path, "bytes": entry.bytes, "modified_at": iso(entry.modified_at)}


class FileList(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_files"}
    noun = "files"

    @extend_schema(
        parameters=[
            parameter("under", "Only files in this folder and its subfolders."),
            LIMIT,
            parameter("after", "Start of the page: the last path of the previous page."),
        ],
        responses={200: list_of(installation_shapes.File), (422, CONTENT_TYPE): shapes.Problem},
        description="Files of all folders, by path. 404 if the folder `under` does not exist; 422 `bad_path`.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        under, after, limit = query.text("under").strip("/"), query.text("after"), query.limit
        try:
            found = files().entries(under)
        except NotFound:
            if under:
                raise
            found = []
        found = [entry for entry in found if entry.path > after]
        changed = {"after": found[limit - 1].path} if len(found) > limit else None
        return Response({"results": [file_dict(entry) for entry in found[:limit]], "next": next_url(request, changed)})


class File(ApiView):
    rights = {"GET": Right.VIEW, "PUT": Right.RESOURCES, "DELETE": Right.RESOURCES}
    operations = {"GET": "download_file", "PUT": "upload_file", "DELETE": "delete_file"}
    noun = "files"

    @extend_schema(
        responses={(200, "application/octet-stream"): BINARY_BODY, (422, CONTENT_TYPE): shapes.Problem},
        description="Download one file.",
    )
    def get(self, request: Request, path: str) -> FileResponse:
        stream, entry = files().open(clean_text(path))
        response = FileResponse(
            stream, as_attachment=True, filename=entry.path.rsplit("/", 1)[-1], content_type="application/octet-stream"
        )
        response["Content-Length"] = str(entry.bytes)
        response["X-Content-Type-Options"] = "nosniff"
        return response

    @extend_schema(
        request={"application/octet-stream": BINARY_BODY},
        responses={
            201: installation_shapes.File,
            200: installation_shapes.File,
            (422, CONTENT_TYPE): shapes.Problem,
            (507, CONTENT_TYPE): shapes.Problem,
        },
        description="Upload one file as the raw body. 201 if it is new, 200 if it replaces a file (atomically).",
    )
    def put(self, request: Request, path: str) -> Response:
        stream, length = _raw(request)
        entry, created = files().write(clean_text(path), stream, length)
        return Response(file_dict(entry), status=201 if created else 200)

    @extend_schema(
        responses={204: None, (409, CONTENT_TYPE): shapes.Problem, (422, CONTENT_TYPE): shapes.Problem},
        description="Delete one file and the folders that become empty. 409 `is_folder`.",
    )
    def delete(self, request: Request, path: str) -> Response:
        files().delete(clean_text(path))
        return Response(status=204)


def _raw(request: Request) -> tuple[IO[bytes], int]:
    """Return the unread body and its length. It goes to the disk in pieces and is never whole in memory."""
    plain = request._request
    text = plain.META.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdigit()):
        # WSGI would treat a body without a length as empty.
        raise BadRequest(_("Send the length of the body in Content-Length."), code="length_required", status=411)
    return plain, int(text)  # type: ignore[return-value]  # HttpRequest reads like a file
