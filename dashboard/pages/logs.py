"""The log of a run for the log view: its index, lines by number, search, and a download as text.

A run may have a million lines. The browser keeps the index (ranges of numbers) and fetches the text of the lines in
view.
"""

import re
from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, whole_number
from engine.models import Run
from engine.reads import log_filter, logs

SEQ_MAX: Final = 10**12
RANGES_MAX: Final = 200
"""Ranges in one request for lines."""
RANGE_MAX: Final = 2_000
"""Lines in one range."""
PIECE_CHARACTERS: Final = 256 * 1024
"""Size of one part of a download."""

_CONTROL: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, the cursor
    r"|(?:\x1b[P\]X^_]|[\x90\x9d\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # strings: titles, links
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
"""Control sequences and characters, but for tabs and line breaks."""


def _after(request: HttpRequest) -> int:
    return whole_number(request.GET.get("after"), 0, most=SEQ_MAX)


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return `{nodes, batches, next}`.

    `nodes`: node ids. `batches`: for each batch of lines above `?after=` its first number, its number of consecutive
    lines, the index of its node in `nodes` and the attempt, all in one list. `next`: the `after` of the next part, null
    if there is no more yet.
    """
    batches, following = logs.index(access.run(request.user, run_id), after=_after(request))
    places: dict[str, int] = {}
    numbers: list[int] = []
    for batch in batches:
        numbers += (batch.first, batch.count, places.setdefault(batch.node, len(places)), batch.attempt)
    return JsonResponse({"nodes": list(places), "batches": numbers, "next": following})


@require_safe
@page(Right.VIEW)
def lines(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return `{lines}`: `[seq, at, node, attempt, level, message]` of the numbers in `?seqs=1-200,405`.

    The amount of text in a response is limited. The client asks again for missing lines.
    """
    run = access.run(request.user, run_id)
    found = logs.lines(run, ranges(request.GET.get("seqs", "")))
    shown = [[it["seq"], it["at"], it["node"], it["attempt"], it["level"], it["message"]] for it in found]
    return JsonResponse({"lines": shown})


def ranges(text: str) -> list[tuple[int, int]]:
    """Return (first, last) of each range in `1-200,405`. Invalid and excess ranges are dropped."""
    found = []
    for part in text.split(",")[:RANGES_MAX]:
        named = re.fullmatch(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", part)
        if named:
            begin = int(named[1])
            end = min(int(named[2] or begin), begin + RANGE_MAX - 1)
            if end >= begin:
                found.append((begin, end))
    return found


@require_safe
@page(Right.VIEW)
def search(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return `{ranges, seen, done}`.

    `ranges`: in one list, the first number and count of consecutive lines above `?after=` that match `?q=`, `?level=`
    and `?node=`. Unless `done`, the search continues with `seen` as `after`.
    """
    run = access.run(request.user, run_id)
    level = request.GET.get("level", "")
    found, seen, done = logs.search(
        run,
        q=request.GET.get("q") or None,
        level=level if level in log_filter.LEVELS else None,
        node=request.GET.get("node") or None,
        after=_after(request),
    )
    return JsonResponse({"ranges": [number for pair in found for number in pair], "seen": seen, "done": done})


@require_safe
@page(Right.VIEW)
def download(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Download all lines of the run, or of `?node=`, as text: time, level, node and attempt, message.

    Without control sequences, which a terminal that shows the file would obey; `?raw=1` keeps them.
    """
    run = access.run(request.user, run_id)
    node = request.GET.get("node") or None
    # Take the first part now, so that an unknown node is reported before the response begins.
    pieces = text(run, node, raw=request.GET.get("raw") == "1")
    first = next(pieces, "")
    response = StreamingHttpResponse(_bytes(first, pieces), content_type="text/plain; charset=utf-8")
    name = f"run-{run.pk}-{node}.log" if node else f"run-{run.pk}.log"
    # Must never be rendered in the pages' origin, whatever a node wrote.
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def text(run: Run, node: str | None = None, *, raw: bool = False) -> Iterator[str]:
    """Yield the log as text, in parts. Raises NotFound."""
    part: list[str] = []
    size = 0
    for batch in logs.batches(run, node=node):
        for at, level, message in log_filter.rows(batch.body, range(batch.count)):
            if not raw:
                message = _CONTROL.sub("", message)
            part.append(f"{at} {level:<7} {batch.node}#{batch.attempt} {message}\n")
            size += len(message) + 40
            if size > PIECE_CHARACTERS:
                yield "".join(part)
                part, size = [], 0
    yield "".join(part)


def _bytes(first: str, rest: Iterator[str]) -> Iterator[bytes]:
    yield first.encode(errors="replace")
    for piece in rest:
        yield piece.encode(errors="replace")
