"""The versions of a meter's settings: made, superseded, expired, moved from state to state."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from weir_gateway.store.errand import wake
from weir_gateway.store.promise import COUNTERS_BEGIN_S
from weir_gateway.store.settings import place
from weir_gateway.store.settings.fold import WAS_APPLIED
from weir_gateway.store.settings.rows import (
    StoredVersion,
    Values,
    newest_version,
    reported,
    versions,
)

KEPT_MAX = 100
"""Versions of one meter that are kept for people to look at."""

_NUMBERS = 65_535
"""Versions count from 1 to this and begin again at 1; 0 stands for as provisioned."""

_IS_OPEN = "state IN ('pending', 'sent')"
_TIME_OF = {"sent": "sent_at_ms", "applied": "applied_at_ms"}


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A change to be made. Fields as in the table.

    is_built: the overrides are what was desired before with the changes in it, not all anew.
    renews: the number of an older change that this one is again.
    """

    overrides: Values
    changes: Mapping[str, int | None]
    made_by: str
    request_id: str | None = None
    forced: bool = False
    expires_at_ms: int | None = None
    cause: str = "asked"
    is_partial: bool = False
    is_built: bool = False
    renews: int | None = None


def open_version(connection: sqlite3.Connection, meter_id: int) -> StoredVersion | None:
    """Return the version that waits for the meter or for its answer."""
    return newest_version(connection, meter_id, _IS_OPEN)


def desired(connection: sqlite3.Connection, meter_id: int) -> StoredVersion | None:
    """Return the version that is to be in force: the newest that was not refused or given up."""
    return newest_version(connection, meter_id, f"({_IS_OPEN} OR {WAS_APPLIED})")


def make(
    connection: sqlite3.Connection, meter_id: int, new: NewVersion, now_ms: int
) -> StoredVersion:
    """Make a version that waits for the meter; it supersedes one that waits already."""
    waiting = open_version(connection, meter_id)
    if waiting is not None:
        move(connection, waiting, "superseded", now_ms)
    made = _insert(connection, meter_id, new, now_ms)
    if waiting is not None:
        for change in (*place.behind(connection, waiting), waiting):
            place.put_behind(connection, change, made)
    _tell(connection, meter_id, made.number, "pending", now_ms)
    _forget_old(connection, meter_id, made.number)
    wake(connection, meter_id)
    return made


def _insert(
    connection: sqlite3.Connection, meter_id: int, new: NewVersion, now_ms: int
) -> StoredVersion:
    newest = newest_version(connection, meter_id, "1")
    number = _first_number(now_ms) if newest is None else newest.number + 1
    connection.execute(
        "INSERT INTO settings_versions (meter_id, number, version, state, overrides, changes, "
        "cause, made_by, request_id, forced, is_partial, expires_at_ms, made_at_ms, is_built, "
        "renews) VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            meter_id,
            number,
            _next(connection, meter_id, newest),
            json.dumps(dict(new.overrides)),
            json.dumps(dict(new.changes)),
            new.cause,
            new.made_by,
            new.request_id,
            int(new.forced),
            int(new.is_partial),
            new.expires_at_ms,
            now_ms,
            int(new.is_built),
            new.renews,
        ),
    )
    (made,) = versions(connection, meter_id, "number = ?", number)
    return made


