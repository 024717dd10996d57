"""What a meter is told of its settings: the version that waits, or to say what is in force."""

import sqlite3
from collections.abc import Iterable, Iterator

from weir_gateway.store import frame_room
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.settings import behind, versions
from weir_gateway.store.settings.rows import StoredVersion, reported
from weir_protocol.frames import KEY_COUNT, CommandCode, FrameType
from weir_protocol.settings import BY_NAME

_FIXED_BYTES = 5 + 5 + 4 + 2 + 8  # type and meter, counter, answers, version, tag
_ITEM_BYTES = 5


def produce(connection: sqlite3.Connection, origin: Origin, _promise: Promise) -> Iterable[Errand]:
    """Return the frames of the version that waits. It is sent from then on.

    The report is asked for only while none waits: the meter reports what it was given anyway. But
    first where what is in force has to be kept and is not known here.
    """
    behind.expire_meter(connection, origin.meter_id, origin.received_at_ms)
    waiting = versions.open_version(connection, origin.meter_id)
    if waiting is None:
        return _ask(connection, origin.meter_id, keeps_listening=False)
    if waiting.is_partial or _went_back_unheard(connection, origin):
        asked = _ask(connection, origin.meter_id, keeps_listening=True)
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


def _ask(connection: sqlite3.Connection, meter_id: int, *, keeps_listening: bool) -> list[Errand]:
    attested = reported(connection, meter_id)
    if attested is None or not attested.asks_left:
        return []
    connection.execute(
        "UPDATE settings_reported SET asks_left = asks_left - 1 WHERE meter_id = ?", (meter_id,)
    )
    fields = {"request": 0, "code": int(CommandCode.REPORT_SETTINGS), "argument": 0}
    name = ("report", attested.version)
    return [Errand(FrameType.COMMAND, fields, name, keeps_listening=keeps_listening)]


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
