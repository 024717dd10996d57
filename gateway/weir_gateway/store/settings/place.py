"""Where a superseded change stands: behind a newer one, which may have its values."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.store.settings.fold import is_held
from weir_gateway.store.settings.rows import StoredVersion, versions


def behind(connection: sqlite3.Connection, version: StoredVersion) -> list[StoredVersion]:
    """Return what stands behind a version, the oldest first."""
    found = versions(connection, version.meter_id, "behind = ?", version.number)
    return found[::-1]


def put_behind(
    connection: sqlite3.Connection, change: StoredVersion, newer: StoredVersion
) -> None:
    """Let a change stand behind a newer one, and note whether that has its values."""
    is_carried = is_held(connection, change, newer.overrides)
    connection.execute(
        "UPDATE settings_versions SET behind = ?, carried_by = ? "
        "WHERE meter_id = ? AND number = ?",
        (
            newer.number,
            newer.version if is_carried else None,
            change.meter_id,
            change.number,
        ),
    )


def release(connection: sqlite3.Connection, changes: Iterable[StoredVersion]) -> None:
    """Let changes stand behind none. Who had their values while they were in force is kept."""
    connection.executemany(
        "UPDATE settings_versions SET behind = NULL, "
        "carried_by = CASE WHEN state = 'superseded' THEN NULL ELSE carried_by END "
        "WHERE meter_id = ? AND number = ?",
        [(one.meter_id, one.number) for one in changes],
    )


def renumber(connection: sqlite3.Connection, carrier: StoredVersion, version: int) -> None:
    """Note that a version which has others behind it goes by another number now."""
    connection.execute(
        "UPDATE settings_versions SET carried_by = ? "
        "WHERE meter_id = ? AND behind = ? AND carried_by IS NOT NULL",
        (version, carrier.meter_id, carrier.number),
    )
