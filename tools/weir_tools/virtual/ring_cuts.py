"""A ring that wraps twice, with the power cut inside each of its flash operations in every way.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import struct
from dataclasses import dataclass

from weir.store.ring import PAYLOAD_SIZE, RingLog
from weir.store.slots import SLOT_SIZE, Slots
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

_EPOCH = 0x5EED0001
_MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Geometry:
    """A region of flash, all of it a ring."""

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

    def flash(self) -> FaultyFlash:
        return FaultyFlash(self.sector_size, self.sectors, self.program_size)

    def mount(self, flash: FaultyFlash) -> RingLog:
        return RingLog(Slots(flash, 0, self.sectors), lambda: _EPOCH, self.sequence_first)


GEOMETRIES = tuple(
    Geometry(sector_size, sectors, program_size)
    for sector_size, sectors in ((128, 4), (256, 6), (512, 4), (512, 6))
    for program_size in (1, 4, 32, 128)
)


@dataclass(frozen=True, slots=True)
class RingCuts:
    """What came of a sweep. broken: one sentence for each cut that cost something."""

    cuts: int
    broken: tuple[str, ...]


class _Recorder(FaultyFlash):
    """Keeps what the cells were before each operation, and which operation it was."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry.sector_size, geometry.sectors, geometry.program_size)
        self.before: list[tuple[bytes, int, bytes | None]] = []

    def program_from(self, offset: int, content: memoryview) -> None:
        self.before.append((bytes(self.cells), offset, bytes(content)))
        super().program_from(offset, content)

    def erase_sector(self, sector: int) -> None:
        self.before.append((bytes(self.cells), sector, None))
        super().erase_sector(sector)


def sweep(geometry: Geometry) -> RingCuts:
    """Cut each operation of two laps in every mode; mount, check and go on after each."""
    recorder = _Recorder(geometry)
    ring = geometry.mount(recorder)
    returned = [geometry.sequence_first] * len(recorder.before)  # by operation: what is promised
    for _ in range(2 * geometry.capacity + 2):
        ring.append(_payload(ring.sequence_next))
        promised = (ring.sequence_next - 1) & _MASK
        returned += [promised] * (len(recorder.before) - len(returned))
    broken: list[str] = []
    for operation, state in enumerate(recorder.before):
        for mode in CUT_MODES:
            fault = _after_cut(geometry, state, mode, returned[operation])
            if fault is not None:
                broken.append(f"{geometry}, operation {operation}, {mode}: {fault}")
    return RingCuts(len(recorder.before) * len(CUT_MODES), tuple(broken))


def _after_cut(
    geometry: Geometry, state: tuple[bytes, int, bytes | None], mode: str, promised: int
) -> str | None:
    """Return what is wrong after a cut, or None. promised: one above the last that returned."""
    flash = geometry.flash()
    cells, place, content = state
    flash.cells[:] = cells
    flash.cut_at, flash.cut_mode = 0, mode
    try:
        if content is None:
            flash.erase_sector(place)
        else:
            flash.program_from(place, memoryview(content))
    except PowerCut:
        ring = geometry.mount(flash)
        return _fault(geometry, ring, promised) or _fault_going_on(geometry, flash, ring)
    return "was not cut"


def _fault(geometry: Geometry, ring: RingLog, promised: int) -> str | None:
    landed = (ring.sequence_next - promised) & _MASK
    if landed > 1:
        return f"goes on at {ring.sequence_next}, not at {promised}"
    kept = (ring.sequence_next - ring.sequence_oldest) & _MASK
    made = (ring.sequence_next - geometry.sequence_first) & _MASK
    if kept < min(made, geometry.capacity - 2 * geometry.per_sector):
        return f"keeps {kept} of {made}"
    payload = bytearray(PAYLOAD_SIZE)
    for step in range(kept - landed):
        sequence = (ring.sequence_oldest + step) & _MASK
        if not ring.read_into(sequence, payload):
            return f"cannot read {sequence}"
        if payload != _payload(sequence):
            return f"reads something else for {sequence}"
    return None


def _fault_going_on(geometry: Geometry, flash: FaultyFlash, ring: RingLog) -> str | None:
    """Append past the end of a sector, and see that a reboot finds the same."""
    payload = bytearray(PAYLOAD_SIZE)
    for _ in range(geometry.per_sector + 1):
        sequence = ring.append(_payload(ring.sequence_next))
        if not ring.read_into(sequence, payload) or payload != _payload(sequence):
            return f"does not keep {sequence}"
    again = geometry.mount(flash)
    if (again.sequence_oldest, again.sequence_next) != (ring.sequence_oldest, ring.sequence_next):
        return f"is another ring after a reboot at {ring.sequence_next}"
    return None


def _payload(sequence: int) -> bytes:
    return struct.pack("<II", sequence, sequence ^ _MASK) * (PAYLOAD_SIZE // 8)
