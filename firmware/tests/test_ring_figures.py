"""The figures of the store in real sizes (CPython only: it takes millions of slot operations).

Everything is counted on the flash of a whole meter: checkpoint, events and readings.
"""

import random
import sys

import pytest

from weir.assembly import RING_SECTOR, open_flash
from weir.metrology.registers import Registers
from weir.store.journal import FIELD_COUNT, Journal
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

SECTOR_SIZE = 4096
PER_SECTOR = SECTOR_SIZE // 32 - 1
SECTORS_8_MB = 2048
SECTORS_512_KB = 128
MOUNT_READS_MAX = 300
BAD_IN_A_ROW_MAX = 7


def reading(sequence: int) -> list[int]:
    """Return a record with something in every field, and the extremes now and then."""
    if sequence % 3 == 0:
        return [0xFFFFFFFF - sequence, sequence, 0xFFFFFFFF, 32767, -32767, 32767, 65535, 65535, 7]
    return [sequence * 900, sequence, sequence // 7, 400, 380, -32768, sequence % 100, 1, 1]


def opened(flash: FaultyFlash, epoch: int | None = None) -> Journal:
    """Return the readings as a start finds them, all of the meter's flash mounted."""

    def draw_u32() -> int:
        assert epoch is not None, "formatted what was formatted"
        return epoch

    return open_flash(flash, draw_u32, Registers())[1]


def flash_of(ring_sectors: int, program_size: int = 1) -> tuple[FaultyFlash, Journal]:
    flash = FaultyFlash(SECTOR_SIZE, RING_SECTOR + ring_sectors, program_size)
    return flash, opened(flash, epoch=1)


def fill(journal: Journal, count: int) -> None:
    for _ in range(count):
        journal.append(reading(journal.sequence_next))


def kept_count(journal: Journal) -> int:
    return journal.sequence_next - journal.sequence_oldest


def check_whole(journal: Journal) -> None:
    """Every record from the oldest to the newest reads back as it was."""
    found = [0] * FIELD_COUNT
    for sequence in range(journal.sequence_oldest, journal.sequence_next):
        assert journal.read_into(sequence, found)
        assert found == reading(sequence)


def mount_reads(flash: FaultyFlash, journal: Journal) -> int:
    """Return how often a start reads; it finds the same as ``journal`` has."""
    flash.read_count = 0
    again = opened(flash)
    reads = flash.read_count
    assert (again.sequence_oldest, again.sequence_next) == (
        journal.sequence_oldest,
        journal.sequence_next,
    )
    return reads


def begin_sectors(journal: Journal, count: int) -> None:
    """Go on as many sectors, with a few records in each: a start finds its way by sectors."""
    for _ in range(count):
        journal.skip_to(journal.sequence_next + PER_SECTOR)
        fill(journal, 2)


def worst_mount(flash: FaultyFlash, journal: Journal) -> int:
    """Return the most reads of a start, at about 250 fill levels in two laps."""
    worst = 0
    laps = 2 * (flash.sector_count - RING_SECTOR)
    for _ in range(50):
        begin_sectors(journal, laps // 50)
        for count in (0, 1, PER_SECTOR // 2, PER_SECTOR - 2 - PER_SECTOR // 2 - 1, 1):
            fill(journal, count)
            worst = max(worst, mount_reads(flash, journal))
    sys.stdout.write(f"at most {worst} reads at a start\n")
    return worst


def spoil_sectors(flash: FaultyFlash, chance: random.Random, share: float) -> None:
    """Let a share of the ring's sectors go bad, at times several in a row."""
    sector = RING_SECTOR
    while sector < flash.sector_count:
        run = chance.choice((1, 1, 2, BAD_IN_A_ROW_MAX))
        if chance.random() < share:
            for bad in range(sector, min(sector + run, flash.sector_count)):
                spoil_sector(flash, chance, bad)
        sector += run + 1  # so that no run is longer


def spoil_sector(flash: FaultyFlash, chance: random.Random, sector: int) -> None:
    kind = chance.randrange(4)
    if kind in (0, 3):
        flash.unerasable.add(sector)
    if kind in (1, 3):
        flash.unprogrammable.add(sector)
    if kind == 2:
        bit = chance.randrange(8)
        flash.stick(sector * SECTOR_SIZE + chance.randrange(32), chance.choice((0, 255)), 1 << bit)


def test_8_mb_keep_250_000_records_whole() -> None:
    flash, journal = flash_of(SECTORS_8_MB - RING_SECTOR)
    assert SECTOR_SIZE * flash.sector_count == 8 * 1024 * 1024
    fill(journal, PER_SECTOR * SECTORS_8_MB)
    assert kept_count(journal) >= 250_000
    check_whole(journal)


def test_512_kb_keep_16_000_records_whole() -> None:
    _, journal = flash_of(SECTORS_512_KB)
    fill(journal, PER_SECTOR * SECTORS_512_KB)
    for _ in range(PER_SECTOR):  # just after a sector was given up there are fewest
        fill(journal, 1)
        assert kept_count(journal) >= 16_000
    check_whole(journal)


@pytest.mark.parametrize("program_size", [1, 4, 32, 256])
def test_8_mb_mount_in_300_reads_at_every_fill_level(program_size: int) -> None:
    assert worst_mount(*flash_of(SECTORS_8_MB, program_size)) <= MOUNT_READS_MAX


@pytest.mark.parametrize("seed", range(3))
def test_8_mb_mount_in_300_reads_with_sectors_that_were_bad_before(seed: int) -> None:
    flash = FaultyFlash(SECTOR_SIZE, RING_SECTOR + SECTORS_8_MB)
    spoil_sectors(flash, random.Random(seed), share=0.1)
    assert worst_mount(flash, opened(flash, epoch=1)) <= MOUNT_READS_MAX


@pytest.mark.parametrize("seed", range(3))
def test_8_mb_mount_in_300_reads_with_sectors_that_go_bad_meanwhile(seed: int) -> None:
    chance = random.Random(seed)
    flash, journal = flash_of(SECTORS_8_MB)
    worst = 0
    for _ in range(8):
        begin_sectors(journal, SECTORS_8_MB // 3)
        spoil_sectors(flash, random.Random(seed), share=0.02)
        for _ in range(20):
            begin_sectors(journal, chance.randrange(4))
            fill(journal, chance.randrange(PER_SECTOR))
            worst = max(worst, mount_reads(flash, journal))
    assert worst <= MOUNT_READS_MAX


def test_8_mb_mount_in_300_reads_after_a_power_cut_anywhere() -> None:
    flash, journal = flash_of(SECTORS_8_MB)
    chance = random.Random(1)
    worst = cuts = 0
    for step in range(300):
        begin_sectors(journal, chance.choice((0, 3, 40)))
        fill(journal, PER_SECTOR - 2 - chance.randrange(4))
        flash.cut_at = flash.operation_count + step % 7
        flash.cut_mode = chance.choice(CUT_MODES)
        try:
            fill(journal, 7)
        except PowerCut:
            cuts += 1
        flash.read_count = 0
        journal = opened(flash)
        worst = max(worst, flash.read_count)
    assert cuts == 300
    assert worst <= MOUNT_READS_MAX


@pytest.mark.parametrize("skipped", [1000, 2**20, 2**30])
def test_8_mb_mount_in_300_reads_right_after_sequences_were_skipped(skipped: int) -> None:
    flash, journal = flash_of(SECTORS_8_MB)
    fill(journal, 5 * PER_SECTOR + 9)
    newest = journal.sequence_next - 1
    journal.skip_to(journal.sequence_next + skipped)
    registers = Registers()
    flash.read_count = 0
    open_flash(flash, lambda: 0, registers)
    assert flash.read_count <= MOUNT_READS_MAX
    assert registers.forward_pulses == reading(newest)[1]


def test_8_mb_whose_newest_sector_has_rotted_mount_in_a_few_reads_a_sector() -> None:
    flash, journal = flash_of(SECTORS_8_MB)
    begin_sectors(journal, SECTORS_8_MB // 2)
    fill(journal, PER_SECTOR - 2)
    newest = RING_SECTOR + SECTORS_8_MB // 2
    for rotten in (bytes([0]), bytes(SECTOR_SIZE)):  # of its header, then of all of it
        flash.cells[newest * SECTOR_SIZE : newest * SECTOR_SIZE + len(rotten)] = rotten
        flash.read_count = 0
        opened(flash)
        assert flash.read_count <= 2 * SECTORS_8_MB + MOUNT_READS_MAX


@pytest.mark.parametrize("bad", range(3))
def test_a_bad_sector_of_the_checkpoint_costs_no_more_erases_than_are_allowed(bad: int) -> None:
    flash, journal = flash_of(16)
    flash.stick(bad * SECTOR_SIZE, 0, 1)
    checkpoint, journal, _ = open_flash(flash, lambda: 0, Registers())
    flash.erase_count = 0
    appends = PER_SECTOR * 16 * 3
    for _ in range(appends):
        fill(journal, 1)
        checkpoint.next_frame()
    assert flash.erase_count <= 0.02 * appends


@pytest.mark.parametrize("program_size", [1, 4, 32, 256])
def test_an_append_costs_at_most_1_2_programs_and_a_50th_of_an_erase(program_size: int) -> None:
    flash, journal = flash_of(16, program_size)
    flash.program_count = flash.erase_count = 0
    appends = PER_SECTOR * 16 * 3
    fill(journal, appends)
    assert flash.program_count <= 1.2 * appends
    assert flash.erase_count <= 0.02 * appends
    check_whole(journal)


@pytest.mark.parametrize("program_size", [1, 4, 32, 256])
def test_an_append_never_erases_a_sector_but_the_oldest(program_size: int) -> None:
    flash, journal = flash_of(16, program_size)
    erased: list[int] = []
    for _ in range(PER_SECTOR * 16 * 3):
        before = list(flash.erases_of)
        fill(journal, 1)
        erased += [
            sector
            for sector in range(RING_SECTOR, flash.sector_count)
            if flash.erases_of[sector] != before[sector]
        ]
    assert erased == [RING_SECTOR + turn % 16 for turn in range(1, len(erased) + 1)]
    assert len(erased) == 16 * 3 - 1
