"""The ring passes over what is bad, skips what is torn, and loses no more than what has rotted."""

from expect import raises
from test_ring import (
    MASK,
    PER_SECTOR,
    SECTOR_SIZE,
    SECTORS,
    RingFlash,
    check_same,
    check_whole,
    fill,
    kept_count,
    opened,
    payload,
)

from weir.store.ring import PAYLOAD_SIZE, RingLog
from weir.store.slots import FlashWornOut


def test_a_stuck_slot_is_skipped() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    fill(ring, 3)
    flash.stick(4 * 32 + 9, 0xA5)  # the next slot
    flash.stick(6 * 32, 0xFF)  # a slot that can not be programmed
    fill(ring, 3 * PER_SECTOR * SECTORS)
    check_whole(ring)
    check_same(ring, opened(flash))


def test_cells_that_stick_ahead_of_the_end_do_not_lead_a_mount_past_it() -> None:
    for kept in range(PER_SECTOR):
        for stuck in range(kept + 2, PER_SECTOR + 1):
            for count in (1, 2):
                flash = RingFlash(SECTOR_SIZE, SECTORS)
                fill(opened(flash), kept)
                for slot in range(stuck, min(stuck + count, PER_SECTOR + 1)):
                    flash.stick(slot * 32 + 9, 0, bits=4)
                ring = opened(flash)
                assert ring.sequence_next == kept
                fill(ring, PER_SECTOR)
                check_whole(ring)
                check_same(ring, opened(flash))


def test_sectors_whose_header_does_not_hold_are_passed_over() -> None:
    flash = RingFlash(SECTOR_SIZE, 16)
    ring = opened(flash)
    for sector in (1, 2, 3, 4, 5, 6, 7, 12):  # seven in a row
        flash.stick(sector * SECTOR_SIZE + 5, 0x5A)
    for _ in range(16 * PER_SECTOR):
        fill(ring, 1)
        check_whole(ring)
        check_same(ring, opened(flash))
    assert kept_count(ring) >= 7 * PER_SECTOR


def test_a_sector_that_goes_bad_with_an_old_header_in_it_does_not_hide_the_newest() -> None:
    flash = RingFlash(SECTOR_SIZE, 16)
    ring = opened(flash)
    fill(ring, 16 * PER_SECTOR)
    start = 3 * SECTOR_SIZE
    for place in range(start, start + 32):  # neither erases nor programs any more
        flash.stick(place, flash.cells[place])
    for _ in range(40 * PER_SECTOR):
        fill(ring, 1)
        check_same(ring, opened(flash))
        check_whole(ring)


def test_a_worn_out_flash_is_reported_and_keeps_what_it_has() -> None:
    flash = RingFlash(SECTOR_SIZE, 3)
    ring = opened(flash)
    fill(ring, 4)
    for place in range(len(flash.cells)):
        if flash.cells[place] == 0xFF:
            flash.stick(place, 0xFF)
    raises(FlashWornOut, ring.append, payload(4))
    again = opened(flash)
    assert (again.sequence_oldest, again.sequence_next) == (0, 4)
    check_whole(again)


def test_a_record_that_rots_is_missing_and_its_neighbours_are_not() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    fill(ring, 2 * PER_SECTOR)
    flash.cells[4 * 32 + 11] ^= 0x10  # in the record of sequence 3
    again = opened(flash)
    found = bytearray(PAYLOAD_SIZE)
    held = [sequence for sequence in range(2 * PER_SECTOR) if again.read_into(sequence, found)]
    assert held == [sequence for sequence in range(2 * PER_SECTOR) if sequence != 3]


def test_a_newest_sector_that_rots_takes_its_sequences_with_it() -> None:
    for first in (0, MASK - 5):
        for appends in range(1, 3 * PER_SECTOR * SECTORS, 4):
            for junk in (0x00, 0x5A, 0xFF):
                flash = RingFlash(SECTOR_SIZE, SECTORS, first=first)
                fill(opened(flash), appends)
                newest = (appends - 1) // PER_SECTOR % SECTORS
                start = newest * SECTOR_SIZE
                flash.cells[start : start + SECTOR_SIZE] = bytes([junk] * SECTOR_SIZE)
                if appends <= PER_SECTOR:
                    flash.is_formatted = False  # it was the only one
                check_goes_on(flash, (first + appends) & MASK)


def check_goes_on(flash: RingFlash, used_end: int) -> None:
    """No sequence before ``used_end`` is given again; the others are found after any start."""
    ring = opened(flash)
    given = ring.sequence_next
    assert (given - used_end) & MASK < PER_SECTOR
    check_same(ring, opened(flash))
    fill(ring, PER_SECTOR + 1)
    again = opened(flash)
    check_same(ring, again)
    found = bytearray(PAYLOAD_SIZE)
    for step in range(PER_SECTOR + 1):
        assert again.read_into((given + step) & MASK, found)
        assert found == payload((given + step) & MASK)


