"""What a damaged database still says, as sound rows, with count kept of what it does not."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weir_gateway import messages
from weir_gateway.salvage.check import first_columns, is_sound
from weir_gateway.salvage.ledger import STRAYS_MAX, Account, Fields, Group, settle, size
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.walk import (
    GroupKey,
    Row,
    TableReader,
    Walk,
    columns_of,
    groups_in_readings,
    joined,
)
from weir_gateway.store.sequences import Range

BY_EPOCH = {  # the small tables whose rows belong to a (meter, epoch), with the rest of their keys
    "custody": (),
    "gaps": ("first_sequence",),
    "boots": ("boot_sequence",),
    "forgotten": ("first_sequence",),
}
_RANGES = ("gaps", "forgotten")
_LATER = ("boots", "forgotten")  # what the first schema had not
_HELD_BACK_MAX = 100


class Source:
    """meters: by number. groups: by (meter, epoch)."""

    def __init__(
        self, connection: sqlite3.Connection, report: Report, known: Iterable[GroupKey]
    ) -> None:
        """Read the small tables. ``known``: groups to look for, besides those that are found.

        Raise sqlite3.DatabaseError when not even the tables are found.
        """
        self._connection = connection
        self._report = report
        self._columns = columns_of(connection, "readings")
        if not first_columns()["readings"] <= set(self._columns):
            raise sqlite3.DatabaseError(messages.SALVAGE_NO_TABLES)
        found, unsound_count = groups_in_readings(connection)
        known_groups = set(known)
        meter_ids = {meter_id for meter_id, _ in known_groups | found}
        self.meters = {
            row["meter_id"]: row for row in self._read("meters", ("meter_id",), meter_ids)
        }
        known_groups |= {
            (row["meter_id"], row["epoch"])
            for row in self.meters.values()
            if row["epoch"] is not None
        }
        self.groups = {key: Group(is_named=key in known_groups) for key in known_groups | found}
        for table, rest in BY_EPOCH.items():
            for row in self._read(table, ("meter_id", "epoch", *rest), meter_ids):
                group = self.groups.setdefault((row["meter_id"], row["epoch"]), Group())
                group.is_named = True
                getattr(group, table).append(row)
        report.of("readings").unsound += unsound_count
        tallies = [report.of(table) for table in _RANGES]
        for group in self.groups.values():
            group.in_doubt = any(one.unreadable or one.unsound for one in tallies)

    def readings(self, key: GroupKey, sequence_next: int | None) -> "Readings":
        group = self.groups[key]
        return Readings(self._connection, self._report, self._columns, key, group, sequence_next)

    def _read(self, table: str, keys: tuple[str, ...], meter_ids: Iterable[int]) -> list[Fields]:
        reader = TableReader(self._connection, table, keys)
        tally = self._report.of(table)
        if not first_columns()[table] <= set(reader.columns):
            tally.unreadable += table not in _LATER or bool(reader.columns)
            return []
        rows = reader.rows(meter_ids)
        sound = [row for row in rows if is_sound(table, row)]
        tally.read += len(sound)
        tally.unsound += len(rows) - len(sound)
        tally.unreadable += reader.unreadable_count
        return sound


class Readings:
    """The readings of one (meter, epoch), and what they come to once all were taken."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        report: Report,
        columns: list[str],
        key: GroupKey,
        group: Group,
        sequence_next: int | None,
    ) -> None:
        self._connection = connection
        self._report = report
        self._columns = columns
        self._key = key
        self._group = group
        self._seen: list[Range] = []
        bounds = group.bounds(sequence_next)
        self._walk = Walk(self._select, columns.index("sequence"), bounds)

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Give what can be believed. A few readings beyond custody's end are judged last."""
        end = min((row["sequence_next"] for row in self._group.custody), default=None)
        if not self._group.is_named:
            end = 0
        waiting: list[Fields] = []
        for row in self._sound_rows():
            if end is None or row["sequence"] < end:
                yield self._note(row)
                continue
            waiting.append(row)
            if len(waiting) > _HELD_BACK_MAX:
                end = None
                yield from map(self._note, waiting)
                waiting = []
        yield from map(self._note, self._judged(waiting))

    def account(self) -> Account:
        """Compare what was read with what should be there. Only after all rows were taken."""
        account = settle(self._group, joined(self._seen))
        self._report.of("gaps").unsound += account.unsound_count
        self._report.of("readings").unreadable += size(account.absent)
        return account

    def _sound_rows(self) -> Iterator[Fields]:
        for values in self._walk.rows():
            row = dict(zip(self._columns, values, strict=True))
            if is_sound("readings", row) and (row["meter_id"], row["epoch"]) == self._key:
                yield row
            else:
                self._report.of("readings").unsound += 1

    def _judged(self, waiting: list[Fields]) -> list[Fields]:
        """Return these rows unless it is likelier that their keys are damaged."""
        if not self._group.is_named:
            is_stray = len(waiting) <= STRAYS_MAX
        else:
            absent = settle(self._group, joined(self._seen)).absent
            is_stray = len(waiting) <= size(absent)
        if is_stray:
            self._report.of("readings").unsound += len(waiting)
            return []
        return waiting

    def _note(self, row: Fields) -> Fields:
        self._report.of("readings").read += 1
        sequence = row["sequence"]
        first, last = self._seen[-1] if self._seen else (-2, -2)
        if last + 1 == sequence:
            self._seen[-1] = (first, sequence)
        elif first - 1 == sequence:
            self._seen[-1] = (sequence, last)
        else:
            self._seen.append((sequence, sequence))
        return row

    def _select(self, first: int, last: int, order: str) -> Iterable[Row]:
        """Look a single one up by its whole key: a row in an inner page needs no leaf then."""
        columns = ", ".join(self._columns)
        at = f"SELECT {columns} FROM readings WHERE meter_id = ? AND epoch = ? AND sequence "
        if first == last:
            return self._connection.execute(f"{at} = ?", (*self._key, first))
        bounds = (*self._key, first, last)
        return self._connection.execute(f"{at} BETWEEN ? AND ? ORDER BY sequence {order}", bounds)
