"""A reading that is wanted now, as the meter is told of it: the newest request stands for all."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Origin, Promise
from weir_protocol.frames import FrameType

WAITING: Final = "settled_at_ms IS NULL"
"""Of a row of ``reads``: neither answered nor expired."""

_WIRE_MAX = 0xFFFF


def on_wire(number: int) -> int:
    """Return how the wire names a request; 0 stands for none there."""
    return (number - 1) % _WIRE_MAX + 1


def produce(connection: sqlite3.Connection, origin: Origin, _promise: Promise) -> Iterable[Errand]:
    """Return the newest request that waits, and note that it and those before go out now."""
    newest = connection.execute(
        f"SELECT MAX(number) FROM reads WHERE meter_id = ? AND {WAITING} AND expires_at_ms > ?",
        (origin.meter_id, origin.received_at_ms),
    ).fetchone()[0]
    if newest is None:
        return ()
    connection.execute(
        f"UPDATE reads SET sent_at_ms = ? WHERE meter_id = ? AND {WAITING} AND sent_at_ms IS NULL",
        (origin.received_at_ms, origin.meter_id),
    )
    request = on_wire(newest)
    return (Errand(FrameType.READ_NOW, {"request": request}, ("read", request)),)
