"""Errors of attempts that the engine itself finds, and those of node processes made fit to be stored. Pure."""

from __future__ import annotations

import signal
from typing import Any

from engine.executors.base import Work
from engine.supervisor.attempt_log import clean

TEXT_MAX = 64 * 1024
"""Characters of a message or traceback."""


def lost(message: str) -> dict[str, Any]:
    return {"class": "WorkerLost", "message": message, "line": None, "traceback": None}


def soft_timeout(work: Work, ended_with: dict[str, Any] | None) -> dict[str, Any]:
    message = f"The soft limit of {work.soft_timeout:g} s had passed when the attempt ended."
    if ended_with is not None:
        message += f" It ended with {ended_with['class']}: {ended_with['message']}"
    given = ended_with or {}
    return {"class": "SoftTimeout", "message": message, "line": given.get("line"), "traceback": given.get("traceback")}


def hard_timeout(work: Work) -> dict[str, Any]:
    message = f"The hard limit of {work.hard_timeout:g} s has passed; the attempt was ended with its processes."
    return {"class": "HardTimeout", "message": message, "line": None, "traceback": None}


def reported(given: dict[str, Any]) -> dict[str, Any]:
    """An error as the node process reported it, made fit for every database."""
    line, traceback = given.get("line"), given.get("traceback")
    return {
        **given,
        "class": clean(str(given["class"])),
        "message": clean(str(given.get("message") or ""))[:TEXT_MAX],
        "line": line if isinstance(line, int) else None,
        "traceback": None if traceback is None else clean(str(traceback))[-TEXT_MAX:],
    }


def death(code: int | None, number: int | None, out_of_memory: bool) -> dict[str, Any]:
    """The error of an attempt whose node process ended by itself: with an exit code, or by a signal."""
    if number is None:
        return lost(f"The node process ended with exit code {code}: the node's code ended it.")
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if out_of_memory:
        return lost(f"The node process was ended by {name}: killed by the kernel, probably out of memory.")
    return lost(f"The node process was ended by {name} while the attempt ran.")
