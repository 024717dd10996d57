"""Rows as the readers get them."""

from typing import Any, NamedTuple


class StoredReading(NamedTuple):
    """One reading and, where it is held, the one before it (the last three fields, else None)."""

    meter_id: int
    epoch: int
    sequence: int
    taken_at_s: int
    time_quality: int
    measured_at_s: int | None
    forward_pulses: int
    reverse_pulses: int
    pressure_mean_kpa: int | None
    pressure_min_kpa: int | None
    pressure_max_kpa: int | None
    peak_flow_pulses: int
    status: int
    pulse_weight_ml: int
    sample_interval_s: int
    received_at_ms: int
    before_measured_at_s: int | None
    before_forward_pulses: int | None
    before_reverse_pulses: int | None


ReadingKey = tuple[int, int, int]
"""meter_id, epoch and unwrapped sequence."""

_OWN = StoredReading._fields[:-3]
READING_COLUMNS = ", ".join(
    [*(f"r.{name}" for name in _OWN)]
    + [f"p.{name.removeprefix('before_')}" for name in StoredReading._fields[-3:]]
)
WITH_READING_BEFORE = (
    "LEFT JOIN readings p ON p.meter_id = r.meter_id AND p.epoch = r.epoch "
    "AND p.sequence = r.sequence - 1"
)


class StoredGap(NamedTuple):
    """before_s, after_s: times of the nearest readings held on either side, None without one."""

    meter_id: int
    epoch: int
    first_sequence: int
    last_sequence: int
    state: str
    noticed_at_ms: int
    before_s: int | None
    after_s: int | None


_HELD = "SELECT measured_at_s FROM readings r WHERE r.meter_id = g.meter_id AND r.epoch = g.epoch"
GAP_COLUMNS = (
    "g.meter_id, g.epoch, g.first_sequence, g.last_sequence, g.state, g.noticed_at_ms, "
    f"({_HELD} AND r.sequence < g.first_sequence AND r.measured_at_s IS NOT NULL "
    "ORDER BY r.sequence DESC LIMIT 1), "
    f"({_HELD} AND r.sequence > g.last_sequence AND r.measured_at_s IS NOT NULL "
    "ORDER BY r.sequence LIMIT 1)"
)
"""Of a table ``g`` with the columns of gaps."""


class StoredRequest(NamedTuple):
    """conflicts: the unwrapped sequences of readings that came with other values, the first."""

    meter_id: int
    number: int
    epoch: int
    first_sequence: int
    last_sequence: int
    from_s: int | None
    to_s: int | None
    made_at_ms: int
    finished_at_ms: int | None
    returned_count: int
    lost_count: int
    conflict_count: int
    remaining_count: int
    conflicts: tuple[int, ...] = ()


class StoredMeter(NamedTuple):
    """A meter, its newest HELLO and STATUS, its current epoch, and its newest reading."""

    meter_id: int
    first_seen_ms: int
    last_seen_ms: int
    epoch: int
    hello: dict[str, Any]
    hello_at_ms: int
    status: dict[str, Any] | None
    status_at_ms: int | None
    stored_count: int
    resume_at: int
    newest: StoredReading | None


EventKey = tuple[int, int, int]
"""meter_id, epoch and unwrapped sequence."""

GATEWAY_EPOCH = 1 << 32
"""Stands for the epoch of what the gateway noticed itself: no meter has it."""
