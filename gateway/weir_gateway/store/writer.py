"""The one thread that writes. Everything that waits at a moment becomes one transaction.

With synchronous FULL a commit costs a flush of the disk, whatever it holds; sharing it is what
lets many meters be acknowledged on a slow disk.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from weir_gateway.store.transaction import Request, Transactions, Work

T = TypeVar("T")

GROUP_MAX = 1000
"""Requests in one transaction: bounds how long the first of them waits and the log grows."""

_log = logging.getLogger(__name__)


class _Awaited(Request):
    __slots__ = ("future",)

    def __init__(self, work: Work, future: "asyncio.Future[Any]") -> None:
        super().__init__(work)
        self.future = future


class Writer:
    """Runs work inside transactions, in the order in which it was asked for."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._requests: queue.SimpleQueue[_Awaited | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def problem(self) -> str | None:
        """A sentence while the database takes nothing, else None."""
        return self._transactions.problem

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """Queue ``work`` for the next transaction; the future is done once it is durable.

        The future fails with StoreUnavailable when nothing was stored, or with what ``work``
        raised: then only that work is undone.
        """
        assert self._loop is not None, "start() first"
        future: asyncio.Future[T] = self._loop.create_future()
        self._requests.put(_Awaited(work, future))
        return future

    async def stop(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._requests.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        last = False
        while not last:
            group: list[_Awaited] = []
            request = self._requests.get()
            while request is not None:
                group.append(request)
                if len(group) == GROUP_MAX or self._requests.empty():
                    break
                request = self._requests.get()
            last = request is None
            if group:
                self._transactions.commit(group)
                self._settle(group)
        self._transactions.close()

    def _settle(self, group: list[_Awaited]) -> None:
        """Tell the waiting tasks, all in one wake-up of the event loop."""
        self.call_back(_resolve, group)

    def call_back(self, told: Callable[..., None], *arguments: Any) -> None:
        """Call ``told`` on the event loop, from the writer's thread."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(told, *arguments)
        except RuntimeError:
            _log.debug("the event loop ended before it was told of a commit")


def _resolve(group: list[_Awaited]) -> None:
    for request in group:
        if request.future.cancelled():
            continue
        if request.error is not None:
            request.future.set_exception(request.error)
        else:
            request.future.set_result(request.result)
