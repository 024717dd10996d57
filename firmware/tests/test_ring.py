"""The ring keeps what it took, in order, until it overwrites the oldest sector."""

import struct

from expect import raises

from weir.store.ring import PAYLOAD_SIZE, RingLog
from weir.store.slots import Slots
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

SECTOR_SIZE = 256  # bytes: a header and 7 records
PER_SECTOR = 7
SECTORS = 5
EPOCH = 0xC0FFEE
MASK = 0xFFFFFFFF


def payload(sequence: int) -> bytes:
    """Return what the test stores under a sequence."""
    return bytes([(sequence * 7 + place) & 0xFF for place in range(PAYLOAD_SIZE)])


class RingFlash(FaultyFlash):
    """A flash, and the numbers that the meter keeps for its ring in the checkpoint."""

    def __init__(self, *sizes: int, first: int = 0) -> None:
        FaultyFlash.__init__(self, *sizes)
        self.sequence_ends = [first]
        self.epoch = EPOCH
        self.is_formatted = False

    def epoch_of_format(self) -> int:
        assert not self.is_formatted
        return self.epoch

    def reserve_sequences(self, ring: int, end: int) -> None:
        self.sequence_ends[ring] = end


def opened(flash: RingFlash) -> RingLog:
    """Format at the first call; mount at each later one."""
    ring = RingLog(Slots(flash, 0, flash.sector_count), flash, 0)
    flash.is_formatted = True
    return ring


def fill(ring: RingLog, count: int) -> None:
    for _ in range(count):
        sequence = ring.sequence_next
        assert ring.append(payload(sequence)) == sequence


def kept_count(ring: RingLog) -> int:
    return (ring.sequence_next - ring.sequence_oldest) & MASK


def check_whole(ring: RingLog, torn: "tuple[int, ...]" = ()) -> None:
    """Every sequence from the oldest on reads back but those torn; none outside does."""
    found = bytearray(PAYLOAD_SIZE)
    for step in range(kept_count(ring)):
        sequence = (ring.sequence_oldest + step) & MASK
        if sequence in torn:
            assert not ring.read_into(sequence, found), sequence
        else:
            assert ring.read_into(sequence, found), sequence
            assert found == payload(sequence)
    assert not ring.read_into(ring.sequence_next, found)
    assert not ring.read_into((ring.sequence_oldest - 1) & MASK, found)


def check_same(ring: RingLog, other: RingLog) -> None:
    assert other.epoch == ring.epoch
    assert (other.sequence_oldest, other.sequence_next) == (
        ring.sequence_oldest,
        ring.sequence_next,
    )


def test_a_blank_flash_is_formatted_with_a_drawn_epoch_and_keeps_it() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    assert (ring.epoch, ring.sequence_oldest, ring.sequence_next) == (EPOCH, 0, 0)
    check_same(ring, opened(flash))


def test_a_flash_full_of_other_things_is_formatted() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    flash.cells[:] = bytes([place * 31 & 0xFF for place in range(len(flash.cells))])
    ring = opened(flash)
    fill(ring, 3 * PER_SECTOR * SECTORS)
    check_whole(ring)


def test_records_read_back_in_any_order_at_every_fill_level_and_after_every_mount() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    for _ in range(2 * PER_SECTOR * SECTORS + 3):
        fill(ring, 1)
        again = opened(flash)
        check_same(ring, again)
        check_whole(again)
    found = bytearray(PAYLOAD_SIZE)
    for step in range(5 * kept_count(ring)):
        sequence = ring.sequence_oldest + step * 5 % kept_count(ring)
        assert ring.read_into(sequence, found)
        assert found == payload(sequence)


def test_a_full_ring_loses_the_oldest_sector_and_no_more() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    fill(ring, PER_SECTOR * SECTORS)
    assert kept_count(ring) == PER_SECTOR * SECTORS
    fill(ring, 1)
    assert ring.sequence_oldest == PER_SECTOR
    assert kept_count(ring) == PER_SECTOR * (SECTORS - 1) + 1
    check_whole(ring)


