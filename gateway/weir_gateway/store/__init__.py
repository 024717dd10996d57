"""The database: what it promises is in ``custody``, who writes is in ``writer``."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import StoreUnavailable
from weir_gateway.store import schema
from weir_gateway.store.database import Database, P, Query, T
from weir_gateway.store.transaction import Transactions
from weir_gateway.store.writer import Writer

__all__ = ["Database", "Store"]


class Store:
    """One writer thread, one reader thread, and short look-ups on the caller's thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the database. Raise StoreUnusable when it cannot be used."""
        schema.prepare(path)
        self._path = path
        self._writer = Writer(Transactions(lambda: schema.connect(path)))
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._reader = schema.connect(path, read_only=True)
        self._lookup = schema.connect(path, read_only=True)

    @property
    def problem(self) -> str | None:
        """A sentence while the database takes nothing, else None."""
        return self._writer.problem

    def start(self) -> None:
        """Begin to take commits; to be called on the event loop."""
        self._writer.start()

    def commit(
        self, work: Query[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "asyncio.Future[T]":
        """Run ``work`` in the next transaction, shared with all that waits at that moment.

        The future is done when the work is durable. It fails with StoreUnavailable when nothing
        was stored, or with what ``work`` raised.
        """
        return self._writer.submit(lambda connection: work(connection, *arguments, **keywords))

    async def read(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a query on the reader thread. Raise StoreUnavailable when the database fails."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._reading, lambda: query(self._reader, *arguments, **keywords)
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(messages.STORE_FAILED_BRIEF.format(why=error)) from None

    def look_up(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a query of a few rows at once, on the caller's thread."""
        try:
            return query(self._lookup, *arguments, **keywords)
        except sqlite3.Error as error:
            raise StoreUnavailable(messages.STORE_FAILED_BRIEF.format(why=error)) from None

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        await asyncio.to_thread(self._reading.shutdown)
        self._reader.close()
        self._lookup.close()
        await self._writer.stop()  # last, so that its closing folds the log into the file
