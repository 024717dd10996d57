"""One connection that only reads, opened again whenever it has failed or its file was replaced."""

import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from weir_gateway.store.damage import is_damage
from weir_gateway.store.file import DatabaseFile

T = TypeVar("T")


class FoundDamaged(Exception):
    """A query found the file damaged, twice. generation: which file."""

    def __init__(self, error: sqlite3.Error, generation: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.generation = generation


class Reader:
    """May be used by one thread and closed by another."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._generation = file.generation
        self._lock = threading.Lock()

    def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query; once more if it finds the file damaged.

        What was read wrongly once may be right on the disk. Raise FoundDamaged if it is not, else
        the sqlite3.Error that the query failed with.
        """
        with self._lock:
            try:
                return self._run(query)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
            try:
                return self._run(query)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                raise FoundDamaged(error, self._generation) from None

    def close(self) -> None:
        """Close the connection; the next query opens another."""
        with self._lock:
            self._close()

    def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._generation = self._file.generation
            self._connection = self._file.connect(read_only=True)
        try:
            return query(self._connection)
        except sqlite3.Error:
            self._close()
            raise

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
