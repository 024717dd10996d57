"""Records in a ring, as the meter and its session use them.

A reading is a list of nine integers: taken_at_s, forward_pulses, reverse_pulses,
pressure_mean_kpa, pressure_min_kpa, pressure_max_kpa (-32768 when there was no valid sample),
peak_flow_pulses, status, time_quality.

An event is a list of seven: taken_at_s, time_quality, code, phase, value, limit, as on the wire,
and the alarms that are raised after it, a bit for each code.
"""

import struct

from micropython import const
from weir.store.ring import PAYLOAD_SIZE

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.store.ring import RingLog

FIELD_COUNT = const(9)  # of a reading
READING = const("<IIIhhhHHB")  # in the payload of a slot, which is one byte longer
EVENT = const("<IBBBiiI")

_MASK = const(0xFFFFFFFF)


class Journal:
    """Records by sequence. Acknowledged ones stay readable until the ring overwrites them.

    sequence_oldest, sequence_next: as of the ring.
    boot_sequence: sequence of the first record of this boot.
    """

    def __init__(self, ring: "RingLog", layout: str = READING) -> None:
        self._ring = ring
        self._layout = layout
        self._payload = bytearray(PAYLOAD_SIZE)
        self.sequence_oldest = ring.sequence_oldest
        self.sequence_next = self.boot_sequence = ring.sequence_next

    def append(self, record: "list[int]") -> int:
        """Store one record; return its sequence. Durable once this returns.

        Raises when a value does not fit its field.
        """
        struct.pack_into(self._layout, self._payload, 0, *record)
        sequence = self._ring.append(self._payload)
        self._follow()
        return sequence

    def skip_to(self, sequence: int) -> None:
        """Let the next record get ``sequence``, unless that is not ahead. Durable when it returns.

        Those that are skipped can not be read.
        """
        self._ring.skip_to(sequence)
        self._follow()

    def _follow(self) -> None:
        self.sequence_oldest = self._ring.sequence_oldest
        self.sequence_next = self._ring.sequence_next

    def read_into(self, sequence: int, record: "list[int]") -> bool:
        """Fill ``record``; return False when the ring does not have it."""
        if not self._ring.read_into(sequence, self._payload):
            return False
        record[:] = struct.unpack_from(self._layout, self._payload, 0)
        return True

    def read_last_into(self, record: "list[int]") -> bool:
        """Fill ``record`` with the newest that can be read; return False when there is none."""
        sequence = self.sequence_next
        while sequence != self.sequence_oldest:
            sequence = (sequence - 1) & _MASK
            if self.read_into(sequence, record):
                return True
            sequence = self._ring.passed_over(sequence)
        return False
