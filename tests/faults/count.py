"""The number of injected faults by kind in a whole session, in the file that INTERLOCK_FAULTS_COUNT names."""

import os
from collections import Counter
from pathlib import Path

VARIABLE = "INTERLOCK_FAULTS_COUNT"


def injected(kind: str, n: int = 1) -> None:
    """Record that `n` faults of this kind have happened. Any process may call it."""
    if path := os.environ.get(VARIABLE):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{kind} {n}\n".encode())
        finally:
            os.close(descriptor)


def total(path: Path) -> Counter[str]:
    """Return {kind: number}."""
    found: Counter[str] = Counter()
    if path.exists():
        for line in path.read_text().splitlines():
            kind, n = line.rsplit(" ", 1)
            found[kind] += int(n)
    return found
