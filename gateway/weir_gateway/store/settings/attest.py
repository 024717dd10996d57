"""What follows from the settings version that a meter says is in force.

A version is applied when the meter attests it, whatever became of the report; nothing that was
applied waits again. A meter that says something else than was ever asked of it is asked anew.
"""

import json
import sqlite3
from collections.abc import Mapping

from weir_gateway.store.errand import wake
from weir_gateway.store.promise import Origin
from weir_gateway.store.settings import behind, place, versions
from weir_gateway.store.settings.fold import adopted, folded
from weir_gateway.store.settings.rows import (
    Reported,
    StoredVersion,
    Values,
    newest_version,
    reported,
)
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.settings import defaults

ASKS = 8
"""How often a meter is asked for its values before it is held to have no answer for now."""

RENEWED_MAX = 3
"""Versions made again in a row for a meter that has other values each time."""

_SENT_AS = (
    "version = ? AND sent_epoch = ? AND applied_at_ms IS NULL "
    "AND state IN ('sent', 'expired', 'superseded')"
)


def attest(connection: sqlite3.Connection, origin: Origin, version: int) -> Reported:
    """Take note that ``version`` is in force on the meter of this uplink."""
    _apply_sent(connection, origin, version)
    before = reported(connection, origin.meter_id)
    is_known = (
        before is not None
        and before.epoch == origin.epoch
        and before.reported is not None
        and before.reported_version == version
    )
    _note_version(connection, origin, version)
    if not is_known:
        ask_for_report(connection, origin.meter_id)
    waiting = versions.open_version(connection, origin.meter_id)
    if waiting is not None and not versions.follows(waiting.version, version):
        versions.renumber(connection, waiting)
    after = reported(connection, origin.meter_id)
    assert after is not None
    return after


def ask_for_report(connection: sqlite3.Connection, meter_id: int) -> None:
    """Have a meter asked at its next uplinks for the values that are in force."""
    connection.execute(
        "UPDATE settings_reported SET asks_left = ? WHERE meter_id = ?", (ASKS, meter_id)
    )
    wake(connection, meter_id)


def note_values(
    connection: sqlite3.Connection, origin: Origin, version: int, values: Values
) -> None:
    """Take note of all values in force that differ from the defaults, and since when they do."""
    text = json.dumps(dict(values))
    connection.execute(
        "UPDATE settings_reported SET reported = :reported, reported_version = :version, "
        "reported_at_ms = CASE WHEN reported = :reported AND reported_version = :version "
        "THEN reported_at_ms ELSE :now_ms END, "
        "provisioned = CASE WHEN :version = 0 THEN :reported ELSE provisioned END, "
        "gathering = NULL, asks_left = 0 WHERE meter_id = :meter_id",
        {
            "reported": text,
            "version": version,
            "now_ms": origin.received_at_ms,
            "meter_id": origin.meter_id,
        },
    )
    _complete_partial(connection, origin.meter_id, version, values)
    _renew_if_other(connection, origin, version, values)


def _complete_partial(
    connection: sqlite3.Connection, meter_id: int, version: int, values: Values
) -> None:
    """Add what is in force to a change that was made before it was known."""
    waiting = versions.open_version(connection, meter_id)
    if waiting is None or not waiting.is_partial:
        return
    asked = [*place.behind(connection, waiting), waiting]
    versions.complete(connection, waiting, folded(adopted(version, values), asked))


def note_refused(
    connection: sqlite3.Connection, origin: Origin, version: int, reasons: Mapping[str, str]
) -> None:
    """Take note that the meter refused a version whole."""
    refused = newest_version(
        connection,
        origin.meter_id,
        "version = ? AND sent_epoch = ? AND state = 'sent'",
        version,
        origin.epoch,
    )
    if refused is not None:
        versions.move(connection, refused, "refused", origin.received_at_ms, reasons)
        behind.end(connection, [refused], origin.received_at_ms)


