"""What goes on beside everything else: coroutines that run until they are told to stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any

Course = Coroutine[Any, Any, None]


class Courses:
    """Runs them. Whatever a course was waiting for when it is stopped, it does not get."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, course: Course) -> None:
        self._tasks.append(asyncio.ensure_future(course))

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
