"""Puts rows of a damaged database into the one in use. What is held there is never overwritten."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from weir_gateway.salvage.gap_merge import GapMerger
from weir_gateway.salvage.ledger import Fields, Group
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.source import Source
from weir_gateway.salvage.walk import GroupKey
from weir_gateway.store.promise import COUNTERS_BEGIN_S
from weir_gateway.store.sequences import Range, reading_id

_MEASURED = (
    *("taken_at_s", "time_quality", "forward_pulses", "reverse_pulses"),
    *("pressure_mean_kpa", "pressure_min_kpa", "pressure_max_kpa", "peak_flow_pulses", "status"),
)
_HELD = (
    f"SELECT published, {', '.join(_MEASURED)} FROM readings "
    "WHERE meter_id = ? AND epoch = ? AND sequence = ?"
)
_EXTENT = """
SELECT sequence_next - stored_count - (
    SELECT COALESCE(SUM(last_sequence - first_sequence + 1), 0) FROM gaps g
    WHERE g.meter_id = custody.meter_id AND g.epoch = custody.epoch AND state <> 'closed'
), sequence_next
FROM custody WHERE meter_id = ? AND epoch = ?
"""
_MARK_PUBLISHED = (
    "UPDATE readings SET published = 1 WHERE meter_id = ? AND epoch = ? AND sequence = ?"
)
_NEW_CUSTODY = {"resume_at": 0, "sequence_next": 0, "boot_sequence": 0, "settings_version": 0}
CONFLICTS_NAMED_MAX = 1000


class Merger:
    """Works inside one transaction of the database in use, which its caller began."""

    def __init__(
        self, connection: sqlite3.Connection, source: Source, report: Report, now_ms: int
    ) -> None:
        self._connection = connection
        self._source = source
        self._report = report
        self._now_ms = now_ms
        self._columns = {table: _columns(connection, table) for table in _TABLES}

    def merge(self) -> None:
        """Take over everything, the groups of a meter from the newest epoch to the oldest."""
        for row in self._source.meters.values():
            self._merge_meter(row)
        groups = self._source.groups.items()
        for key, group in sorted(groups, key=lambda one: _ordinal(one[1]), reverse=True):
            self._merge_group(key, group)

    def _merge_meter(self, row: Fields) -> None:
        tally = self._report.of("meters")
        if self._insert("meters", row):
            tally.added += 1
            return
        tally.present += 1
        self._connection.execute(
            "UPDATE meters SET first_seen_ms = MIN(first_seen_ms, :first_seen_ms), "
            "epoch = COALESCE(epoch, :epoch), hello = COALESCE(hello, :hello), "
            "hello_at_ms = COALESCE(hello_at_ms, :hello_at_ms), "
            "status = COALESCE(status, :status), "
            "status_at_ms = COALESCE(status_at_ms, :status_at_ms) WHERE meter_id = :meter_id",
            row,
        )

    def _merge_group(self, key: GroupKey, group: Group) -> None:
        held = self._extent(key)
        readings = self._source.readings(key, None if held is None else held[1])
        rows: Iterator[Mapping[str, Any]] = readings.rows()
        if held is None and not group.custody:  # then only what can be read proves it
            one = next(rows, None)
            if one is None:
                return
            rows = chain([one], rows)
        if held is None:
            self._begin_group(key, group)
        else:
            self._join_custody(group)
        added = self._add_readings(key, rows)
        account = readings.account()
        gaps = GapMerger(self._connection, key, self._report, self._now_ms)
        if held is None:
            gaps.take_over(account)
        else:
            gaps.join(*held, added, account)
        for row in group.boots:
            self._merge_boot(row)

    def _extent(self, key: GroupKey) -> Range | None:
        """Return the first sequence that was ever expected here, and the next in order."""
        row = self._connection.execute(_EXTENT, key).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def _begin_group(self, key: GroupKey, group: Group) -> None:
        """Insert the row of an epoch that the database in use does not know.

        It comes before the epochs that are known there: those are what the meter has now.
        """
        meter_id, epoch = key
        self._connection.execute(
            "INSERT OR IGNORE INTO meters (meter_id, first_seen_ms) VALUES (?, ?)",
            (meter_id, self._now_ms),
        )
        row = dict(group.custody[0]) if group.custody else self._unknown_custody()
        (oldest,) = self._connection.execute(
            "SELECT MIN(ordinal) FROM custody WHERE meter_id = ?", (meter_id,)
        ).fetchone()
        ordinal = row["ordinal"] if oldest is None else min(row["ordinal"], oldest - 1)
        row |= {"meter_id": meter_id, "epoch": epoch, "ordinal": ordinal}
        row |= {"stored_count": 0, "requested": 0}
        self._insert("custody", row)
        self._report.of("custody").added += 1

    def _unknown_custody(self) -> Fields:
        """Return the row of an epoch of which only readings or gaps could be read."""
        (ahead,) = self._connection.execute(
            "SELECT COALESCE(MAX(downlink_ahead), 0) FROM replacement"
        ).fetchone()
        return _NEW_CUSTODY | {
            "ordinal": 1,
            "uplink_counter": -1,
            "downlink_counter": max(0, self._now_ms // 1000 - COUNTERS_BEGIN_S) + ahead,
            "clock_offset_s": None,
            "pulse_weight_ml": 0,
            "sample_interval_s": 0,
            "last_seen_ms": 0,
        }

    def _join_custody(self, group: Group) -> None:
        """Let the counters of a known epoch rise to those that were used."""
        for row in group.custody:
            self._report.of("custody").present += 1
            self._connection.execute(
                "UPDATE custody SET uplink_counter = MAX(uplink_counter, :uplink_counter), "
                "downlink_counter = MAX(downlink_counter, :downlink_counter), "
                "last_seen_ms = MAX(last_seen_ms, :last_seen_ms) "
                "WHERE meter_id = :meter_id AND epoch = :epoch",
                row,
            )

    def _add_readings(self, key: GroupKey, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        tally = self._report.of("readings")
        added = []
        for row in rows:
            if self._insert("readings", row):
                added.append(row["sequence"])
                self._report.published_before += row["published"]
            elif self._agrees(key, row):
                tally.present += 1
            else:
                tally.conflicts += 1
                if len(self._report.conflicts) < CONFLICTS_NAMED_MAX:
                    self._report.conflicts.append(reading_id(*key, row["sequence"]))
        tally.added += len(added)
        self._connection.execute(
            "UPDATE custody SET stored_count = stored_count + ? WHERE meter_id = ? AND epoch = ?",
            (len(added), *key),
        )
        return sorted(added)

    def _agrees(self, key: GroupKey, row: Mapping[str, Any]) -> bool:
        """Return whether what is held is the same; if so, take over that it was published."""
        at = (*key, row["sequence"])
        published, *held = self._connection.execute(_HELD, at).fetchone()
        if held != [row[name] for name in _MEASURED]:
            return False
        if row["published"] and not published:
            self._connection.execute(_MARK_PUBLISHED, at)
        return True

    def _merge_boot(self, row: Fields) -> None:
        tally = self._report.of("boots")
        if self._insert("boots", row):
            tally.added += 1
            return
        tally.present += 1
        self._connection.execute(
            "UPDATE boots SET sequence_end = MAX(sequence_end, :sequence_end) WHERE "
            "meter_id = :meter_id AND epoch = :epoch AND boot_sequence = :boot_sequence",
            row,
        )

    def _insert(self, table: str, row: Mapping[str, Any]) -> bool:
        """Insert a row if its key is free; return whether it was. A column too many is left."""
        names = [name for name in self._columns[table] if name in row]
        text = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({_marks(names)})"
        done = self._connection.execute(text, [row[name] for name in names])
        return done.rowcount > 0


_TABLES = ("meters", "custody", "readings", "gaps", "boots")


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _marks(names: list[str]) -> str:
    return ", ".join("?" * len(names))


def _ordinal(group: Group) -> int:
    return max((int(row["ordinal"]) for row in group.custody), default=0)
