"""Text that users wrote, made safe and short for display. Pure."""

import re


def initials(name: str) -> str:
    """Return two letters for the avatar of an account."""
    words = [word for word in name.replace(".", " ").replace("_", " ").replace("-", " ").split() if word]
    if not words:
        return "?"
    letters = words[0][:2] if len(words) == 1 else words[0][:1] + words[-1][:1]
    return letters.upper()


def first_line(text: str, most: int = 240) -> str:
    """Return the first non-empty line, cut to `most` characters."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= most else line[: most - 1] + "…"


def visible(text: str) -> str:
    """Escape control and bidirectional characters, so that they cannot disguise the text."""
    if text.isprintable():
        # Printable text contains none of them.
        return text
    return _DISGUISES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def without_colours(text: str) -> str:
    """Remove the control sequences with which a terminal colours text; other ones stay."""
    return _COLOURS.sub("", text)


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_DISGUISES = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control, but for line breaks and tabs
    r"\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"  # marks of direction and of no width
    r"\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"  # surrogates and private use
)
