"""What may be written to a meter now, without an uplink of it: its errands, with their counters.

The counters are durable before a frame is made with one, so that none is ever used twice.
"""

import sqlite3
from typing import NamedTuple

from weir_gateway.store import errands
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Origin, Promise


class Due(NamedTuple):
    """Errands of a meter; each has a downlink counter of its own, from ``first_counter`` on."""

    epoch: int
    first_counter: int
    errands: tuple[Errand, ...]


def reserve(connection: sqlite3.Connection, meter_id: int, now_ms: int) -> Due | None:
    """Return what is due to a meter, None when nothing is or it was never heard."""
    row = connection.execute(
        "SELECT c.epoch, c.uplink_counter FROM meters m JOIN custody c USING (meter_id, epoch) "
        "WHERE m.meter_id = ?",
        (meter_id,),
    ).fetchone()
    if row is None:
        return None
    origin = Origin(meter_id, row[0], row[1], now_ms)
    promise = Promise.recall(connection, meter_id, origin.epoch)
    due = errands.due(connection, origin, promise)
    if not due:
        return None
    first_counter = promise.fulfil_unheard(connection, origin, len(due))
    return Due(origin.epoch, first_counter, due)
