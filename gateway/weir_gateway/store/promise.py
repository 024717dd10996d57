"""What the gateway has promised to one meter in one epoch: the custody row while it changes."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from weir_gateway.errors import UplinkRefused
from weir_gateway.store.gaps import Gaps
from weir_gateway.store.sequences import unwrap
from weir_protocol.records import TimeQuality


@dataclass(frozen=True, slots=True)
class Origin:
    """Which uplink, and when it came. pulse_weight_ml: the operator's, None for the meter's.

    settings_version: as the uplink names it, often only the low 8 bits; None without an uplink.
    """

    meter_id: int
    epoch: int
    counter: int
    received_at_ms: int
    pulse_weight_ml: int | None = None
    settings_version: int | None = None


COUNTERS_BEGIN_S = 1_767_225_600
"""2026-01-01T00:00:00Z: late, so that counters stay short on the wire."""

_COLUMNS = (
    "downlink_counter",
    "resume_at",
    "sequence_next",
    "boot_sequence",
    "clock_offset_s",
    "settings_version",
    "pulse_weight_ml",
    "sample_interval_s",
    "requested",
    "errand",
    "shape_sequence",
)
_values = attrgetter(*_COLUMNS)
_SELECT = (
    f"SELECT uplink_counter, {', '.join(_COLUMNS)} FROM custody WHERE meter_id = ? AND epoch = ?"
)
_SET = f"UPDATE custody SET {', '.join(f'{column} = ?' for column in _COLUMNS)}"
_UPDATE = (
    f"{_SET}, uplink_counter = ?, "
    "last_seen_ms = ?, stored_count = stored_count + ? WHERE meter_id = ? AND epoch = ?"
)
_UPDATE_UNHEARD = f"{_SET} WHERE meter_id = ? AND epoch = ?"


@dataclass(slots=True)
class Promise:
    """downlink_counter: the next to be used. Sequences are unwrapped. Fields as in the table.

    is_hello: the uplink is a HELLO.
    """

    downlink_counter: int
    resume_at: int
    sequence_next: int
    boot_sequence: int
    clock_offset_s: int | None
    settings_version: int
    pulse_weight_ml: int
    sample_interval_s: int
    requested: int
    errand: int
    shape_sequence: int
    is_hello: bool = False

    @classmethod
    def accept(cls, connection: sqlite3.Connection, origin: Origin) -> "Promise":
        """Return the row. Raise UplinkRefused for an unknown epoch or a used counter.

        The session refuses both before; it is checked again where it becomes durable.
        """
        row = connection.execute(_SELECT, (origin.meter_id, origin.epoch)).fetchone()
        if row is None:
            raise UplinkRefused("unknown_epoch", f"epoch {origin.epoch:08x} is not known")
        if row[0] >= origin.counter:
            raise UplinkRefused("replay", f"counter {origin.counter} was used before")
        return cls(*row[1:])

    @classmethod
    def recall(cls, connection: sqlite3.Connection, meter_id: int, epoch: int) -> "Promise":
        """Return the row of an epoch that is known, without an uplink."""
        return cls(*connection.execute(_SELECT, (meter_id, epoch)).fetchone()[1:])

    @property
    def is_whole(self) -> bool:
        """Nothing below ``sequence_next`` is missing."""
        return self.resume_at == self.sequence_next

    def fulfil(
        self,
        connection: sqlite3.Connection,
        origin: Origin,
        stored_count: int,
        *,
        downlink_count: int = 1,
    ) -> int:
        """Write the row back; return the first of the downlink counters that the answer may use.

        It is never below the seconds since COUNTERS_BEGIN_S. So a database that was lost or set
        back to a copy uses no counter, and no nonce, a second time, as long as fewer than one
        downlink a second went to the meter on average. One that replaced a damaged one begins
        far above, for what went out faster than that.
        """
        answer_counter = self._reserve(origin, downlink_count)
        connection.execute(
            _UPDATE,
            (
                *_values(self),
                origin.counter,
                origin.received_at_ms,
                stored_count,
                origin.meter_id,
                origin.epoch,
            ),
        )
        return answer_counter

    def fulfil_unheard(
        self, connection: sqlite3.Connection, origin: Origin, downlink_count: int
    ) -> int:
        """As ``fulfil``, for downlinks that no uplink brought about: nothing was heard."""
        first_counter = self._reserve(origin, downlink_count)
        row = (*_values(self), origin.meter_id, origin.epoch)
        connection.execute(_UPDATE_UNHEARD, row)
        return first_counter

    def _reserve(self, origin: Origin, downlink_count: int) -> int:
        first_counter = max(self.downlink_counter, _counter_floor(origin))
        self.downlink_counter = first_counter + downlink_count
        return first_counter

    def learn(self, origin: Origin, hello: Mapping[str, Any]) -> None:
        """Take over what a HELLO says, and how a meter without a clock counts its seconds."""
        self.is_hello = True
        boot_sequence = unwrap(hello["boot_sequence"], self.sequence_next)
        if hello["time_quality"] == TimeQuality.UNSET:
            self.clock_offset_s = origin.received_at_ms // 1000 - hello["clock_s"]
        elif boot_sequence != self.boot_sequence:
            self.clock_offset_s = None
        self.boot_sequence = boot_sequence
        self.settings_version = hello["settings_version"]

    def gaps(self, connection: sqlite3.Connection, origin: Origin) -> Gaps:
        return Gaps(
            connection,
            origin.meter_id,
            origin.epoch,
            self.sequence_next,
            origin.received_at_ms,
        )

    def follow(self, gaps: Gaps) -> None:
        """Take over the resume point that ``gaps`` leads to."""
        self.sequence_next, self.resume_at = gaps.sequence_next, gaps.resume_at()


def _counter_floor(origin: Origin) -> int:
    return max(0, origin.received_at_ms // 1000 - COUNTERS_BEGIN_S)


def open_epoch(connection: sqlite3.Connection, origin: Origin, hello: Mapping[str, Any]) -> bool:
    """Make the rows of a meter and of its epoch; return whether the epoch is new."""
    connection.execute(
        "INSERT OR IGNORE INTO meters (meter_id, first_seen_ms) VALUES (?, ?)",
        (origin.meter_id, origin.received_at_ms),
    )
    oldest = hello["sequence_oldest"]
    opened = connection.execute(
        "INSERT OR IGNORE INTO custody (meter_id, epoch, ordinal, uplink_counter, "
        "downlink_counter, resume_at, sequence_next, boot_sequence, settings_version, "
        "pulse_weight_ml, sample_interval_s, last_seen_ms) "
        "SELECT :meter_id, :epoch, COALESCE(MAX(ordinal), 0) + 1, -1, :since_s + "
        "COALESCE((SELECT MAX(downlink_ahead) FROM replacement), 0), :oldest, :oldest, "
        ":boot_sequence, 0, 0, 0, :received_at_ms "
        "FROM custody WHERE meter_id = :meter_id",
        {
            "meter_id": origin.meter_id,
            "epoch": origin.epoch,
            "oldest": oldest,
            "boot_sequence": unwrap(hello["boot_sequence"], oldest),
            "received_at_ms": origin.received_at_ms,
            "since_s": _counter_floor(origin),
        },
    )
    return opened.rowcount > 0


def lose_older_epochs(connection: sqlite3.Connection, origin: Origin) -> int:
    """Name as lost what is missing of a meter's other epochs, whose rings are gone."""
    rows = connection.execute(
        "SELECT epoch, resume_at, sequence_next FROM custody "
        "WHERE meter_id = ? AND epoch <> ? AND resume_at < sequence_next",
        (origin.meter_id, origin.epoch),
    ).fetchall()
    lost_count = 0
    for epoch, resume_at, sequence_next in rows:
        gaps = Gaps(connection, origin.meter_id, epoch, sequence_next, origin.received_at_ms)
        lost_count += gaps.lose(resume_at, sequence_next - 1)
        connection.execute(
            "UPDATE custody SET resume_at = sequence_next WHERE meter_id = ? AND epoch = ?",
            (origin.meter_id, epoch),
        )
    return lost_count
