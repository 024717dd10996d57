"""An operator who copies the gateway's database, and puts the copy back after some trouble."""

import sqlite3
from contextlib import closing
from pathlib import Path

from weir_tools.virtual.ledger import DatabaseCopy, Ledger


class DatabaseCopies:
    """Keeps one copy, and what the ledger said when it was made."""

    def __init__(self, database: sqlite3.Connection, path: Path, ledger: Ledger) -> None:
        self._database = database
        self._path = path
        self._ledger = ledger
        self._held: DatabaseCopy | None = None

    def make(self) -> None:
        with closing(sqlite3.connect(self._path)) as copy:
            self._database.backup(copy)
        self._held = self._ledger.copy()

    def restore(self) -> None:
        """Put the last copy in the place of the database, which nobody uses."""
        if self._held is not None:
            with closing(sqlite3.connect(self._path)) as copy:
                copy.backup(self._database)
            self._ledger.restore(self._held)
