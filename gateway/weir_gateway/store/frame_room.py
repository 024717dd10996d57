"""How much fits into a downlink that a meter takes."""

import sqlite3

_FRAME_BYTES_LEAST = 140
"""What every meter takes, for one whose HELLO is not known: after a salvage without it."""


def items_max(
    connection: sqlite3.Connection, meter_id: int, fixed_bytes: int, item_bytes: int
) -> int:
    """Return how many items of a size fit beside what a frame has in any case."""
    row = connection.execute(
        "SELECT json_extract(hello, '$.frame_size_max') FROM meters WHERE meter_id = ?",
        (meter_id,),
    ).fetchone()
    room_bytes = (row[0] or _FRAME_BYTES_LEAST) - fixed_bytes
    return max(0, room_bytes // item_bytes)
