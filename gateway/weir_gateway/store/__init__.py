"""The database: what it promises is in ``custody``, who writes is in ``writer``."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import StoreUnavailable
from weir_gateway.store.database import Database, P, Query, T
from weir_gateway.store.file import DatabaseFile
from weir_gateway.store.reader import FoundDamaged, Reader
from weir_gateway.store.transaction import Transactions
from weir_gateway.store.writer import Writer

__all__ = ["Database", "Store"]


class Store:
    """One writer thread, one reader thread, and short look-ups on the caller's thread.

    on_renewed: called on the event loop when a damaged file was replaced by a fresh one.
    """

    def __init__(self, path: Path, on_renewed: Callable[[], None] = lambda: None) -> None:
        """Open or create the database. Raise StoreUnusable when it cannot be used."""
        self._file = DatabaseFile(path)
        self._file.prepare()
        self._on_renewed = on_renewed
        self._writer = Writer(Transactions(self._file.connect, self._replace))
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._reader = Reader(self._file)
        self._lookup = Reader(self._file)

    @property
    def problem(self) -> str | None:
        """A sentence while the database takes nothing, else None."""
        return self._writer.problem

    @property
    def alarm(self) -> str | None:
        """A sentence while a damaged database lies set aside and nobody has cared for it."""
        return self._file.alarm

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
                self._reading,
                self._reader.run,
                lambda connection: query(connection, *arguments, **keywords),
            )
        except (sqlite3.Error, FoundDamaged) as error:
            raise self._failed(error) from None

    def look_up(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a query of a few rows at once, on the caller's thread."""
        try:
            return self._lookup.run(lambda connection: query(connection, *arguments, **keywords))
        except (sqlite3.Error, FoundDamaged) as error:
            raise self._failed(error) from None

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        await asyncio.to_thread(self._reading.shutdown)
        self._close_readers()
        await self._writer.stop()  # last, so that its closing folds the log into the file

    def _failed(self, error: sqlite3.Error | FoundDamaged) -> StoreUnavailable:
        """Return what to raise; a damaged file is reported to the thread that can replace it."""
        if isinstance(error, FoundDamaged):
            told = self._writer.submit(lambda _: self._complain(error))
            told.add_done_callback(lambda done: done.cancelled() or done.exception())
        return StoreUnavailable(messages.STORE_FAILED_BRIEF.format(why=error))

    def _complain(self, found: FoundDamaged) -> None:
        """Fail the transaction with what a reader found, unless that file was replaced since."""
        if self._file.generation == found.generation:
            raise found.error

    def _replace(self, error: sqlite3.Error, close_writer: Callable[[], None]) -> str:
        def close_all() -> None:
            close_writer()
            self._close_readers()

        text = self._file.replace(error, close_all)
        self._writer.call_back(self._on_renewed)
        return text

    def _close_readers(self) -> None:
        self._reader.close()
        self._lookup.close()
