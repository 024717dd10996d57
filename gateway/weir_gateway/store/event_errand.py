"""What a meter is told of its events: from where on the gateway wants them."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.store import events
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.sequences import wrap
from weir_protocol.frames import CommandCode, FrameType

_SIGN = 1 << 31


def produce(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> Iterable[Errand]:
    """Return the command that lets a meter go on where the gateway wants it to.

    With each HELLO, so that it does not send its events anew. And while some are missing that it
    may have: after a database was restored, the meter does not know that they are.
    """
    missing = events.missing(connection, origin.meter_id, origin.epoch)
    if missing is None and not promise.is_hello:
        return ()
    wanted = missing
    if wanted is None:
        wanted = events.sequence_next(connection, origin.meter_id, origin.epoch)
    fields = {
        "request": 0,
        "code": int(CommandCode.EVENTS_FROM),
        "argument": (wrap(wanted) + _SIGN) % (2 * _SIGN) - _SIGN,
    }
    stands, name = missing is not None, ("events", missing)
    return (Errand(FrameType.COMMAND, fields, name, stands=stands, keeps_listening=False),)
