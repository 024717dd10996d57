"""Reads what can be read of a damaged table: from both ends, and between unreadable places."""

import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

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
            self._probe_count += 1
            try:
                for row in self._select(first, last, order):
                    sequence = row[self._sequence_at]
                    if not first <= sequence <= last:  # a page that lies about its order
                        break
                    if order == "ASC":
                        first = sequence + 1
                    else:
                        last = sequence - 1
                    self._lowest = min(self._lowest, sequence)
                    self._highest = max(self._highest, sequence)
                    yield row
                else:
                    return None
            except sqlite3.DatabaseError:
                continue
        first, last = max(first, self._lowest), min(last, self._highest)
        return (first, last) if first <= last else None


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
            known = {key[0] for key in found} | set(meter_ids)
            failed = [
                one for one in sorted(known) if not self._read(found, "meter_id = ?", (one,))
            ]
            self.unreadable_count = max(1, len(failed))
        return [found[key] for key in sorted(found)]

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
            except sqlite3.DatabaseError:
                continue
            return True
        return False


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table, none if it is not there."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def groups_in_readings(connection: sqlite3.Connection) -> set[GroupKey]:
    """Return the (meter, epoch) of which readings can be reached from either end of the table."""
    return _groups(connection, ">", "ASC", (-1, -1)) | _groups(
        connection, "<", "DESC", (SEQUENCE_MAX, 0)
    )


def _groups(
    connection: sqlite3.Connection, beyond: str, order: str, start: GroupKey
) -> set[GroupKey]:
    found: set[GroupKey] = set()
    text = (
        f"SELECT meter_id, epoch FROM readings WHERE (meter_id, epoch) {beyond} (?, ?) "
        f"ORDER BY meter_id {order}, epoch {order} LIMIT 1"
    )
    with suppress(sqlite3.DatabaseError):
        while (row := connection.execute(text, start).fetchone()) is not None:
            if row in found:
                break
            found.add(row)
            start = row
    return found
