"""A group of requests becomes one transaction: whole, each apart, or not at all.

Nothing here knows a thread, an event loop or a clock, so whoever calls decides when a commit
happens. Requests are run in the order given.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from weir_gateway import messages
from weir_gateway.errors import StoreUnavailable, StoreUnusable
from weir_gateway.store.damage import is_damage

Work = Callable[[sqlite3.Connection], Any]

_REQUEST_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)
"""Database errors that say something of one request, nothing of the disk."""

Replace = Callable[[sqlite3.Error, Callable[[], None]], str]
"""Given the error and what closes the connection, begins a fresh file and says so in a sentence.

Raises StoreUnusable when there will be none.
"""

_log = logging.getLogger(__name__)


class Request:
    """Work for a transaction; afterwards its ``result``, or the ``error`` that undid it."""

    __slots__ = ("error", "result", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None


class Transactions:
    """Commits groups of requests on one connection, which it opens when it needs one.

    problem: a sentence while the database takes nothing, else None.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], replace: Replace | None = None
    ) -> None:
        """Take how to open a connection, and how to replace a file that is damaged."""
        self._connect = connect
        self._replace = replace
        self._connection: sqlite3.Connection | None = None
        self.problem: str | None = None

    def commit(self, group: Sequence[Request]) -> None:
        """Run the group in one transaction; every request without an error is durable then.

        A request fails with StoreUnavailable when nothing of it was stored, or with what its
        work raised: then only that work is undone.
        """
        try:
            self._transact(group)
        except _REQUEST_FAULTS as error:
            self._commit_apart(group, error)
        except sqlite3.Error as error:
            self._fail(group, error)
        except Exception as error:
            self._commit_apart(group, error)

    def close(self) -> None:
        """Give up the connection; the next commit opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                _log.debug("closing the database: %s", error)

    def _commit_apart(self, group: Sequence[Request], error: Exception) -> None:
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

    def _transact(self, group: Sequence[Request]) -> None:
        """Run the group in one transaction. All of it is durable when this returns."""
        try:
            self._attempt(group)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self.close()
            self._attempt(group)  # what was read wrongly once may be right on the disk
        if self.problem is not None:
            self.problem = None
            _log.warning("%s", messages.STORE_RECOVERED)

    def _attempt(self, group: Sequence[Request]) -> None:
        connection = self._connection = self._connection or self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
            for request in group:
                request.result = request.work(connection)
            connection.execute("COMMIT")
        except BaseException:
            for request in group:
                request.result = None  # of work that is undone
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _fail(self, group: Sequence[Request], error: sqlite3.Error) -> None:
        """Give up the connection as well: after an I/O error nothing it believes is certain."""
        text = None
        if is_damage(error) and self._replace is not None:
            text = self._try_to_replace(error, self._replace)
        if text is None:
            text = self._note_problem(messages.STORE_FAILED_BRIEF.format(why=error), error)
        self.close()
        for request in group:
            request.error = StoreUnavailable(text)

    def _try_to_replace(self, error: sqlite3.Error, replace: Replace) -> str:
        """Return what became of the damaged file. A fresh one is no problem, none is."""
        try:
            return replace(error, self.close)
        except StoreUnusable as failure:
            return self._note_problem(str(failure), error)

    def _note_problem(self, text: str, error: sqlite3.Error) -> str:
        """Log a problem once, not with every request."""
        if self.problem is None:
            _log.error("%s", messages.STORE_FAILED.format(why=error))
        if text != self.problem:
            self.problem = text
        return text
