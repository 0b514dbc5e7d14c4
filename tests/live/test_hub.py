"""The hub's end."""

import asyncio

from dashboard.live.hub import Hub


def test_closing_the_hub_ends_a_task_that_swallows_a_cancellation() -> None:
    """`asyncio.wait_for` of Python 3.11, by which redis-py writes, may swallow one: uvicorn would wait for ever."""
    asyncio.run(_end())


async def _end() -> None:
    hub, swallowed = Hub(), asyncio.Event()

    async def swallows() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    hub._tasks = [asyncio.create_task(swallows())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await hub.close()
    assert swallowed.is_set()
