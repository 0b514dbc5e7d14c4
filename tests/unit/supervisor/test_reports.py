"""The order in which reports are returned."""

from engine.executors.base import Ended, Lines, Progress, Report, Started
from engine.supervisor.attempt_log import LINES_MAX
from engine.supervisor.attempt_output import LINES_BATCH, LINES_SECONDS, PROGRESS_SECONDS, AttemptOutput
from engine.supervisor.loop import NEVER
from engine.supervisor.reports import DELAY_SECONDS, ReportQueue

ENDED = Ended("a", "succeeded", 0.0, 0.0)


def started(claim: str) -> Started:
    return Started(claim, 1, "1", "local/1", 0.0)


def test_delayed_reports_are_due_soon_and_go_first() -> None:
    queue, first, second, third = ReportQueue(), started("a"), started("b"), started("c")
    queue.delay(first, 10.0)
    assert queue.due == 10.0 + DELAY_SECONDS
    queue.append(second)
    # It came after a report that goes at once.
    queue.delay(third, 10.0)
    assert queue.take() == [first, second, third]
    assert (queue.take(), queue.due) == ([], NEVER)


def test_an_end_follows_all_output_of_its_attempt() -> None:
    queue, output = ReportQueue(), AttemptOutput("a")
    for fraction in (0.5, 1.0):
        output.add_progress_frame({"fraction": fraction, "at": 0.0}, 10.0, queue.append)
    output.add_bytes(0, b"one\ntwo", 10.0, 0.0, queue.append)
    queue.append_end(output, ENDED, 10.0)
    kinds = [type(report) for report in queue.take()]
    assert kinds == [Progress, Progress, Lines, Ended]


def test_a_long_log_is_returned_in_batches_before_its_end() -> None:
    queue, output = ReportQueue(), AttemptOutput("a")
    output.add_bytes(0, b"x\n" * (LINES_MAX + 5000), 10.0, 0.0, queue.append)
    queue.take()
    queue.append_end(output, ENDED, 10.0)
    assert queue.take() == []
    batches: list[list[Report]] = []
    while queue.has_long_logs:
        queue.append_long_logs()
        batches.append(queue.take())
    assert [type(batch[0]) for batch in batches] == [Lines] * (len(batches) - 1) + [Ended]
    assert len(batches) > 2


def test_lines_and_progress_are_sent_in_batches() -> None:
    sent: list[Report] = []
    output = AttemptOutput("a")
    output.add_bytes(0, b"one\n", 10.0, 0.0, sent.append)
    assert (sent, output.lines_due, output.active_at) == ([], 10.0 + LINES_SECONDS, 10.0)
    output.add_bytes(0, b"x\n" * LINES_BATCH, 10.01, 0.0, sent.append)
    assert ([type(one) for one in sent], output.lines_due) == ([Lines], NEVER)
    sent.clear()
    for fraction in (0.1, 0.2, 0.3):
        output.add_progress_frame({"fraction": fraction, "at": 0.0}, 20.0, sent.append)
    assert [one.fraction for one in sent if isinstance(one, Progress)] == [0.1]
    assert output.progress_due == 20.0 + PROGRESS_SECONDS
    output.flush_progress(21.0, sent.append)
    assert [one.fraction for one in sent if isinstance(one, Progress)] == [0.1, 0.3]
