"""One line of a log: what every database stores, its size, and the lines that an error becomes. Pure."""

from collections.abc import Mapping
from typing import Any

LINE_BYTES_MAX = 16 * 1024
ERROR_LINES_MAX = 200
"""Lines of one error; they are written in addition to those that an attempt may write itself."""
_ERROR_HEAD = 40
"""Of more lines the first ones that stay; the others are the last ones, where the cause is."""


def clean(text: str) -> str:
    """Return `text` as every database stores it, without lone surrogates; NUL becomes visible."""
    if "\x00" in text:
        text = text.replace("\x00", "\u2400")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def cut(text: str) -> str:
    """Return `text` as one log line: cleaned, and cut at 16 KiB of UTF-8 with a note of its length."""
    text = clean(text)
    if len(text) * 4 <= LINE_BYTES_MAX:
        return text
    data = text.encode()
    return text if len(data) <= LINE_BYTES_MAX else decode(data[:LINE_BYTES_MAX], len(data))


def decode(data: bytes, length: int) -> str:
    """Decode the line `data`, which had `length` bytes before it was cut."""
    if length > LINE_BYTES_MAX:
        note = f" … [cut; the line had {length:,} bytes]"
        data = data[: LINE_BYTES_MAX - len(note.encode())]
        # Leave out a character that was cut in two; anything else that is not UTF-8 stays visible.
        for back in range(1, 4):
            if back <= len(data) and data[-back] >= 0xC0:
                if not _is_text(data[-back:]):
                    data = data[:-back]
                break
        return data.decode("utf-8", "replace").replace("\x00", "\u2400") + note
    return data.decode("utf-8", "replace").replace("\x00", "\u2400")


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def error_lines(error: Mapping[str, Any]) -> list[str]:
    """Return the lines of an attempt's error for its log: the traceback, and the class and message unless it ends with
    them."""
    name, message = str(error.get("class") or "Error"), str(error.get("message") or "")
    lines = str(error.get("traceback") or "").rstrip("\n").split("\n") if error.get("traceback") else []
    if not any(name in line.partition(":")[0] for line in lines if not line.startswith(" ")):
        lines += (f"{name}: {message}" if message else name).split("\n")
    if len(lines) > ERROR_LINES_MAX:
        left_out = len(lines) - ERROR_LINES_MAX + 1
        note = f"… [{left_out:,} lines left out]"
        lines = [*lines[:_ERROR_HEAD], note, *lines[_ERROR_HEAD + left_out :]]
    return [cut(line) for line in lines]