def move(
    connection: sqlite3.Connection,
    version: StoredVersion,
    state: str,
    now_ms: int,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Give a version its new state, with the time of it, and have that told."""
    connection.execute(
        f"UPDATE settings_versions SET state = ?, reasons = ?, "
        f"{_TIME_OF.get(state, 'ended_at_ms')} = ? WHERE meter_id = ? AND number = ?",
        (
            state,
            None if reasons is None else json.dumps(dict(reasons)),
            now_ms,
            version.meter_id,
            version.number,
        ),
    )
    _tell(connection, version.meter_id, version.number, state, now_ms)


def complete(connection: sqlite3.Connection, partial: StoredVersion, overrides: Values) -> None:
    """Give a version that was made without knowledge of its meter all that it is to hold."""
    connection.execute(
        "UPDATE settings_versions SET overrides = ?, is_partial = 0 "
        "WHERE meter_id = ? AND number = ?",
        (json.dumps(dict(overrides)), partial.meter_id, partial.number),
    )


def note_applied(connection: sqlite3.Connection, superseded: StoredVersion, now_ms: int) -> None:
    """Note and tell that a version came into force after a newer one had superseded it."""
    connection.execute(
        "UPDATE settings_versions SET applied_at_ms = ? WHERE meter_id = ? AND number = ?",
        (now_ms, superseded.meter_id, superseded.number),
    )
    _tell(connection, superseded.meter_id, superseded.number, "applied", now_ms)


def forget_applied(connection: sqlite3.Connection, change: StoredVersion) -> None:
    """Note that a change which was in force by another version is so no more."""
    connection.execute(
        "UPDATE settings_versions SET applied_at_ms = NULL WHERE meter_id = ? AND number = ?",
        (change.meter_id, change.number),
    )


def note_sent(
    connection: sqlite3.Connection, version: StoredVersion, epoch: int, now_ms: int
) -> None:
    """Note that an open version goes to the meter that has this ring now."""
    if version.state == "pending":
        move(connection, version, "sent", now_ms)
    if version.sent_epoch != epoch:
        connection.execute(
            "UPDATE settings_versions SET sent_epoch = ? WHERE meter_id = ? AND number = ?",
            (epoch, version.meter_id, version.number),
        )


def newest_applied(connection: sqlite3.Connection, meter_id: int) -> StoredVersion | None:
    """Return the newest version that came into force and was not given up."""
    return newest_version(connection, meter_id, WAS_APPLIED)


def renewed_in_a_row(connection: sqlite3.Connection, meter_id: int) -> int:
    """Return how many versions were made again since the last that somebody asked for."""
    (count,) = connection.execute(
        "SELECT COUNT(*) FROM settings_versions WHERE meter_id = ?1 AND number > COALESCE("
        "(SELECT MAX(number) FROM settings_versions WHERE meter_id = ?1 AND cause = 'asked'), "
        "-1 << 40)",
        (meter_id,),
    ).fetchone()
    return int(count)


def applied_before(connection: sqlite3.Connection, version: StoredVersion) -> list[StoredVersion]:
    """Return the older versions that were in force on the same ring."""
    return versions(
        connection,
        version.meter_id,
        f"number < ? AND sent_epoch = ? AND {WAS_APPLIED}",
        version.number,
        version.sent_epoch,
    )


def given_up(
    connection: sqlite3.Connection, meter_id: int, kept: int, last: int
) -> list[StoredVersion]:
    """Return what came or may have come into force after number ``kept``, up to ``last``."""
    return versions(
        connection,
        meter_id,
        f"number > ? AND number <= ? AND (state = 'sent' OR {WAS_APPLIED})",
        kept,
        last,
    )


def renumber(connection: sqlite3.Connection, version: StoredVersion) -> None:
    """Give an open version a number above all that is known of its meter, so that it is taken."""
    newest = newest_version(connection, version.meter_id, "1")
    free = _next(connection, version.meter_id, newest)
    connection.execute(
        "UPDATE settings_versions SET version = ?, sent_epoch = NULL "
        "WHERE meter_id = ? AND number = ?",
        (free, version.meter_id, version.number),
    )
    place.renumber(connection, version, free)


def follows(version: int, other: int) -> bool:
    """Return whether ``version`` is above ``other``, as versions count that begin again at 1."""
    return other == 0 or 0 < (version - other) % _NUMBERS <= _NUMBERS // 2


def _first_number(now_ms: int) -> int:
    """Return where the changes of a meter begin: a fresh database uses none of before again."""
    return max(1, now_ms // 1000 - COUNTERS_BEGIN_S)


def _forget_old(connection: sqlite3.Connection, meter_id: int, newest: int) -> None:
    """Delete old versions, but not the newest that was applied, nor what waits or is untold."""
    connection.execute(
        "DELETE FROM settings_versions WHERE meter_id = ?1 AND number <= ?2 AND number <> "
        "COALESCE((SELECT MAX(number) FROM settings_versions WHERE meter_id = ?1 "
        f"AND {WAS_APPLIED}), 0) AND behind IS NOT ?3 AND NOT EXISTS (SELECT 1 "
        "FROM settings_news n WHERE n.meter_id = ?1 AND n.number = settings_versions.number)",
        (meter_id, newest - KEPT_MAX, newest),
    )


def _next(connection: sqlite3.Connection, meter_id: int, newest: StoredVersion | None) -> int:
    """Return a version above all that is known of a meter.

    Its low 8 bits, which most uplinks carry alone, differ from those of the one in force.
    """
    attested = reported(connection, meter_id)
    in_force = 0 if attested is None else attested.version
    highest = in_force
    if newest is not None and follows(newest.version, in_force):
        highest = newest.version
    version = highest % _NUMBERS + 1
    return version % _NUMBERS + 1 if version & 0xFF == in_force & 0xFF else version


def _tell(
    connection: sqlite3.Connection, meter_id: int, number: int, state: str, now_ms: int
) -> None:
    connection.execute(
        "INSERT INTO settings_news (meter_id, number, state, at_ms) VALUES (?, ?, ?, ?)",
        (meter_id, number, state, now_ms),
    )
