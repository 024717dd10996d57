"""When a meter is expected to call, and what else it has said of its plan."""

import json
import sqlite3
from typing import NamedTuple

from weir_protocol.schedule import AUTOMATIC, SendPlan
from weir_protocol.settings import defaults

_INTERVALS = ("sample_interval_s", "store_interval_s", "send_interval_s")


class MeterPlan(NamedTuple):
    """values: the settings that are in force as far as it has said; others have their defaults."""

    meter_id: int
    epoch: int
    heard_ms: int
    values: dict[str, int]

    @property
    def send_plan(self) -> SendPlan:
        return SendPlan(
            self.values["send_interval_s"],
            self.values.get("send_slot_s", AUTOMATIC),
            self.values.get("send_spread_s", AUTOMATIC),
        )

    @property
    def holds_link(self) -> bool:
        """Whether the meter listens on its link all the time."""
        return bool(self.values.get("link_hold"))


def meter_plans(connection: sqlite3.Connection, meter_id: int | None = None) -> list[MeterPlan]:
    """Return the plan of one meter, or of all, without those that never said hello."""
    rows = connection.execute(
        "SELECT m.meter_id, m.epoch, c.last_seen_ms, m.hello, r.reported FROM meters m "
        "JOIN custody c USING (meter_id, epoch) LEFT JOIN settings_reported r "
        "ON r.meter_id = m.meter_id AND r.epoch = m.epoch AND r.reported_version = r.version "
        "WHERE m.hello IS NOT NULL AND (:meter_id IS NULL OR m.meter_id = :meter_id)",
        {"meter_id": meter_id},
    )
    return [_plan(*row) for row in rows]


def send_plan(connection: sqlite3.Connection, meter_id: int) -> SendPlan | None:
    """Return the plan by which a meter sends, None when it never said hello."""
    found = meter_plans(connection, meter_id)
    return found[0].send_plan if found else None


def holds_link(connection: sqlite3.Connection, meter_id: int) -> bool:
    """Return whether a meter has said that it listens on its link all the time."""
    return any(plan.holds_link for plan in meter_plans(connection, meter_id))


def _plan(meter_id: int, epoch: int, heard_ms: int, hello: str, reported: str | None) -> MeterPlan:
    """Before it has reported the settings in force, the intervals of its HELLO are known."""
    if reported is not None:
        return MeterPlan(meter_id, epoch, heard_ms, {**defaults(), **json.loads(reported)})
    said = json.loads(hello)
    return MeterPlan(meter_id, epoch, heard_ms, {name: max(1, said[name]) for name in _INTERVALS})
