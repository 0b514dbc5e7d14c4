"""What a run's feed caches for its watchers, without a server."""

import asyncio
from typing import Any

import pytest

from dashboard.live import feed as feed_module
from dashboard.live.feed import Feed


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list in place of the events in the database. Reads of it are recorded in `reads`."""
    texts: list[str] = []

    async def in_database(function: Any, run: int, after: int, limit: int) -> list[str]:
        reads.append((after, limit))
        await asyncio.sleep(0)
        return texts[after : after + limit]

    monkeypatch.setattr(feed_module, "in_database", in_database)
    reads.clear()
    return texts


reads: list[tuple[int, int]] = []


def test_watchers_that_read_at_the_same_time_share_one_query(stored: list[str]) -> None:
    stored.extend(f"e{number}" for number in range(1, 11))

    async def main() -> list[list[str]]:
        feed = Feed(1)
        feed.advance(10)
        return await asyncio.gather(*(feed.after(0, count=100, bytes_max=1000) for _ in range(20)))

    answers = asyncio.run(main())
    assert answers == [stored] * 20
    assert len(reads) == 1


def test_an_answer_is_cut_at_its_count_and_its_bytes_but_never_to_nothing(stored: list[str]) -> None:
    stored.extend(["x" * 10] * 10)

    async def main() -> None:
        feed = Feed(1)
        feed.advance(10)
        assert len(await feed.after(0, count=3, bytes_max=1000)) == 3
        assert len(await feed.after(3, count=100, bytes_max=35)) == 3
        assert len(await feed.after(6, count=100, bytes_max=1)) == 1

    asyncio.run(main())


def test_the_cache_is_bounded_and_holds_the_newest_events(stored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "CACHED_EVENTS_MAX", 50)
    monkeypatch.setattr(feed_module, "CACHED_BYTES_MAX", 1000)

    async def main() -> None:
        feed = Feed(1)
        sent = 0
        for _ in range(30):
            stored.extend(["y" * 30] * 10)
            feed.advance(len(stored))
            sent += len(await feed.after(sent, count=1000, bytes_max=10**6))
        assert sent == len(stored) == 300
        assert feed._next == 301
        assert feed._bytes == sum(map(len, feed._texts)) <= 1000
        # A watcher behind the cache is served from the database.
        assert await feed.after(0, count=7, bytes_max=10**6) == stored[:7]
        assert await feed.after(295, count=100, bytes_max=10**6) == stored[295:]

    asyncio.run(main())


def test_a_watcher_ahead_of_the_cache_moves_it_forward(stored: list[str]) -> None:
    stored.extend(f"e{number}" for number in range(1, 501))

    async def main() -> None:
        feed = Feed(1)
        feed.advance(500)
        assert await feed.after(490, count=100, bytes_max=10**6) == stored[490:]
        assert feed._first == 491
        assert await feed.after(10, count=5, bytes_max=10**6) == stored[10:15]

    asyncio.run(main())


def test_a_hint_beyond_the_database_is_corrected(stored: list[str]) -> None:
    async def main() -> None:
        feed = Feed(1)
        feed.advance(99)
        assert await feed.after(0, count=10, bytes_max=1000) == []
        assert feed.head == 0

    asyncio.run(main())


@pytest.mark.parametrize("far", [False, True])
def test_a_hint_during_a_read_is_not_lost(monkeypatch: pytest.MonkeyPatch, far: bool) -> None:
    stored: list[str] = []

    async def main() -> None:
        feed = Feed(1)
        # A hint of an event whose transaction was rolled back or has not ended yet.
        feed.advance(feed_module.READ_EVENTS + 1 if far else 1)

        async def in_database(function: Any, run: int, after: int, limit: int) -> list[str]:
            found = list(stored)
            if not stored:
                stored.append("e1")
                feed.advance(feed.head + 1)
            return found

        monkeypatch.setattr(feed_module, "in_database", in_database)
        count = feed_module.READ_EVENTS + 1
        assert await feed.after(0, count=count, bytes_max=1000) == []
        assert feed.head > 0
        assert await feed.after(0, count=count, bytes_max=1000) == ["e1"]

    asyncio.run(main())
