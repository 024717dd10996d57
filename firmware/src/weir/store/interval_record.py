"""One interval record in the payload of a ring slot.

A record is a list of nine integers: taken_at_s, forward_pulses, reverse_pulses,
pressure_mean_kpa, pressure_min_kpa, pressure_max_kpa, peak_flow_pulses, status, time_quality.
"""

import struct

FIELD_COUNT = 9
NO_PRESSURE = -32768  # in place of each pressure when there was no valid sample

_LAYOUT = "<IIIhhhHHB"


def pack_into(payload: bytearray, record: "list[int]") -> None:
    """Write the record at the start of ``payload``. Raises when a value does not fit its field."""
    struct.pack_into(_LAYOUT, payload, 0, *record)


def unpack_into(record: "list[int]", payload: bytearray) -> None:
    """Fill the nine items of ``record``."""
    record[:] = struct.unpack_from(_LAYOUT, payload, 0)
