"""What a meter's ring holds, read from its flash file by the firmware's own code.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

from dataclasses import dataclass
from pathlib import Path

from weir.assembly import RING_SECTOR, open_checkpoint
from weir.metrology.registers import Registers
from weir.ports.file_flash import FileFlash
from weir.store.checkpoint import READINGS
from weir.store.journal import FIELD_COUNT, Journal
from weir.store.ring import RingLog
from weir.store.slots import Slots

SEQUENCE_MODULUS = 2**32
SECTOR_SIZE = 4096  # bytes; FileFlash refuses a file that is not made of such
TAKEN_AT, FORWARD, REVERSE = range(3)  # places in a record, see weir.store.journal
STATUS = 7


@dataclass(frozen=True, slots=True)
class RingContents:
    """The records of one epoch; the registers and the time are those of the newest, 0 if none.

    records_made: all of this epoch, those that the ring has overwritten since among them.
    """

    epoch: int
    records_made: int
    forward_pulses: int = 0
    reverse_pulses: int = 0
    taken_at_s: int = 0


@dataclass(frozen=True, slots=True)
class RingRecord:
    """One record that the ring can still give. (epoch, sequence) never names two."""

    epoch: int
    sequence: int
    taken_at_s: int
    forward_pulses: int
    reverse_pulses: int
    status: int


def read_records(flash: Path) -> list[RingRecord]:
    """Every record that a meter's ring can give, oldest first. See `read_ring`."""
    ring = _mount(flash)
    journal = Journal(ring)
    found = []
    record = [0] * FIELD_COUNT
    for place in range((ring.sequence_next - ring.sequence_oldest) % SEQUENCE_MODULUS):
        sequence = (ring.sequence_oldest + place) % SEQUENCE_MODULUS
        if journal.read_into(sequence, record):
            fields = (record[at] for at in (TAKEN_AT, FORWARD, REVERSE, STATUS))
            found.append(RingRecord(ring.epoch, sequence, *fields))
    return found


def read_ring(flash: Path) -> RingContents:
    """Read the ring of a meter that is off or asleep. It is not changed."""
    ring = _mount(flash)
    record = [0] * FIELD_COUNT
    Journal(ring).read_last_into(record)
    return RingContents(
        ring.epoch, ring.sequence_next, record[FORWARD], record[REVERSE], record[TAKEN_AT]
    )


def _mount(flash: Path) -> RingLog:
    """Raise LookupError when there is no ring."""
    sector_count = flash.stat().st_size // SECTOR_SIZE
    region = FileFlash(str(flash), sector_count)
    checkpoint = open_checkpoint(region, _refuse_to_format, Registers())
    slots = Slots(region, RING_SECTOR, sector_count - RING_SECTOR)
    return RingLog(slots, checkpoint, READINGS)


def _refuse_to_format() -> int:
    raise LookupError("the flash holds no ring")
