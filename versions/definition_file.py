"""Read a definition from a file."""

import json
import sys
from pathlib import Path
from typing import Any

BYTES_MAX = 64 * 1024 * 1024


class UnreadableFile(Exception):
    """The file is not JSON. The message names the file, the position and the error."""


def read(name: str) -> Any:
    """Return the JSON value in the file `name` (`-`: standard input). Raises UnreadableFile."""
    shown = name if name != "-" else "standard input"
    try:
        if name == "-":
            data = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise UnreadableFile(f"{shown} cannot be read: {error.strerror}.") from None
    if len(data) > BYTES_MAX:
        raise UnreadableFile(f"{shown} is larger than {BYTES_MAX // 1024**2} MiB, which is too large for a definition.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{shown} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"{shown} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except (RecursionError, ValueError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnreadableFile(f"{shown} cannot be read as JSON: {why}.") from None


def looks_like_file(target: str) -> bool:
    """Return whether `target` is a file and not a workflow's slug, which contains no dot and no slash."""
    return target == "-" or "/" in target or target.endswith(".json") or Path(target).is_file()
