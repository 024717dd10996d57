"""What a meter is told of its events: from where on the gateway wants them."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.store.errand import Errand
from weir_gateway.store.events import sequence_next
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.sequences import wrap
from weir_protocol.frames import CommandCode, FrameType

_SIGN = 1 << 31


def produce(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> Iterable[Errand]:
    """Return, with each HELLO, the command that saves a meter from sending its events anew."""
    if not promise.is_hello:
        return ()
    wanted = wrap(sequence_next(connection, origin.meter_id, origin.epoch))
    fields = {
        "request": 0,
        "code": int(CommandCode.EVENTS_FROM),
        "argument": (wanted + _SIGN) % (2 * _SIGN) - _SIGN,
    }
    return (Errand(FrameType.COMMAND, fields, "events", stands=False, keeps_listening=False),)
