"""Look-ups in the generated settings table."""

import struct

from weir.settings import table_gen as g


def row_of(key: int) -> int:
    """Return the place of a key among the rows, -1 when no setting has that key."""
    return g.KEYS.find(bytes((key,)))


def default_of(key: int) -> int:
    """Return the default of a key that the table has."""
    default: int = struct.unpack_from(g.ROW_FORMAT, g.ROWS, row_of(key) * g.ROW_SIZE)[2]
    return default


def range_of(key: int) -> "tuple[int, int]":
    """Return the lowest and the highest value of a key that the table has."""
    row = struct.unpack_from(g.ROW_FORMAT, g.ROWS, row_of(key) * g.ROW_SIZE)
    return row[0], row[1]


def holds(key: int, value: int) -> bool:
    """Return whether ``value`` is in the range of a key that the table has."""
    lowest, highest = range_of(key)
    return lowest <= value <= highest
