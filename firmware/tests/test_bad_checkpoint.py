"""A meter goes on with a bad sector in its checkpoint, and repeats no nonce with two."""

import random

import pytest

from weir.assembly import RING_SECTOR, open_flash
from weir.errors import StartRefused
from weir.metrology.registers import Registers
from weir.store.cell import SECTORS
from weir.store.checkpoint import CounterExhausted
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

SECTOR_SIZE = 128
EPOCH = 7
DAMAGES = ("takes no program", "takes no erase", "takes neither", "slot 0 sticks", "slot 2 sticks")
FRAMES_A_STEP = 23
LIVES = 40


def spoil(flash: FaultyFlash, sector: int, damage: str) -> None:
    if damage in ("takes no program", "takes neither"):
        flash.unprogrammable.add(sector)
    if damage in ("takes no erase", "takes neither"):
        flash.unerasable.add(sector)
    if damage.endswith("sticks"):
        flash.stick(sector * SECTOR_SIZE + 32 * int(damage[5]), 0, 1)


class Meter:
    """Its numbers over many starts. Each must go up, or be refused.

    reserves_all: sequences must be reserved too; a checkpoint that is worn out does without.
    refused: why it gave none, the last time.
    """

    def __init__(self, *, reserves_all: bool = True) -> None:
        self._reserves_all = reserves_all
        self.flash = FaultyFlash(SECTOR_SIZE, RING_SECTOR + 3)
        self.refused: Exception | None = None
        self._frame = 0
        self._ends = [0, 0]
        self._sequence = 0
        self._forward = 0

    def live(self, steps: int, cut_at: int = -1, cut_mode: str = CUT_MODES[0]) -> bool:
        """Start and go on for some steps; return whether the power was cut."""
        flash = self.flash
        flash.operation_count, flash.cut_at, flash.cut_mode = 0, cut_at, cut_mode
        self.refused = None
        try:
            self._run(steps)
        except PowerCut:
            return True
        except (StartRefused, CounterExhausted) as refused:
            self.refused = refused
        return False

    def _run(self, steps: int) -> None:
        registers = Registers()
        checkpoint, readings, _ = open_flash(self.flash, lambda: EPOCH, registers)
        assert registers.forward_pulses >= self._forward, "a register went back"
        assert readings.sequence_next >= self._sequence, "a sequence is used again"
        if self._reserves_all:
            for before, end in zip(self._ends, checkpoint.sequence_ends, strict=True):
                assert end >= before, "what was reserved is free again"
        for step in range(1, steps + 1):
            for _ in range(FRAMES_A_STEP):
                frame = checkpoint.next_frame()
                assert frame > self._frame, "a frame counter was used twice"
                self._frame = frame
            registers.take(step * 1000, 0)
            forward = registers.forward_pulses
            self._sequence = 1 + readings.append([step, forward, 3, 400, 390, 410, 5, 2, 1])
            self._forward = forward
            self._ends = list(checkpoint.sequence_ends)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("sector", range(SECTORS))
def test_one_bad_sector_costs_nothing_at_any_cut(sector: int, damage: str) -> None:
    cuts = 0
    for before in (0, 7):  # steps
        operation = 0
        was_cut = True
        while was_cut:
            meter = Meter()
            meter.live(before)
            spoil(meter.flash, sector, damage)
            was_cut = meter.live(16, operation, CUT_MODES[operation % len(CUT_MODES)])
            assert meter.refused is None
            meter.live(9, operation % 11, CUT_MODES[operation % 5])
            meter.live(3)
            assert meter.refused is None
            cuts += was_cut
            operation += 1
    assert cuts >= 60


@pytest.mark.parametrize("bad_count", [1, 2])
def test_bad_sectors_repeat_no_number_in_a_life_of_brown_outs(bad_count: int) -> None:
    refused = 0
    for seed in range(LIVES):
        chance = random.Random(seed)
        bad = chance.sample(range(SECTORS), bad_count)
        strikes = [chance.randrange(40) for _ in bad]
        meter = Meter(reserves_all=bad_count == 1)
        for boot in range(60):
            for sector, strike in zip(bad, strikes, strict=True):
                if boot == strike:
                    meter.live(1)  # a cut store may have left one copy, and the damage may lose it
                    spoil(meter.flash, sector, chance.choice(DAMAGES))
            meter.live(chance.randrange(12), chance.randrange(60), chance.choice(CUT_MODES))
            assert bad_count > 1 or meter.refused is None
        meter.live(40)
        refused += meter.refused is not None
    assert bool(refused) == (bad_count > 1)
