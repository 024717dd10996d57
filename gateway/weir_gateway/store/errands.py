"""What is due to a meter besides its acknowledgement, from all who have something to tell it."""

import sqlite3

from weir_gateway.store import read_errand
from weir_gateway.store.errand import Errand, Producer
from weir_gateway.store.promise import Origin, Promise

PRODUCERS: tuple[Producer, ...] = (read_errand.produce,)
"""Who may have errands for a meter, in the order in which these are written. Add yours here."""


def wake(connection: sqlite3.Connection, meter_id: int) -> None:
    """Have the producers asked at this meter's next uplink: one of them has something new."""
    connection.execute("UPDATE custody SET errand = 1 WHERE meter_id = ?", (meter_id,))


def due(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> tuple[Errand, ...]:
    """Return what may be written with the answer to an uplink, and note whether more will be.

    As a rule nothing is, and then nothing is looked up.
    """
    if not promise.errand and not promise.is_hello:
        return ()
    found = tuple(
        errand for produce in PRODUCERS for errand in produce(connection, origin, promise)
    )
    promise.errand = int(any(errand.stands for errand in found))
    return found
