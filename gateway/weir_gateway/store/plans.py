"""When a meter is expected to call, as far as it has said so."""

import sqlite3

from weir_gateway.store.settings import rows
from weir_protocol.schedule import SendPlan
from weir_protocol.settings import defaults

_NAMES = ("send_interval_s", "send_slot_s", "send_spread_s")


def send_plan(connection: sqlite3.Connection, meter_id: int) -> SendPlan | None:
    """Return the plan by which a meter sends, None when it never said hello.

    It is that of the settings it has reported; before it has, the interval of its HELLO.
    """
    reported = rows.reported(connection, meter_id)
    if reported is not None and reported.reported is not None:
        values = {**defaults(), **reported.reported}
        return SendPlan(*(values[name] for name in _NAMES))
    row = connection.execute(
        "SELECT json_extract(hello, '$.send_interval_s') FROM meters "
        "WHERE meter_id = ? AND hello IS NOT NULL",
        (meter_id,),
    ).fetchone()
    return None if row is None else SendPlan(row[0])
