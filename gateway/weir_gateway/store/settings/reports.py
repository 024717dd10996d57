"""SETTINGS_REPORT: what became of a version, and which values are in force."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from weir_gateway.store.promise import Origin
from weir_gateway.store.settings import attest
from weir_gateway.store.settings.rows import Reported
from weir_protocol.frames import KEY_COUNT, KEY_SEQUENCE, KEY_VERSION, Outcome, Reason
from weir_protocol.settings import BY_KEY

_SPECIAL = (KEY_VERSION, KEY_SEQUENCE, KEY_COUNT)
_U32 = 0xFFFF_FFFF


class Applied(NamedTuple):
    """A report that is whole. values: what differs from the defaults.

    first_sequence: as on the wire, of the first record taken under it; None when not said.
    """

    values: dict[str, int]
    first_sequence: int | None


def take(
    connection: sqlite3.Connection, origin: Origin, report: Mapping[str, Any]
) -> Applied | None:
    """Follow one frame of a report; return all values in force once the last of them is there."""
    in_force = report["settings_version"]
    items = {item["key"]: item["value"] for item in report["items"]}
    about = items.get(KEY_VERSION, in_force) & 0xFFFF
    attested = attest.attest(connection, origin, in_force)
    match report["outcome"]:
        case Outcome.REFUSED:
            attest.note_refused(connection, origin, about, _reasons(items))
        case Outcome.ROLLED_BACK:
            attest.note_rolled_back(
                connection, origin.meter_id, about, in_force, origin.received_at_ms
            )
        case Outcome.APPLIED if about == in_force:
            return _gather(connection, origin, attested, in_force, items)
    return None


def _gather(
    connection: sqlite3.Connection,
    origin: Origin,
    attested: Reported,
    version: int,
    items: Mapping[int, int],
) -> Applied | None:
    """Add a frame to those of the same version that came before."""
    gathered = attested.gathering
    if gathered is None or gathered["version"] != version:
        gathered = {"version": version, "items": {}}
    known = {int(key): value for key, value in gathered["items"].items()}
    known.update(items)
    own = {key: value for key, value in known.items() if key not in _SPECIAL}
    if len(own) < known.get(KEY_COUNT, len(own) + 1):
        gathered["items"] = known
        connection.execute(
            "UPDATE settings_reported SET gathering = ? WHERE meter_id = ?",
            (json.dumps(gathered), origin.meter_id),
        )
        return None
    values = {_name(key): value for key, value in own.items()}
    attest.note_values(connection, origin, version, values)
    first_sequence = known.get(KEY_SEQUENCE)
    return Applied(values, None if first_sequence is None else first_sequence & _U32)


def _reasons(items: Mapping[int, int]) -> dict[str, str]:
    """Return why a version was refused, by setting."""
    return {_name(key): _reason(code) for key, code in items.items() if key not in _SPECIAL}


def _name(key: int) -> str:
    """Return what a setting is called; one of a newer meter has no name here."""
    return BY_KEY[key].name if key in BY_KEY else f"key_{key}"


def _reason(code: int) -> str:
    try:
        return Reason(code).name.lower()
    except ValueError:
        return f"reason_{code}"
