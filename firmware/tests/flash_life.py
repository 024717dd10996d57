"""A meter's flash over many starts, and what the meter has promised about it in all of them."""

from weir.assembly import EVENT_SECTOR, RING_SECTOR, open_checkpoint, open_flash
from weir.metrology.registers import Registers
from weir.store.checkpoint import EVENTS, READINGS, Checkpoint
from weir.store.journal import Journal
from weir_tools.virtual.flash import FaultyFlash, PowerCut

MASK = 0xFFFFFFFF
EPOCH = 0xC0FFEE
FIRST = MASK - 5  # of each ring, so that all sequences wrap on the way
FRAMES_A_STEP = 23
PULSES_A_STEP = 0x0123_4567  # so that registers wrap too


class FlashLife:
    """Starts a meter, again and again, and checks at each start that every promise was kept.

    cut_count: power cuts so far.
    """

    def __init__(self, flash: FaultyFlash) -> None:
        self.flash = flash
        self.cut_count = 0
        self._given: dict[int, dict[int, list[int]]] = {READINGS: {}, EVENTS: {}}
        self._torn = {READINGS: 0, EVENTS: 0}  # at most as many sequences are used up
        self._frame = 0
        self._stored = 0  # the register that flash is known to have
        self._counted = 0  # pulses since
        checkpoint = open_checkpoint(flash, lambda: EPOCH, Registers())
        checkpoint.epoch_of_format()
        for ring in (READINGS, EVENTS):
            checkpoint.reserve_sequences(ring, FIRST)
        flash.operation_count = 0

    def copy(self) -> "FlashLife":
        """Return the same life on a flash of its own."""
        twin = FlashLife.__new__(FlashLife)
        twin.__dict__.update(self.__dict__)
        flash = self.flash
        twin.flash = FaultyFlash(flash.sector_size, flash.sector_count, flash.program_size)
        twin.flash.cells[:] = flash.cells
        twin._given = {ring: dict(given) for ring, given in self._given.items()}
        twin._torn = dict(self._torn)
        return twin

    def start(self, steps: int, *, cut_at: int = -1, cut_mode: str = "nothing") -> bool:
        """Start and go on for some steps; return whether the power was cut on the way."""
        self.flash.operation_count = 0
        self.flash.cut_at = cut_at
        self.flash.cut_mode = cut_mode
        registers = Registers()
        try:
            checkpoint, readings, events = open_flash(self.flash, no_epoch, registers)
            assert events is not None
            self._check(registers, readings, events)
            self._append(EVENTS, events, [0, 0, 1, 0, 1, 0, 0])
            for step in range(1, steps + 1):
                self._step(step, checkpoint, registers, readings, events)
        except PowerCut:
            self.cut_count += 1
            self._torn[READINGS] += 1
            self._torn[EVENTS] += 1
            return True
        return False

    def _step(
        self,
        step: int,
        checkpoint: Checkpoint,
        registers: Registers,
        readings: Journal,
        events: Journal,
    ) -> None:
        self._counted += PULSES_A_STEP
        registers.take(step * PULSES_A_STEP & MASK, 0)
        for _ in range(FRAMES_A_STEP):
            frame = checkpoint.next_frame()
            assert frame > self._frame, "a frame counter was used twice"
            self._frame = frame
        forward = registers.forward_pulses
        self._append(READINGS, readings, [step, forward, 3, 400, 390, 410, 5, 2, 1])
        self._stored = forward
        self._counted = 0
        if step % 3:
            self._append(EVENTS, events, [step, 1, 2, 0, -step, step, step])

    def _append(self, ring: int, journal: Journal, record: list[int]) -> None:
        sequence = journal.append(record)
        given = self._given[ring]
        assert sequence not in given, "a sequence names two records"
        given[sequence] = record

    def _check(self, registers: Registers, readings: Journal, events: Journal) -> None:
        ahead = (registers.forward_pulses - self._stored) & MASK
        assert ahead <= self._counted, "a register went back, or counted what never was"
        self._stored = registers.forward_pulses
        self._counted = 0
        self._check_ring(READINGS, readings, range(RING_SECTOR, self.flash.sector_count))
        self._check_ring(EVENTS, events, range(EVENT_SECTOR, RING_SECTOR))

    def _check_ring(self, ring: int, journal: Journal, sectors: range) -> None:
        given = self._given[ring]
        made = (journal.sequence_next - FIRST) & MASK
        assert len(given) <= made <= len(given) + self._torn[ring], "sequences are not in a row"
        self._torn[ring] = made - len(given)
        kept = (journal.sequence_next - journal.sequence_oldest) & MASK
        bad = len((self.flash.unerasable | self.flash.unprogrammable) & set(sectors))
        room = (self.flash.sector_size // 32 - 1) * (len(sectors) - 2 - 2 * bad)
        assert kept >= min(made, room), "more than the oldest sector was given up"
        # A bad sector may keep what is older than what has been given up behind it.
        oldest_surely_kept = kept - min(room, kept) if bad else 0
        found = [0]
        for step in range(kept):
            sequence = (journal.sequence_oldest + step) & MASK
            is_held = journal.read_into(sequence, found)
            if step >= oldest_surely_kept:
                assert is_held or sequence not in given, "a record that was appended is lost"
            assert not is_held or found == given.get(sequence, found), "a record has changed"


def no_epoch() -> int:
    raise AssertionError("an epoch was drawn for a flash that has one")