def note_rolled_back(
    connection: sqlite3.Connection, meter_id: int, given_up: int, in_force: int, now_ms: int
) -> None:
    """Take note that a meter gave a version up, with all after the one that it went back to."""
    version = newest_version(connection, meter_id, "version = ? AND state <> 'pending'", given_up)
    if version is None:
        return
    kept = newest_version(
        connection,
        meter_id,
        "version = ? AND applied_at_ms IS NOT NULL AND number < ?",
        in_force,
        version.number,
    )
    undone = versions.given_up(
        connection, meter_id, 0 if kept is None else kept.number, version.number
    )
    if kept is None and in_force:  # by a newer one, after the meter had gone back
        undone = [version]
    for one in reversed(undone):
        versions.move(connection, one, "rolled_back", now_ms)
    behind.end(connection, undone, now_ms)


def _apply_sent(connection: sqlite3.Connection, origin: Origin, version: int) -> None:
    sent = newest_version(connection, origin.meter_id, _SENT_AS, version, origin.epoch)
    if sent is None:
        return
    if sent.state == "superseded":  # by one that is not in force yet, and may be refused
        behind.part(connection, sent, origin.received_at_ms)
        return
    versions.move(connection, sent, "applied", origin.received_at_ms)
    behind.follow(connection, sent, origin.received_at_ms)
    if sent.state == "expired":
        behind.rebase(connection, origin.meter_id, origin.received_at_ms)


def _note_version(connection: sqlite3.Connection, origin: Origin, version: int) -> None:
    """Keep nothing that was said under another ring: that is another meter, or a wiped one."""
    connection.execute(
        "INSERT INTO settings_reported (meter_id, epoch, version, attested_at_ms, asks_left) "
        "VALUES (?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET "
        "gathering = CASE WHEN epoch = excluded.epoch THEN gathering END, "
        "provisioned = CASE WHEN epoch = excluded.epoch THEN provisioned END, "
        "reported = CASE WHEN epoch = excluded.epoch THEN reported END, "
        "epoch = excluded.epoch, version = excluded.version, "
        "attested_at_ms = excluded.attested_at_ms",
        (origin.meter_id, origin.epoch, version, origin.received_at_ms),
    )


def _renew_if_other(
    connection: sqlite3.Connection, origin: Origin, version: int, values: Values
) -> None:
    """Make what is desired anew where the meter has something else: it was replaced or wiped.

    Not where that was done before in vain: then the difference is shown, not fought over.
    """
    wanted = versions.desired(connection, origin.meter_id)
    if wanted is None:
        return
    applied = versions.newest_applied(connection, origin.meter_id)
    if applied is not None and _went_back(connection, origin, applied, version):
        note_rolled_back(
            connection, origin.meter_id, applied.version, version, origin.received_at_ms
        )
        return
    if wanted.is_open:
        return
    if wanted.version == version:
        others = versions.renewed_in_a_row(connection, origin.meter_id)
        if others >= RENEWED_MAX or _agree(wanted.overrides, values):
            return
    newest = newest_version(connection, origin.meter_id, "1")
    if newest is not None and newest.cause == "renewed" and newest.number > wanted.number:
        return
    versions.make(connection, origin.meter_id, _again(wanted), origin.received_at_ms)


def _went_back(
    connection: sqlite3.Connection, origin: Origin, wanted: StoredVersion, version: int
) -> bool:
    """Return whether a meter that had ``wanted`` in force is back at what it had before that.

    Its own word of that may still come, or be lost. To send such a version again would be wrong.
    """
    if wanted.sent_epoch != origin.epoch or wanted.version == version:
        return False
    before = versions.applied_before(connection, wanted)
    if version == 0:
        return not before
    return any(one.version == version for one in before)


def _agree(overrides: Values, values: Values) -> bool:
    in_force = {**defaults(), **values}
    return all(in_force.get(name) == value for name, value in overrides.items())


def _again(wanted: StoredVersion) -> NewVersion:
    return NewVersion(
        wanted.overrides,
        wanted.changes,
        wanted.made_by,
        wanted.request_id,
        bool(wanted.forced),
        cause="renewed",
    )
