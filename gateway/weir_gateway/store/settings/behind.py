"""Changes that wait behind a newer one: it has their values, and they wait again if it fails."""

import sqlite3
from collections.abc import Sequence

from weir_gateway.store.settings import place, versions
from weir_gateway.store.settings.fold import base, folded, is_held
from weir_gateway.store.settings.rows import StoredVersion, reported
from weir_gateway.store.settings.rows import versions as stored_versions
from weir_gateway.store.settings.versions import NewVersion


def end(connection: sqlite3.Connection, ended: Sequence[StoredVersion], now_ms: int) -> None:
    """Let what waited behind versions of one meter, that are not to be applied, wait again.

    The newest of that is made again, with its maker, and the others wait behind it. Where a newer
    change waits already they go on behind that.
    """
    alive: list[StoredVersion] = []
    for one in ended:
        first_own = one.renews or one.number  # from there on it is the same change
        for change in place.behind(connection, one):
            if change.number < first_own and not _is_overdue(change, now_ms):
                alive.append(change)
            else:
                _give_up(connection, change, first_own, now_ms)
    if not alive:
        return
    alive.sort(key=lambda one: one.number)
    waiting = versions.open_version(connection, alive[0].meter_id)
    if waiting is None:
        waiting = _make_again(connection, alive[-1], alive, now_ms)
    for change in alive:
        _wait_behind(connection, change, waiting, now_ms)


def follow(connection: sqlite3.Connection, applied: StoredVersion, now_ms: int) -> None:
    """Tell those who asked for what an applied version has that it is in force."""
    for change in place.behind(connection, applied):
        if change.state == "superseded" and is_held(connection, change, applied.overrides):
            versions.move(connection, change, "applied", now_ms)


def part(connection: sqlite3.Connection, applied: StoredVersion, now_ms: int) -> None:
    """As ``follow``, for a version that came into force after a newer one superseded it."""
    versions.note_applied(connection, applied, now_ms)
    if applied.behind is None:
        return
    found = stored_versions(connection, applied.meter_id, "behind = ?", applied.behind)
    for change in reversed(found):
        if change.number < applied.number:
            place.put_behind(connection, change, applied)
    place.release(connection, [applied])
    follow(connection, applied, now_ms)


def rebase(connection: sqlite3.Connection, meter_id: int, now_ms: int) -> None:
    """Make what waits anew where it was decided without something that is in force after all."""
    waiting = versions.open_version(connection, meter_id)
    if waiting is None:
        return
    alive = [*place.behind(connection, waiting), waiting]
    if folded(base(connection, meter_id), alive) != waiting.overrides:
        _make_again(connection, waiting, alive, now_ms)


def has_expired(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Return whether ``expire`` has anything to do."""
    return bool(_overdue_meters(connection, now_ms))


def expire(connection: sqlite3.Connection, now_ms: int) -> None:
    """Give up what nobody wants any more because it did not reach its meter in time."""
    for meter_id in _overdue_meters(connection, now_ms):
        expire_meter(connection, meter_id, now_ms)


def expire_meter(connection: sqlite3.Connection, meter_id: int, now_ms: int) -> None:
    """As ``expire``, of one meter. What is left waits without what expired."""
    waiting = versions.open_version(connection, meter_id)
    if waiting is None:
        return
    if _is_overdue(waiting, now_ms):
        versions.move(connection, waiting, "expired", now_ms)
        end(connection, [waiting], now_ms)
        return
    overdue = [one for one in place.behind(connection, waiting) if _is_overdue(one, now_ms)]
    if overdue:
        place.release(connection, overdue)
        for change in overdue:
            versions.move(connection, change, "expired", now_ms)
        rebase(connection, meter_id, now_ms)


def _make_again(
    connection: sqlite3.Connection,
    change: StoredVersion,
    alive: Sequence[StoredVersion],
    now_ms: int,
) -> StoredVersion:
    known = reported(connection, change.meter_id)
    is_unknown = known is None or known.reported is None
    new = NewVersion(
        folded(base(connection, change.meter_id), alive),
        change.changes,
        change.made_by,
        change.request_id,
        bool(change.forced),
        change.expires_at_ms,
        change.cause,
        is_partial=bool(change.is_partial) and is_unknown,
        is_built=bool(change.is_built),
        renews=change.renews or change.number,
    )
    return versions.make(connection, change.meter_id, new, now_ms)


def _wait_behind(
    connection: sqlite3.Connection, change: StoredVersion, waiting: StoredVersion, now_ms: int
) -> None:
    place.put_behind(connection, change, waiting)
    if change.state != "superseded":  # it was in force, by the one that was given up
        versions.move(connection, change, "superseded", now_ms)
        versions.forget_applied(connection, change)


def _give_up(
    connection: sqlite3.Connection, change: StoredVersion, first_own: int, now_ms: int
) -> None:
    """End with a version what it has of itself, and what nobody waits for any more."""
    place.release(connection, [change])
    if change.state == "applied":
        versions.move(connection, change, "rolled_back", now_ms)
    elif change.number < first_own:
        versions.move(connection, change, "expired", now_ms)


def _is_overdue(version: StoredVersion, now_ms: int) -> bool:
    return version.expires_at_ms is not None and version.expires_at_ms <= now_ms


def _overdue_meters(connection: sqlite3.Connection, now_ms: int) -> list[int]:
    rows = connection.execute(
        "SELECT meter_id FROM settings_versions WHERE state IN ('pending', 'sent') "
        "AND expires_at_ms IS NOT NULL AND expires_at_ms <= ?1 "
        "UNION SELECT w.meter_id FROM settings_versions w "
        "JOIN settings_versions n ON n.meter_id = w.meter_id AND n.number = w.behind "
        "WHERE w.state = 'superseded' AND w.behind IS NOT NULL "
        "AND w.expires_at_ms IS NOT NULL AND w.expires_at_ms <= ?1 "
        "AND n.state IN ('pending', 'sent')",
        (now_ms,),
    )
    return [meter_id for (meter_id,) in rows]
