"""What a meter is told of its settings: the version that waits, or to say what is in force."""

import sqlite3
from collections.abc import Iterable, Iterator

from weir_gateway.store import frame_room
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.settings import behind, versions
from weir_gateway.store.settings.rows import Reported, StoredVersion, reported
from weir_protocol.frames import KEY_COUNT, CommandCode, FrameType
from weir_protocol.settings import BY_NAME

_FIXED_BYTES = 5 + 5 + 4 + 2 + 8  # type and meter, counter, answers, version, tag
_ITEM_BYTES = 5

ASK_AGAIN_MS = 20_000
"""How long one request for a report is given to be answered."""


def produce(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> Iterable[Errand]:
    """Return the frames of the version that waits. It is sent from then on.

    The report is asked for only while none waits: the meter reports what it was given anyway. But
    first where what is in force has to be kept and is not known here. While an uplink names a
    version that is not known, HELLO is waited for: that number may stand for another change here.
    """
    if not promise.is_hello and not _is_known(origin, promise):
        return ()
    behind.expire_meter(connection, origin.meter_id, origin.received_at_ms)
    waiting = versions.open_version(connection, origin.meter_id)
    if waiting is None:
        return _ask(connection, origin, keeps_listening=False)
    if waiting.is_partial:
        return _ask(connection, origin, keeps_listening=True) or _ask_on(connection, origin)
    if _went_back_unheard(connection, origin):
        asked = _ask(connection, origin, keeps_listening=True)
        if asked:
            return asked
    versions.note_sent(connection, waiting, origin.epoch, origin.received_at_ms)
    return _frames(connection, waiting)


def _went_back_unheard(connection: sqlite3.Connection, origin: Origin) -> bool:
    """Return whether a meter left the settings that it reported last for older ones.

    Since when, only its report tells, and the next change would take the place of that.
    """
    said = reported(connection, origin.meter_id)
    if said is None or said.epoch != origin.epoch or not said.reported_version:
        return False
    is_same = said.reported_version == said.version
    return not is_same and versions.follows(said.reported_version, said.version)


def _is_known(origin: Origin, promise: Promise) -> bool:
    """Return whether an uplink names the version that is known, as far as it names one."""
    named = origin.settings_version
    return named is None or (named ^ promise.settings_version) & 0xFF == 0


def _ask(connection: sqlite3.Connection, origin: Origin, *, keeps_listening: bool) -> list[Errand]:
    """Ask for what is in force, a few times. The time of it counts, not how many uplinks come."""
    attested = reported(connection, origin.meter_id)
    if attested is None or not attested.asks_left:
        return []
    asked_at_ms = attested.asked_at_ms
    if asked_at_ms is None or origin.received_at_ms - asked_at_ms >= ASK_AGAIN_MS:
        connection.execute(
            "UPDATE settings_reported SET asks_left = asks_left - 1, asked_at_ms = ? "
            "WHERE meter_id = ?",
            (origin.received_at_ms, origin.meter_id),
        )
    return [_report(attested, keeps_listening=keeps_listening)]


def _ask_on(connection: sqlite3.Connection, origin: Origin) -> list[Errand]:
    """Go on asking a meter that has not answered, at no cost to it: nothing else may be sent."""
    attested = reported(connection, origin.meter_id)
    return [] if attested is None else [_report(attested, keeps_listening=False)]


def _report(attested: Reported, *, keeps_listening: bool) -> Errand:
    fields = {"request": 0, "code": int(CommandCode.REPORT_SETTINGS), "argument": 0}
    name = ("report", attested.version)
    return Errand(FrameType.COMMAND, fields, name, keeps_listening=keeps_listening)


def _frames(connection: sqlite3.Connection, version: StoredVersion) -> Iterator[Errand]:
    """Give the whole version, in as many frames as this meter needs to take it."""
    overrides = version.overrides.items()
    values = sorted((BY_NAME[name].key, value) for name, value in overrides if name in BY_NAME)
    fitting = frame_room.items_max(connection, version.meter_id, _FIXED_BYTES, _ITEM_BYTES)
    room = max(1, fitting - 1)
    for start in range(0, max(1, len(values)), room):
        items = [(KEY_COUNT, len(values)), *values[start : start + room]]
        fields = {
            "settings_version": version.version,
            "items": [{"key": key, "value": value} for key, value in items],
        }
        yield Errand(FrameType.SETTINGS, fields, ("settings", version.version))
