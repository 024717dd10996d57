"""Reads what can be read of a damaged table: from both ends, and between unreadable places."""

import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from weir_gateway.store import damage
from weir_gateway.store.sequences import Range

Row = tuple[Any, ...]
Key = tuple[int, ...]
GroupKey = tuple[int, int]
"""meter_id and epoch."""

Select = Callable[[int, int, str], Iterable[Row]]
"""Gives the rows from a first to a last sequence, in the order "ASC" or "DESC"."""

PROBES_MAX = 100_000
"""Look-ups in one group of readings before the rest of its holes is given up: some seconds."""

SEQUENCE_MAX = 1 << 62


class Walk:
    """Goes through the sequences of one (meter, epoch). unreadable: what it could not reach.

    A page that cannot be read stops every scan that comes to it. So each hole is halved until its
    halves can be read from one of their ends, the widest holes first.
    """

    def __init__(self, select: Select, sequence_at: int, bounds: Range) -> None:
        """Take where a row has its sequence, and between which bounds readings are expected.

        A hole matters between them, and between any that were found.
        """
        self._select = select
        self._sequence_at = sequence_at
        self._lowest, self._highest = bounds
        self._probe_count = 0
        self.unreadable: list[Range] = []

    def rows(self) -> Iterator[Row]:
        """Give every row that can be reached, once, in no order."""
        waiting = deque([(0, SEQUENCE_MAX)])
        while waiting:
            hole = yield from self._close_in(*waiting.popleft())
            if hole is None:
                continue
            first, last = hole
            if first == last or self._probe_count > PROBES_MAX:
                self.unreadable.append(hole)
            else:
                middle = (first + last) // 2
                waiting += [(first, middle), (middle + 1, last)]
        self.unreadable = joined(self.unreadable)

    def _close_in(self, first: int, last: int) -> Generator[Row, None, Range | None]:
        """Read from both ends; return the hole that is left, or None."""
        for order in ("ASC", "DESC"):
            scan = self._scan(first, last, order)
            for row in scan.rows():
                sequence = row[self._sequence_at]
                if order == "ASC":
                    first = sequence + 1
                else:
                    last = sequence - 1
                self._lowest = min(self._lowest, sequence)
                self._highest = max(self._highest, sequence)
                yield row
            if scan.is_complete:
                return None
        first, last = max(first, self._lowest), min(last, self._highest)
        return (first, last) if first <= last else None

    def _scan(self, first: int, last: int, order: str) -> "_Scan":
        self._probe_count += 1
        return _Scan(
            lambda: self._select(first, last, order),
            self._sequence_at,
            (first, last),
            1 if order == "ASC" else -1,
        )


class _Scan:
    """One way through a range. is_complete: it came to its end, and all was in order."""

    def __init__(
        self, select: Callable[[], Iterable[Row]], sequence_at: int, bounds: Range, step: int
    ) -> None:
        self._step = step
        self._select = select
        self._sequence_at = sequence_at
        self._first, self._last = bounds
        self.is_complete = False

    def rows(self) -> Iterator[Row]:
        """Give each row once the next has shown that it stands in its place."""
        before: Row | None = None
        try:
            for row in self._select():
                sequence = row[self._sequence_at]
                if type(sequence) is not int:
                    continue
                if not self._first <= sequence <= self._last:
                    return
                if before is not None:
                    if (sequence - before[self._sequence_at]) * self._step <= 0:
                        return
                    yield before
                before = row
            self.is_complete = True
        except damage.UNREADABLE:
            pass
        if before is not None:
            yield before


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return the ranges in order, each with those that follow it without a space between."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


class TableReader:
    """Reads a small table whole. unreadable_count: meters of which something may be missing."""

    def __init__(self, connection: sqlite3.Connection, table: str, keys: Sequence[str]) -> None:
        self._connection = connection
        self._table = table
        self._keys = keys
        self.columns = columns_of(connection, table)
        self.unreadable_count = 0

    def rows(self, meter_ids: Iterable[int]) -> list[dict[str, Any]]:
        """Return every row that can be reached; ``meter_ids`` are looked for one by one."""
        found: dict[Key, dict[str, Any]] = {}
        if self.columns and not self._read(found, "1", ()):
            known = {key[0] for key in found if type(key[0]) is int} | set(meter_ids)
            failed = [
                one for one in sorted(known) if not self._read(found, "meter_id = ?", (one,))
            ]
            self.unreadable_count = max(1, len(failed))
        sound = {key for key in found if are_integers(key)}
        return [found[key] for key in (*sorted(sound), *(found.keys() - sound))]

    def _read(self, found: dict[Key, dict[str, Any]], where: str, values: Key) -> bool:
        """Read from the front, then from the back; return whether all could be read."""
        for order in ("ASC", "DESC"):
            by = ", ".join(f"{key} {order}" for key in self._keys)
            text = (
                f"SELECT {', '.join(self.columns)} FROM {self._table} WHERE {where} ORDER BY {by}"
            )
            try:
                for values_read in self._connection.execute(text, values):
                    row = dict(zip(self.columns, values_read, strict=True))
                    found[tuple(row[key] for key in self._keys)] = row
            except damage.UNREADABLE:
                continue
            return True
        return False


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table, none if it is not there."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def are_integers(key: Iterable[object]) -> bool:
    """Return whether a key is one that the gateway could have written."""
    return all(type(one) is int and 0 <= one <= SEQUENCE_MAX for one in key)


def groups_in_readings(connection: sqlite3.Connection) -> tuple[set[GroupKey], int]:
    """Return the (meter, epoch) of which readings can be reached from either end of the table.

    And how many keys were met on the way that are none.
    """
    found = _groups(connection, ">", "ASC", (-1, -1)) | _groups(
        connection, "<", "DESC", (SEQUENCE_MAX, 0)
    )
    groups = {key for key in found if are_integers(key)}
    return groups, len(found) - len(groups)


def _groups(
    connection: sqlite3.Connection, beyond: str, order: str, start: GroupKey
) -> set[GroupKey]:
    found: set[GroupKey] = set()
    text = (
        f"SELECT meter_id, epoch FROM readings WHERE (meter_id, epoch) {beyond} (?, ?) "
        f"ORDER BY meter_id {order}, epoch {order} LIMIT 1"
    )
    with suppress(*damage.UNREADABLE):
        while (row := connection.execute(text, start).fetchone()) is not None:
            if row in found:
                break
            found.add(row)
            start = row
    return found
