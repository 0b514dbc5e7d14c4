"""Which name a thread looks up: the C library has the question that it sent on the thread's stack."""

import re

from engine.inspect.threads import ProcessMemory

PORT = "53"
STACK_BYTES_MAX = 64 * 1024
PAGE_BYTES = 4096
_QUESTION = re.compile(
    rb"..\x01[\x00\x20]\x00\x01\x00\x00\x00\x00\x00[\x00\x01]((?:[\x01-\x3f][!-~]{1,63})+)\x00\x00[\x01\x05\x0c\x0f\x10\x1c\x21\x41]\x00\x01",
    re.DOTALL,
)
"""A question of the Domain Name System: number, flags, one question, its labels, its type and class."""


def name_in(data: bytes) -> str | None:
    """Return the name in the first question that is somewhere in `data`."""
    for found in _QUESTION.finditer(data):
        labels, rest = [], found[1]
        while rest and 0 < rest[0] < len(rest):
            labels.append(rest[1 : rest[0] + 1].decode("ascii", "replace"))
            rest = rest[rest[0] + 1 :]
        if labels and not rest:
            return ".".join(labels)
    return None


def looked_up(memory: ProcessMemory, stack_pointer: int) -> str | None:
    """Return the name in the question on the stack of a thread that waits for the answer."""
    parts = []
    start = stack_pointer & ~(PAGE_BYTES - 1)
    for address in range(start, start + STACK_BYTES_MAX, PAGE_BYTES):
        data = memory.read(address, PAGE_BYTES)
        if data is None:
            break
        parts.append(data)
    return name_in(b"".join(parts))
