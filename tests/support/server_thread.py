"""A server of asyncio in a thread of its own, for as long as a test needs it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from tests.support.waiting import PATIENCE_S


@contextmanager
def in_thread(server: AbstractAsyncContextManager[None]) -> Iterator[None]:
    """Hold `server` open in an event loop of another thread; what it left running is cancelled at the end."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def main() -> None:
        async with server:
            ready.set()
            await stop.wait()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
        if not thread.is_alive():
            loop.close()
