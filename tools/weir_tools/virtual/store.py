"""The gateway's database in virtual time: real transactions on real SQLite, without threads."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Any

from weir_gateway.store import schema
from weir_gateway.store.database import P, Query, T
from weir_gateway.store.transaction import Request, Transactions, Work
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.witness import Sight, Witness

_COMMIT_S = (0.002, 0.030)  # until the disk has it
_SETTLE_S = (0.0005, 0.003)  # until those who wait hear of it
_READ_S = (0.0005, 0.004)


class Killed(BaseException):
    """The gateway's process is gone in the middle of a transaction."""


class KillPoint(Enum):
    INSIDE_COMMIT = auto()
    AFTER_COMMIT = auto()  # durable, but nobody has heard of it yet


class _Asked(Request):
    """seen: what the witness saw of its last run."""

    __slots__ = ("future", "seen")

    def __init__(self, work: Work, future: "asyncio.Future[Any]", witness: Witness) -> None:
        super().__init__(lambda connection: self._run(work, connection, witness))
        self.future = future
        self.seen: list[Sight] = []

    def _run(self, work: Work, connection: sqlite3.Connection, witness: Witness) -> Any:
        self.seen = witness.begin()
        return work(connection)


class VirtualStore:
    """One life of the gateway's database (weir_gateway.store.Database).

    kill_point: where a commit kills the gateway: the next one, after ``spared`` others.
    is_full: the disk takes nothing.
    """

    def __init__(
        self,
        path: Path,
        chance: random.Random,
        witness: Witness,
        trace: Trace,
        on_killed: Callable[[], None],
    ) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._chance = chance
        self._witness = witness
        self._trace = trace
        self._on_killed = on_killed
        self._transactions = Transactions(self._connect)
        self._reader = schema.connect(path, read_only=True)
        self._waiting: list[_Asked] = []
        self._is_dead = False
        self.kill_point: KillPoint | None = None
        self.spared = 0
        self.is_full = False

    @property
    def problem(self) -> str | None:
        return self._transactions.problem

    def commit(
        self, work: Query[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_later(self._chance.uniform(*_COMMIT_S), self._commit)
        self._waiting.append(
            _Asked(
                lambda connection: work(connection, *arguments, **keywords), future, self._witness
            )
        )
        return future

    async def read(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        await asyncio.sleep(self._chance.uniform(*_READ_S))
        return query(self._reader, *arguments, **keywords)

    def look_up(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        return query(self._reader, *arguments, **keywords)

    def die(self) -> None:
        """Lose everything that is not committed."""
        self._is_dead = True
        self._transactions.close()
        self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        connection = schema.connect(self._path)
        connection.execute("PRAGMA synchronous = OFF")  # the machine below keeps its power
        self._witness.attend(connection)
        return connection

    def _commit(self) -> None:
        if self._is_dead:
            return
        group, self._waiting = self._waiting, []
        point = self._next_point()
        try:
            self._transact(group, point)
        except Killed:
            self._on_killed()
            return
        if point is KillPoint.AFTER_COMMIT:
            self._on_killed()
        else:
            self._loop.call_later(self._chance.uniform(*_SETTLE_S), self._settle, group)

    def _next_point(self) -> KillPoint | None:
        if self.kill_point is not None and self.spared:
            self.spared -= 1
            return None
        point, self.kill_point = self.kill_point, None
        return point

    def _transact(self, group: list[_Asked], point: KillPoint | None) -> None:
        requests: list[Request] = [*group]
        if self.is_full:
            requests.append(Request(_find_disk_full))
        if point is KillPoint.INSIDE_COMMIT:
            requests.append(Request(_die))
        self._transactions.commit(requests)
        self._witness.confirm(asked.seen for asked in group if asked.error is None)
        self._trace.note("commit", 0, b"%d" % len(group))

    def _settle(self, group: list[_Asked]) -> None:
        if self._is_dead:
            return
        for asked in group:
            if asked.future.cancelled():
                continue
            if asked.error is not None:
                asked.future.set_exception(asked.error)
            else:
                asked.future.set_result(asked.result)


def _find_disk_full(_connection: sqlite3.Connection) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def _die(_connection: sqlite3.Connection) -> None:
    raise Killed
