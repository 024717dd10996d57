"""What a meter is to be told, beside the acknowledgement: one downlink frame."""

import sqlite3
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weir_gateway.store.promise import Origin, Promise
from weir_protocol.frames import FrameType


@dataclass(frozen=True, slots=True)
class Errand:
    """One frame for a meter. fields: of the layout, without ``answers``.

    name: what it is about; frames of the same name are written together or not at all.
    stands: it is due at every uplink until its producer gives it no more. Else only at a HELLO.
    keeps_listening: the meter is not to end its session while it stands.
    """

    frame_type: FrameType
    fields: Mapping[str, Any]
    name: Hashable
    stands: bool = True
    keeps_listening: bool = True


Producer = Callable[[sqlite3.Connection, Origin, Promise], Iterable[Errand]]
"""Returns what is due to the meter of this uplink, in the order in which it is to be told.

It runs inside the uplink's transaction, so it may note there that this was sent. It is called for
every HELLO (``promise.is_hello``), and for other uplinks only while custody's ``errand`` is set
(``wake``), so that idle uplinks cost nothing.
"""


def wake(connection: sqlite3.Connection, meter_id: int) -> None:
    """Have the producers asked at this meter's next uplink: one of them has something new.

    Inside the transaction of an uplink set ``promise.errand`` instead, which is written back.
    """
    connection.execute("UPDATE custody SET errand = 1 WHERE meter_id = ?", (meter_id,))
