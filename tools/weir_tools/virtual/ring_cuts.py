"""A ring that wraps twice, with the power cut inside each of its flash operations in every way.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

from dataclasses import dataclass

from weir.assembly import RING_SECTOR, open_checkpoint, open_flash
from weir.metrology.registers import Registers
from weir.store.checkpoint import READINGS
from weir.store.journal import FIELD_COUNT
from weir.store.slots import SLOT_SIZE
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

_EPOCH = 0x5EED0001
_MASK = 0xFFFF_FFFF
_FORWARD = 1  # place in a record


@dataclass(frozen=True, slots=True)
class Geometry:
    """A meter's flash. sectors: of the ring of readings; those before it are as on any meter."""

    sector_size: int
    sectors: int
    program_size: int

    @property
    def per_sector(self) -> int:
        return self.sector_size // SLOT_SIZE - 1  # one is the header

    @property
    def capacity(self) -> int:
        return self.per_sector * self.sectors

    @property
    def sequence_first(self) -> int:
        """So that the sequence wraps on the way."""
        return _MASK - self.capacity


GEOMETRIES = tuple(
    Geometry(sector_size, sectors, program_size)
    for sector_size, sectors in ((128, 4), (256, 6), (512, 4))
    for program_size in (1, 4, 32, 128)
)


class _Store:
    """What a boot of the meter finds in its flash."""

    def __init__(self, flash: FaultyFlash) -> None:
        self.registers = Registers()
        self.checkpoint, self.journal, _ = open_flash(flash, lambda: _EPOCH, self.registers)
        self.frame = self.checkpoint.next_frame()

    def append(self) -> int:
        """Count some pulses and store them."""
        sequence = self.journal.sequence_next
        self.registers.forward_pulses = _record(sequence)[_FORWARD]
        return self.journal.append(_record(sequence))


def age_flash(flash: FaultyFlash, epoch: int, sequence: int, registers: tuple[int, int]) -> None:
    """Let an empty flash look like that of a meter with a long life behind it."""
    checkpoint = open_checkpoint(flash, lambda: epoch, Registers(*registers))
    checkpoint.sequence_ends[READINGS] = sequence
    checkpoint.epoch_of_format()


@dataclass(frozen=True, slots=True)
class RingCuts:
    """What came of a sweep. broken: one sentence for each cut that cost something."""

    cuts: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Instant:
    """Before a flash operation. content: None for an erase. promised: one above what returned."""

    cells: bytes
    place: int
    content: bytes | None
    promised: int


class _Recorder(FaultyFlash):
    """Keeps what the cells were before each operation, and which operation it was."""

    def __init__(self, geometry: Geometry) -> None:
        sectors = RING_SECTOR + geometry.sectors
        super().__init__(geometry.sector_size, sectors, geometry.program_size)
        self.instants: list[_Instant] = []
        self.promised = geometry.sequence_first

    def program_from(self, offset: int, content: memoryview) -> None:
        self.instants.append(_Instant(bytes(self.cells), offset, bytes(content), self.promised))
        super().program_from(offset, content)

    def erase_sector(self, sector: int) -> None:
        self.instants.append(_Instant(bytes(self.cells), sector, None, self.promised))
        super().erase_sector(sector)


def sweep(geometry: Geometry) -> RingCuts:
    """Cut each operation of two laps in every mode; boot, check and go on after each."""
    recorder = _Recorder(geometry)
    age_flash(recorder, _EPOCH, geometry.sequence_first, (geometry.sequence_first, 0))
    recorder.instants.clear()
    store = _Store(recorder)
    for _ in range(2 * geometry.capacity + 2):
        recorder.promised = (store.append() + 1) & _MASK
    broken: list[str] = []
    for number, instant in enumerate(recorder.instants):
        for mode in CUT_MODES:
            fault = _after_cut(geometry, instant, mode)
            if fault is not None:
                broken.append(f"{geometry}, operation {number}, {mode}: {fault}")
    return RingCuts(len(recorder.instants) * len(CUT_MODES), tuple(broken))


def _after_cut(geometry: Geometry, instant: _Instant, mode: str) -> str | None:
    """Return what is wrong after a cut, or None."""
    flash = FaultyFlash(
        geometry.sector_size, RING_SECTOR + geometry.sectors, geometry.program_size
    )
    flash.cells[:] = instant.cells
    flash.cut_at, flash.cut_mode = 0, mode
    try:
        if instant.content is None:
            flash.erase_sector(instant.place)
        else:
            flash.program_from(instant.place, memoryview(instant.content))
    except PowerCut:
        store = _Store(flash)
        return _fault(geometry, store, instant.promised) or _fault_going_on(geometry, flash, store)
    return "was not cut"


def _fault(geometry: Geometry, store: _Store, promised: int) -> str | None:
    journal, record = store.journal, [0] * FIELD_COUNT
    landed = (journal.sequence_next - promised) & _MASK
    if landed > 1:
        return f"goes on at {journal.sequence_next}, not at {promised}"
    kept = (journal.sequence_next - journal.sequence_oldest) & _MASK
    made = (journal.sequence_next - geometry.sequence_first) & _MASK
    if kept < min(made, geometry.capacity - geometry.per_sector):
        return f"keeps {kept} of {made}"
    for step in range(kept - landed):
        sequence = (journal.sequence_oldest + step) & _MASK
        if not journal.read_into(sequence, record):
            return f"cannot read {sequence}"
        if record != _record(sequence):
            return f"reads something else for {sequence}"
    if (store.registers.forward_pulses - promised) & _MASK > 1:  # the register counts along
        return f"its register is {store.registers.forward_pulses}, not {promised}"
    return None


def _fault_going_on(geometry: Geometry, flash: FaultyFlash, store: _Store) -> str | None:
    """Append past the end of a sector, and see that a reboot finds the same."""
    journal, record = store.journal, [0] * FIELD_COUNT
    for _ in range(geometry.per_sector + 1):
        sequence = store.append()
        if not journal.read_into(sequence, record) or record != _record(sequence):
            return f"does not keep {sequence}"
    again = _Store(flash)
    ends = (journal.sequence_oldest, journal.sequence_next)
    if (again.journal.sequence_oldest, again.journal.sequence_next) != ends:
        return f"is another ring after a reboot at {journal.sequence_next}"
    if again.frame <= store.frame:
        return f"gives frame counter {again.frame} again"
    return None


def _record(sequence: int) -> list[int]:
    """Return the record of a sequence: its register counts along."""
    forward = (sequence + 1) & _MASK
    return [1_790_000_000, forward, 7, 400, 390, 410, sequence & 0xFFFF, 0, 2]
