"""Versions of settings as the database holds them."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

Values = Mapping[str, int]
"""Settings by name."""

OPEN = ("pending", "sent")
"""States of a version that the meter has not answered yet."""


class StoredVersion(NamedTuple):
    """A change of a meter's settings. Fields as in the table; what is JSON there is read."""

    meter_id: int
    number: int
    version: int
    state: str
    overrides: dict[str, int]
    changes: dict[str, int | None]
    cause: str
    made_by: str
    request_id: str | None
    forced: int
    is_partial: int
    expires_at_ms: int | None
    made_at_ms: int
    sent_at_ms: int | None
    sent_epoch: int | None
    applied_at_ms: int | None
    ended_at_ms: int | None
    reasons: dict[str, str] | None
    behind: int | None
    carried_by: int | None
    renews: int | None
    is_built: int

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Reported(NamedTuple):
    """What a meter says is in force. Fields as in the table; what is JSON there is read."""

    meter_id: int
    epoch: int
    version: int
    attested_at_ms: int
    reported: dict[str, int] | None
    reported_version: int | None
    reported_at_ms: int | None
    provisioned: dict[str, int] | None
    gathering: dict[str, Any] | None
    asks_left: int
    asked_at_ms: int | None


_VERSION = f"SELECT {', '.join(StoredVersion._fields)} FROM settings_versions"
_REPORTED = f"SELECT {', '.join(Reported._fields)} FROM settings_reported WHERE meter_id = ?"


def versions(
    connection: sqlite3.Connection, meter_id: int, where: str, *arguments: object
) -> list[StoredVersion]:
    """Return the versions of a meter that the SQL condition ``where`` holds for, newest first."""
    rows = connection.execute(
        f"{_VERSION} WHERE meter_id = ? AND {where} ORDER BY number DESC", (meter_id, *arguments)
    )
    return [_version(row) for row in rows]


def history(connection: sqlite3.Connection, meter_id: int, count_max: int) -> list[StoredVersion]:
    """Return the newest versions of a meter, newest first."""
    rows = connection.execute(
        f"{_VERSION} WHERE meter_id = ? ORDER BY number DESC LIMIT ?", (meter_id, count_max)
    )
    return [_version(row) for row in rows]


def newest_version(
    connection: sqlite3.Connection, meter_id: int, where: str, *arguments: object
) -> StoredVersion | None:
    row = connection.execute(
        f"{_VERSION} WHERE meter_id = ? AND {where} ORDER BY number DESC LIMIT 1",
        (meter_id, *arguments),
    ).fetchone()
    return None if row is None else _version(row)


def reported(connection: sqlite3.Connection, meter_id: int) -> Reported | None:
    """Return what a meter says is in force, None before it has said anything."""
    row = connection.execute(_REPORTED, (meter_id,)).fetchone()
    if row is None:
        return None
    stored = Reported._make(row)
    return stored._replace(
        reported=_read(stored.reported),
        provisioned=_read(stored.provisioned),
        gathering=_read(stored.gathering),
    )


def _version(row: tuple[Any, ...]) -> StoredVersion:
    stored = StoredVersion._make(row)
    return stored._replace(
        overrides=_read(stored.overrides),
        changes=_read(stored.changes),
        reasons=_read(stored.reasons),
    )


def _read(text: Any) -> Any:
    return None if text is None else json.loads(text)
