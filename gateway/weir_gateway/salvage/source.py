"""What a damaged database still says, as sound rows, with count kept of what it does not."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weir_gateway import messages
from weir_gateway.salvage.check import is_sound
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.walk import (
    GroupKey,
    Row,
    TableReader,
    Walk,
    columns_of,
    groups_in_readings,
)
from weir_gateway.store.sequences import Range

Fields = dict[str, Any]

BY_EPOCH = {  # the small tables whose rows belong to a (meter, epoch), with the rest of their keys
    "custody": (),
    "gaps": ("first_sequence",),
    "boots": ("boot_sequence",),
}
_MARGIN = 4096  # sequences beyond the last known in which a hole is still looked into


@dataclass(slots=True)
class Group:
    """The rows of one (meter, epoch) in the small tables."""

    custody: list[Fields] = field(default_factory=list)
    gaps: list[Fields] = field(default_factory=list)
    boots: list[Fields] = field(default_factory=list)

    def bounds(self, sequence_next: int | None) -> Range:
        """Return where readings are to be expected, if ``sequence_next`` is known elsewhere."""
        ends = [row["last_sequence"] + 1 for row in self.gaps]
        ends += [row["sequence_next"] for row in self.custody]
        ends += [] if sequence_next is None else [sequence_next]
        if not self.custody:
            return 0, max(ends, default=0) + _MARGIN
        absent = [row for row in self.gaps if row["state"] != "closed"]
        missing = sum(row["last_sequence"] - row["first_sequence"] + 1 for row in absent)
        own = self.custody[0]
        first = max(0, own["sequence_next"] - own["stored_count"] - missing)
        return first, max(ends) - 1


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
        if not self._columns:
            raise sqlite3.DatabaseError(messages.SALVAGE_NO_TABLES)
        known_groups = set(known) | groups_in_readings(connection)
        meter_ids = {meter_id for meter_id, _ in known_groups}
        self.meters = {
            row["meter_id"]: row for row in self._read("meters", ("meter_id",), meter_ids)
        }
        self.groups: dict[GroupKey, Group] = {key: Group() for key in sorted(known_groups)}
        for table, rest in BY_EPOCH.items():
            for row in self._read(table, ("meter_id", "epoch", *rest), meter_ids):
                group = self.groups.setdefault((row["meter_id"], row["epoch"]), Group())
                getattr(group, table).append(row)

    def readings(self, key: GroupKey, sequence_next: int | None) -> "Readings":
        bounds = self.groups[key].bounds(sequence_next)
        return Readings(self._connection, self._report, self._columns, key, bounds)

    def _read(self, table: str, keys: tuple[str, ...], meter_ids: Iterable[int]) -> list[Fields]:
        reader = TableReader(self._connection, table, keys)
        tally = self._report.of(table)
        rows = reader.rows(meter_ids)
        sound = [row for row in rows if is_sound(table, row)]
        tally.read += len(sound)
        tally.unsound += len(rows) - len(sound)
        tally.unreadable += reader.unreadable_count
        return sound


class Readings:
    """The readings of one (meter, epoch). unreadable: known only once all rows were taken."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        report: Report,
        columns: list[str],
        key: GroupKey,
        bounds: Range,
    ) -> None:
        self._connection = connection
        self._tally = report.of("readings")
        self._columns = columns
        self._key = key
        self.unreadable: list[Range] = []
        self._walk = Walk(self._select, columns.index("sequence"), bounds)

    def rows(self) -> Iterator[Mapping[str, Any]]:
        for values in self._walk.rows():
            row = dict(zip(self._columns, values, strict=True))
            if is_sound("readings", row) and (row["meter_id"], row["epoch"]) == self._key:
                self._tally.read += 1
                yield row
            else:
                self._tally.unsound += 1
                self.unreadable.append((row["sequence"], row["sequence"]))
        self._tally.unreadable += sum(last - first + 1 for first, last in self._walk.unreadable)
        self.unreadable += self._walk.unreadable

    def _select(self, first: int, last: int, order: str) -> Iterable[Row]:
        """Look a single one up by its whole key: a row in an inner page needs no leaf then."""
        columns = ", ".join(self._columns)
        at = f"SELECT {columns} FROM readings WHERE meter_id = ? AND epoch = ? AND sequence "
        if first == last:
            return self._connection.execute(f"{at} = ?", (*self._key, first))
        bounds = (*self._key, first, last)
        return self._connection.execute(f"{at} BETWEEN ? AND ? ORDER BY sequence {order}", bounds)
