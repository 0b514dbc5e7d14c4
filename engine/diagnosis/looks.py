"""What a node looks for again and again, and whose name or statement it waits for, in words. Pure."""

from datetime import datetime
from typing import Any

from engine.diagnosis.evidence import location_text
from engine.diagnosis.facts import RunningFacts
from engine.diagnosis.threads import Activity
from engine.diagnosis.wording import clock_time, cut, percent, size
from engine.sentences import Sentence, Text, gettext_noop, span

_MISSING = gettext_noop('"{node}" looks for {path}{every} since {time}; it is not there{where}')
_THERE = gettext_noop('"{node}" looks for {path}{every} since {time}; it is there{where}')
_FILE = gettext_noop('"{node}" looks for {path}{every} since {time}{where}')
_TABLE = gettext_noop('"{node}" looks into table {path}{every} since {time}; what it looks for does not appear{where}')
_ADDRESS = gettext_noop('"{node}" asks {address}{every} since {time}; it does not get what it waits for{where}')
_CONDITION = gettext_noop('"{node}" checks{every} since {time} whether this has changed: {source}{where}')
_SECOND = gettext_noop(" every second")
_EVERY = gettext_noop(" every {span}")
_NAME = gettext_noop('"{node}" looks up the name {path}, and the name server {address} does not answer{where}')
_SOME_NAME = gettext_noop('"{node}" looks up a name, and the name server {address} does not answer{where}')
_QUERY = gettext_noop('"{node}" runs a query{progress}: {source}')
_SOME_QUERY = gettext_noop('"{node}" runs a query of DuckDB{progress}{where}')
_PROGRESS = gettext_noop(" ({percent} done, {size} written so far)")
_DONE = gettext_noop(" ({percent} done)")
_WRITTEN = gettext_noop(" ({size} written so far)")
_SERVER = gettext_noop('"{node}" waits for PostgreSQL at {address}, which is busy for it ({command}){where}')


def cause(running: RunningFacts, activity: Activity) -> Sentence | None:
    """Return what a node looks or asks for, without a full stop; None for other causes."""
    values: dict[str, Any] = {
        "node": running.name,
        "where": location_text(activity.threads[0][1]) if activity.threads else "",
        "address": activity.address,
    }
    if activity.code == "looks_for" and activity.look is not None:
        return _look(values, activity, running.last_sign_at)
    if activity.code == "name_lookup":
        return Sentence(_NAME if activity.name else _SOME_NAME, {**values, "path": activity.name})
    if activity.code == "query" and activity.query is not None:
        values |= {"progress": _progress(activity), "source": cut(str(activity.query.get("statement") or ""))}
        return Sentence(_QUERY if values["source"] else _SOME_QUERY, values)
    if activity.code == "blocked_on_socket" and activity.backend is not None:
        return Sentence(_SERVER, {**values, "command": activity.backend.get("does") or "?"})
    return None


def _look(values: dict[str, Any], activity: Activity, since: datetime) -> Sentence:
    look = activity.look or {}
    every, what = look.get("every"), cut(str(look.get("what") or ""))
    values |= {"time": clock_time(since), "path": what, "source": what, "address": what, "every": _every(every)}
    there = {False: _MISSING, True: _THERE, None: _FILE}[look.get("there")]
    template = {"file": there, "table": _TABLE, "address": _ADDRESS}.get(str(look.get("kind")), _CONDITION)
    return Sentence(template, values)


def _every(seconds: Any) -> Text:
    if not isinstance(seconds, int | float):
        return ""
    return Sentence(_SECOND) if seconds == 1 else Sentence(_EVERY, {"span": span(seconds)})


def _progress(activity: Activity) -> Text:
    query = activity.query or {}
    done, written = query.get("percent"), query.get("bytes")
    values = {"percent": percent(done or 0.0), "size": size(written or 0)}
    if done is None:
        return Sentence(_WRITTEN, values) if written else ""
    return Sentence(_PROGRESS if written else _DONE, values)
