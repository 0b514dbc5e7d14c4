"""How much more work is dispatched to the hosts of a queue."""

from engine.executors.base import PREFETCH_MAX
from engine.executors.celery.in_flight import HostView, InFlightDispatch, credits_by_queue

NOW = 100.0


def host(id: int, capacity: int = 2, *queues: str, takes_work: bool = True) -> HostView:
    return HostView(id, f"h{id}", frozenset(queues or ("default",)), capacity, takes_work)


def dispatch(
    queue: str = "default", at: int | None = None, short: bool = False, started: float | None = None
) -> InFlightDispatch:
    return InFlightDispatch(queue, "w", "n", "e", None, short, NOW, at, started)


def credit(hosts: list[HostView], dispatches: list[InFlightDispatch], limit: int = 1000) -> dict[str, tuple[int, int]]:
    """By queue: (idle, prefetch)."""
    return {
        queue: (min(one.idle for one in credits), min(one.prefetch for one in credits))
        for queue, credits in credits_by_queue(hosts, dispatches, limit, NOW).items()
    }


def test_without_hosts_there_is_no_credit() -> None:
    assert credit([], [dispatch()]) == {}
    assert credit([host(1, takes_work=False)], []) == {}


def test_each_dispatch_takes_a_process() -> None:
    assert credit([host(1), host(2, 3)], [dispatch(at=1), dispatch()]) == {"default": (3, 3 * PREFETCH_MAX)}
    assert credit([host(1)], [dispatch(at=1)] * 2)["default"] == (0, 0)


def test_short_work_leaves_room_to_prefetch_until_it_turns_out_long() -> None:
    assert credit([host(1)], [dispatch(at=1, short=True)] * 3)["default"] == (0, 2 * PREFETCH_MAX - 3)
    assert credit([host(1)], [dispatch(at=1, short=True, started=NOW - 1)])["default"] == (1, PREFETCH_MAX)


def test_queues_have_their_own_hosts() -> None:
    both = credit([host(1, 2, "a"), host(2, 2, "a", "b")], [dispatch("a", at=2), dispatch("b")])
    assert both["b"] == (0, 0)
    assert both["a"][0] == 2


def test_credit_never_exceeds_the_limit_of_concurrent_nodes() -> None:
    short = [dispatch(at=1, short=True)] * 4
    assert credit([host(1, 8)], short, limit=5)["default"] == (1, 1)
    assert credit([host(1, 8)], short * 2, limit=5)["default"] == (0, 0)


def test_work_on_a_host_that_drains_takes_no_process_of_the_others() -> None:
    both = [host(1), host(2, takes_work=False)]
    running = [dispatch(at=2, started=NOW)] * 2
    assert credit(both, running)["default"] == (2, 2 * PREFETCH_MAX)
    assert credit(both, running, limit=3)["default"] == (1, 1)
    assert credit(both, running, limit=2)["default"] == (0, 0)


def test_work_on_one_host_does_not_reduce_the_credit_of_another() -> None:
    """A host that was killed, or stands still, holds what was sent ahead to it until its lease is over."""
    held = [dispatch(at=2, short=True)] * 23
    assert credit([host(1, 4), host(2, 4)], held, limit=20)["default"] == (
        4,
        4 * PREFETCH_MAX + max(0, 4 * PREFETCH_MAX - 23),
    )


def test_prefetched_work_on_a_draining_host_counts_up_to_its_processes() -> None:
    held = [dispatch(at=2, short=True)] * 23
    assert credit([host(1, 4), host(2, 4, takes_work=False)], held, limit=20)["default"] == (4, 4 * PREFETCH_MAX)
    # Of a host that has ended nothing is known, so all of it may still run.
    assert credit([host(1, 4)], held, limit=20)["default"] == (0, 0)
