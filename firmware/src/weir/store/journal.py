"""Interval records in the ring, as the meter and its session use them."""

from weir.store.interval_record import pack_into, unpack_into
from weir.store.ring import PAYLOAD_SIZE

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from weir.store.ring import RingLog


class Journal:
    """Records by sequence. Acknowledged ones stay readable until the ring overwrites them.

    sequence_oldest, sequence_next: as of the ring.
    boot_sequence: sequence of the first record of this boot.
    """

    def __init__(self, ring: "RingLog") -> None:
        self._ring = ring
        self._payload = bytearray(PAYLOAD_SIZE)
        self.sequence_oldest = ring.sequence_oldest
        self.sequence_next = self.boot_sequence = ring.sequence_next

    def append(self, record: "list[int]") -> int:
        """Store one record; return its sequence. Durable once this returns."""
        pack_into(self._payload, record)
        sequence = self._ring.append(self._payload)
        self.sequence_oldest = self._ring.sequence_oldest
        self.sequence_next = self._ring.sequence_next
        return sequence

    def read_into(self, sequence: int, record: "list[int]") -> bool:
        """Fill ``record``; return False when the ring does not have it."""
        if not self._ring.read_into(sequence, self._payload):
            return False
        unpack_into(record, self._payload)
        return True

    def read_last_into(self, record: "list[int]") -> bool:
        """Fill ``record`` with the newest that can be read; return False when there is none."""
        sequence = self.sequence_next
        while sequence != self.sequence_oldest:
            sequence = (sequence - 1) & 0xFFFFFFFF
            if self.read_into(sequence, record):
                return True
        return False
