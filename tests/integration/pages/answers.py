"""Readings of answers and of the newest run."""

from engine.models import Run


def text_of(answer) -> str:
    return str(answer.content.decode())


def newest_run() -> Run:
    return Run.objects.order_by("-id")[0]
