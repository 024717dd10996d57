"""When a meter is expected to call, as far as it has said so."""

import sqlite3

from weir_protocol.schedule import SendPlan


def send_plan(connection: sqlite3.Connection, meter_id: int) -> SendPlan | None:
    """Return the plan by which a meter sends, None when it never said hello."""
    row = connection.execute(
        "SELECT json_extract(hello, '$.send_interval_s') FROM meters "
        "WHERE meter_id = ? AND hello IS NOT NULL",
        (meter_id,),
    ).fetchone()
    return None if row is None else SendPlan(row[0])
