"""How much more is sent to the workers of a queue."""

from __future__ import annotations

from engine.executors.base import PREFETCH_MAX
from engine.executors.dispatches import Flight, HostView, credits_by_queue

NOW = 100.0


def host(id: int, capacity: int = 2, *queues: str, takes: bool = True) -> HostView:
    return HostView(id, f"h{id}", frozenset(queues or ("default",)), capacity, takes)


def flight(queue: str = "default", at: int | None = None, short: bool = False, began: float | None = None) -> Flight:
    return Flight(queue, "w", "n", "e", None, short, NOW, at, began)


def found(hosts: list[HostView], flights: list[Flight], limit: int = 1000) -> dict[str, tuple[int, int]]:
    """By queue: (idle, ahead)."""
    return {
        queue: (min(one.idle for one in both), min(one.prefetch for one in both))
        for queue, both in credits_by_queue(hosts, flights, limit, NOW).items()
    }


def test_without_workers_nothing_fits() -> None:
    assert found([], [flight()]) == {}
    assert found([host(1, takes=False)], []) == {}


def test_each_work_that_is_out_takes_a_process() -> None:
    assert found([host(1), host(2, 3)], [flight(at=1), flight()]) == {"default": (3, 3 * PREFETCH_MAX)}
    assert found([host(1)], [flight(at=1)] * 2)["default"] == (0, 0)


def test_short_works_leave_room_ahead_until_they_turn_out_long() -> None:
    assert found([host(1)], [flight(at=1, short=True)] * 3)["default"] == (0, 2 * PREFETCH_MAX - 3)
    assert found([host(1)], [flight(at=1, short=True, began=NOW - 1)])["default"] == (1, PREFETCH_MAX)


def test_queues_have_their_own_workers() -> None:
    both = found([host(1, 2, "a"), host(2, 2, "a", "b")], [flight("a", at=2), flight("b")])
    assert both["b"] == (0, 0)
    assert both["a"][0] == 2


def test_more_processes_than_may_run_at_once_keep_to_the_limit() -> None:
    short = [flight(at=1, short=True)] * 4
    assert found([host(1, 8)], short, limit=5)["default"] == (1, 1)
    assert found([host(1, 8)], short * 2, limit=5)["default"] == (0, 0)


def test_what_runs_on_a_host_that_drains_takes_no_process_of_the_others() -> None:
    both = [host(1), host(2, takes=False)]
    running = [flight(at=2, began=NOW)] * 2
    assert found(both, running)["default"] == (2, 2 * PREFETCH_MAX)
    assert found(both, running, limit=3)["default"] == (1, 1)
    assert found(both, running, limit=2)["default"] == (0, 0)