def test_sequences_go_on_past_32_bits() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS, first=MASK - 5)
    ring = opened(flash)
    for _ in range(3 * PER_SECTOR * SECTORS):
        fill(ring, 1)
        check_whole(ring)
        check_same(ring, opened(flash))
    assert ring.sequence_next == (MASK - 5 + 3 * PER_SECTOR * SECTORS) & MASK


def test_parts_with_larger_program_units_keep_the_same_promises() -> None:
    for program_size in (1, 4, 32, 256):
        flash = RingFlash(512, 4, program_size)
        ring = opened(flash)
        fill(ring, 2 * 15 * 4)
        check_whole(ring)
        check_same(ring, opened(flash))


def test_an_append_costs_one_program_and_its_share_of_a_sector() -> None:
    flash = RingFlash(4096, 4)
    ring = opened(flash)
    flash.program_count = flash.erase_count = 0
    appends = 127 * 40
    fill(ring, appends)
    assert flash.program_count <= appends * 1.02
    assert flash.erase_count <= appends * 0.008


def test_sectors_wear_alike() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    fill(ring, PER_SECTOR * SECTORS * 10)
    assert max(flash.erases_of) - min(flash.erases_of) <= 1


def test_a_mount_finds_the_newest_of_many_sectors_in_few_reads() -> None:
    flash = RingFlash(64, 2048)  # one record a sector
    ring = opened(flash)
    for appends in (0, 1, 6, 1000, 1040, 1, 2000, 47, 1):
        fill(ring, appends)
        flash.read_count = 0
        check_same(ring, opened(flash))
        assert flash.read_count <= 11 * 8 + 8 + 20  # halvings by window, the oldest, the end


def test_generations_go_on_past_32_bits() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS, first=PER_SECTOR)
    slots = Slots(flash, 0, SECTORS)
    slots.payload[:12] = struct.pack("<III", 0x31475257, EPOCH, 0)
    assert slots.write(0, 0, MASK - 5)
    ring = opened(flash)
    for _ in range(4 * PER_SECTOR * SECTORS):
        fill(ring, 1)
        check_whole(ring)
        check_same(ring, opened(flash))


def test_skipped_sequences_are_never_given_nor_found() -> None:
    for first in (0, MASK - 5):
        for before in range(2 * PER_SECTOR):
            flash = RingFlash(SECTOR_SIZE, SECTORS, first=first)
            ring = opened(flash)
            fill(ring, before)
            wanted = (first + before + 100) & MASK
            ring.skip_to(wanted)
            assert ring.sequence_next == opened(flash).sequence_next == wanted
            fill(ring, PER_SECTOR + 1)
            check_same(ring, opened(flash))
            found = bytearray(PAYLOAD_SIZE)
            for step in range(before + 100 + PER_SECTOR + 1):
                was_skipped = before <= step < before + 100
                assert ring.read_into((first + step) & MASK, found) != was_skipped


def test_a_sequence_that_is_not_ahead_is_not_skipped_to() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS)
    ring = opened(flash)
    fill(ring, 10)
    cells = bytes(flash.cells)
    for sequence in (0, 9, 10, 10 + (MASK >> 1), MASK):
        ring.skip_to(sequence)
    assert ring.sequence_next == 10
    assert flash.cells == cells


def test_a_cut_skip_leaves_the_old_sequence_or_the_new() -> None:
    for mode in CUT_MODES:
        for operation in range(3):  # spoils the oldest header, erases, writes the new one
            flash = RingFlash(SECTOR_SIZE, SECTORS)
            ring = opened(flash)
            fill(ring, PER_SECTOR * SECTORS)
            flash.cut_at = flash.operation_count + operation
            flash.cut_mode = mode
            raises(PowerCut, ring.skip_to, 1000)
            again = opened(flash)
            assert again.sequence_next in (PER_SECTOR * SECTORS, 1000)
            again.skip_to(1000)
            assert again.append(payload(1000)) == 1000
            assert opened(flash).sequence_next == 1001