class PartlyErasing(RingFlash):
    """Some slots of some sectors outlive every erase, which does not say so."""

    kept: "tuple[tuple[int, int], ...]" = ()  # sector, slot

    def erase_sector(self, sector: int) -> None:
        held = bytes(self.cells)
        RingFlash.erase_sector(self, sector)
        for kept_in, slot in self.kept:
            if kept_in == sector:
                start = sector * self.sector_size + slot * 32
                self.cells[start : start + 32] = held[start : start + 32]


def test_a_sector_that_erases_in_part_only_brings_back_no_record_and_no_sequence() -> None:
    for slots in (
        (7,),
        (1,),
        (3, 4),
        (4, 5, 6, 7),
        (1, 2, 3),
        (0,),
        (0, 1, 2, 3),
        tuple(range(8)),
    ):
        flash = PartlyErasing(SECTOR_SIZE, SECTORS)
        ring = opened(flash)
        fill(ring, PER_SECTOR * SECTORS)
        flash.kept = tuple((2, slot) for slot in slots)
        given = set(range(PER_SECTOR * SECTORS))
        for _ in range(3 * PER_SECTOR * SECTORS):
            used_end = ring.sequence_next
            ring = opened(flash)
            assert used_end <= ring.sequence_next <= used_end + PER_SECTOR
            given.add(ring.append(payload(ring.sequence_next)))
            kept = range(ring.sequence_oldest, ring.sequence_next)
            assert held_by(ring) == given & set(kept)
            assert kept_count(ring) > PER_SECTOR * (SECTORS - 3)


def test_more_bad_sectors_in_a_row_than_are_bridged_do_not_hide_the_newest() -> None:
    flash = RingFlash(SECTOR_SIZE, 40)
    for sector in range(10, 30):
        flash.unprogrammable.add(sector)
    ring = opened(flash)
    for _ in range(2 * PER_SECTOR * 40):
        fill(ring, 1)
        again = opened(flash)
        assert again.sequence_next == ring.sequence_next
    found = bytearray(PAYLOAD_SIZE)
    assert again.read_into(ring.sequence_next - 1, found)


def test_a_page_that_takes_no_program_hides_nothing_behind_it() -> None:
    flash = RingFlash(1024, SECTORS)
    for place in range(1024 + 256, 1024 + 512):
        flash.stick(place, 0xFF)
    ring = opened(flash)
    for _ in range(3 * 31 * SECTORS):
        fill(ring, 1)
        check_same(ring, opened(flash))
    check_whole(ring)


class Chance:
    """Numbers that look drawn, the same on every interpreter."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, end: int) -> int:
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % end


def held_by(ring: RingLog) -> "set[int]":
    """Return the sequences that can be read, each as it was written."""
    held = set()
    found = bytearray(PAYLOAD_SIZE)
    for step in range(kept_count(ring)):
        sequence = ring.sequence_oldest + step
        if ring.read_into(sequence, found):
            assert found == payload(sequence)
            held.add(sequence)
    return held


def spoil(flash: RingFlash, chance: Chance) -> None:
    """Let a sector go bad: it takes no erase, or no program, or a bit of a record is stuck."""
    sector = chance.below(flash.sector_count)
    kind = chance.below(3)
    if kind == 0:
        flash.unerasable.add(sector)
    elif kind == 1:
        flash.unprogrammable.add(sector)
    else:
        place = sector * flash.sector_size + 32 + chance.below(flash.sector_size - 32)
        flash.stick(place, chance.below(256), 1 << chance.below(8))


def test_sectors_that_go_bad_lose_no_record_but_the_one_whose_bit_is_stuck() -> None:
    for program_size in (1, 4, 32, 256):
        for seed in range(3):
            chance = Chance(seed * 4 + program_size)
            flash = RingFlash(512, 12, program_size)
            ring = opened(flash)
            given: set[int] = set()
            rotten: set[int] = set()
            for step in range(240):
                if step % 48 == 47:
                    before = held_by(ring)
                    spoil(flash, chance)
                    lost = before - held_by(ring)
                    assert len(lost) <= 1
                    rotten |= lost
                for _ in range(1 + chance.below(3)):
                    given.add(ring.append(payload(ring.sequence_next)))
                if step % 8 == 0:
                    ring = opened(flash)
                if step % 4 == 0:
                    kept = range(ring.sequence_oldest, ring.sequence_next)
                    assert held_by(ring) == given & set(kept) - rotten
            assert kept_count(ring) >= (12 - 5 - 1) * 15


def test_the_sequence_of_a_newest_record_that_rots_is_not_used_again() -> None:
    for rotten in range(1, PER_SECTOR + 1):
        flash = RingFlash(SECTOR_SIZE, SECTORS)
        fill(opened(flash), PER_SECTOR)
        for slot in range(PER_SECTOR, PER_SECTOR - rotten, -1):
            flash.cells[slot * 32 + 3 * slot] ^= 0x04
        again = opened(flash)
        assert again.sequence_next == PER_SECTOR
        fill(again, 1)
        found = bytearray(PAYLOAD_SIZE)
        for sequence in range(PER_SECTOR + 1):
            is_rotten = PER_SECTOR - rotten <= sequence < PER_SECTOR
            assert again.read_into(sequence, found) != is_rotten
