"""What the gateway's parts ask of the database, whoever drives it and in whatever time."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Query = Callable[Concatenate[sqlite3.Connection, P], T]


class Database(Protocol):
    """Commits, reads and looks up; ``Store`` does so with threads, a simulation with none."""

    @property
    def problem(self) -> str | None:
        """A sentence while the database takes nothing, else None."""

    def commit(
        self, work: Query[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "asyncio.Future[T]":
        """Run ``work`` in the next transaction, shared with all that waits at that moment.

        The future is done when the work is durable. It fails with StoreUnavailable when nothing
        was stored, or with what ``work`` raised.
        """

    async def read(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a query without holding up the event loop. Raise StoreUnavailable if it fails."""

    def look_up(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a query of a few rows at once. Raise StoreUnavailable if it fails."""
