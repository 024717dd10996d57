"""What the changes of a meter's settings come to, one after the other."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.store.settings.rows import StoredVersion, Values, newest_version, reported
from weir_protocol.settings import defaults

WAS_APPLIED = (
    "(state = 'applied' AND carried_by IS NULL "
    "OR state = 'superseded' AND applied_at_ms IS NOT NULL)"
)
"""Of versions that came into force themselves, and were not given up."""


def adopted(version: int, reported: Values) -> dict[str, int]:
    """Return what a version that was made elsewhere sets, as far as its meter can tell.

    Which of its values are as provisioned is not known then, so all of them count as set.
    """
    if version == 0:
        return {}
    return {name: reported.get(name, value) for name, value in defaults().items()}


def base(connection: sqlite3.Connection, meter_id: int) -> dict[str, int]:
    """Return what is desired besides all that waits, as far as it is known."""
    applied = newest_version(connection, meter_id, WAS_APPLIED)
    if applied is not None:
        return dict(applied.overrides)
    known = reported(connection, meter_id)
    if known is None or known.reported is None:
        return {}
    return adopted(known.version, known.reported)


def folded(overrides: Values, changes: Iterable[StoredVersion]) -> dict[str, int]:
    """Return what these changes, the oldest first, make of what was desired before them."""
    found = dict(overrides)
    for one in changes:
        if not one.is_built and not one.is_partial:
            found = dict(one.overrides)
            continue
        for name, value in one.changes.items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
    return found


def is_held(connection: sqlite3.Connection, change: StoredVersion, overrides: Values) -> bool:
    """Return whether all that a change asks for is in these overrides still."""
    known = reported(connection, change.meter_id)
    provisioned = {**defaults(), **((known and known.provisioned) or {})}
    return all(
        name not in overrides
        if value is None
        else overrides.get(name, provisioned.get(name)) == value
        for name, value in change.changes.items()
    )
