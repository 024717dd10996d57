"""Wait until something is true, looking again now and then."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_AGAIN_S = 0.05


async def until(condition: Callable[[], Awaitable[bool]], *, timeout_s: float) -> bool:
    """Return whether it became true in time."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + timeout_s
    while not await condition():
        if loop.time() > ends_s:
            return False
        await asyncio.sleep(LOOK_AGAIN_S)
    return True
