"""One connection that only reads, opened again whenever it has failed or its file was replaced."""

import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from weir_gateway.store.damage import is_damage
from weir_gateway.store.file import DatabaseFile

T = TypeVar("T")


class Reader:
    """May be used by one thread and closed by another. generation: of the file that was read."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self.generation = file.generation

    def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query; once more if it finds the file damaged. Raise sqlite3.Error if it fails.

        What was read wrongly once may be right on the disk.
        """
        with self._lock:
            try:
                return self._run(query)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
            return self._run(query)

    def close(self) -> None:
        """Close the connection; the next query opens another."""
        with self._lock:
            self._close()

    def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self.generation = self._file.generation
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
