"""What is due to a meter besides its acknowledgement, from all who have something to tell it."""

import sqlite3

from weir_gateway.store import event_errand, read_errand
from weir_gateway.store.errand import Errand, Producer, wake
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.settings import producer as settings

__all__ = ["PRODUCERS", "due", "wake"]

PRODUCERS: tuple[Producer, ...] = (
    settings.produce,
    event_errand.produce,
    read_errand.produce,
)
"""Who may have errands for a meter, in the order in which these are written. Add yours here."""


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
