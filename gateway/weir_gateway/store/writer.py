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

from weir_gateway import messages
from weir_gateway.errors import StoreUnavailable

Work = Callable[[sqlite3.Connection], Any]
T = TypeVar("T")

_REQUEST_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)
"""Database errors that say something of one request, nothing of the disk."""

GROUP_MAX = 1000
"""Requests in one transaction: bounds how long the first of them waits and the log grows."""

_log = logging.getLogger(__name__)


class _Request:
    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Work, future: "asyncio.Future[Any]") -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """Runs work inside transactions, in the order in which it was asked for.

    problem: a sentence while the database takes nothing, else None.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.problem: str | None = None

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
        self._requests.put(_Request(work, future))
        return future

    async def stop(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._requests.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        last = False
        while not last:
            group: list[_Request] = []
            request = self._requests.get()
            while request is not None:
                group.append(request)
                if len(group) == GROUP_MAX or self._requests.empty():
                    break
                request = self._requests.get()
            last = request is None
            if group:
                self._commit(group)
        self._disconnect()

    def _commit(self, group: list[_Request]) -> None:
        try:
            self._transact(group)
        except _REQUEST_FAULTS as error:
            self._commit_apart(group, error)
        except sqlite3.Error as error:
            self._fail(group, error)
        except Exception as error:
            self._commit_apart(group, error)
        self._settle(group)

    def _commit_apart(self, group: list[_Request], error: Exception) -> None:
        """Give each request its own transaction: the fault of one must not cost the others."""
        if len(group) == 1:
            group[0].error = error
            return
        for request in group:
            try:
                self._transact([request])
            except _REQUEST_FAULTS as refusal:
                request.error = refusal
            except sqlite3.Error as failure:
                self._fail([request], failure)
            except Exception as refusal:
                request.error = refusal

    def _transact(self, group: list[_Request]) -> None:
        """Run the group in one transaction. All of it is durable when this returns."""
        connection = self._connection = self._connection or self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
            for request in group:
                request.result = request.work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if self.problem is not None:
            self.problem = None
            _log.warning("%s", messages.STORE_RECOVERED)

    def _fail(self, group: list[_Request], error: sqlite3.Error) -> None:
        """Give up the connection as well: after an I/O error nothing it believes is certain."""
        self._disconnect()
        if self.problem is None:
            _log.error("%s", messages.STORE_FAILED.format(why=error))
        self.problem = messages.STORE_FAILED_BRIEF.format(why=error)
        for request in group:
            request.error = StoreUnavailable(self.problem)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                _log.debug("closing the database: %s", error)

    def _settle(self, group: list[_Request]) -> None:
        """Tell the waiting tasks, all in one wake-up of the event loop."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_resolve, group)
        except RuntimeError:
            _log.debug("the event loop ended before %d commits were told", len(group))


def _resolve(group: list[_Request]) -> None:
    for request in group:
        if request.future.cancelled():
            continue
        if request.error is not None:
            request.future.set_exception(request.error)
        else:
            request.future.set_result(request.result)
