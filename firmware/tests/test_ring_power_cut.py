"""Cut the power inside every flash operation of a workload that wraps the ring twice.

After each cut the ring is mounted as a reboot would, checked, and used for another lap.
"""

from test_ring import MASK, RingFlash, check_same, check_whole, fill, opened, payload

from weir.store.ring import PAYLOAD_SIZE
from weir_tools.virtual.flash import CUT_MODES, PowerCut

SECTOR_SIZE = 128  # bytes: a header and 3 records
PER_SECTOR = 3
SECTORS = 4
CAPACITY = PER_SECTOR * SECTORS
APPENDS = 2 * CAPACITY + 2
FIRST = MASK - CAPACITY  # the sequence wraps on the way


class Boot:
    """One start of a meter on a flash, until the power goes or the appends are done."""

    def __init__(self, flash: RingFlash, appends: int) -> None:
        self.appended: list[int] = []  # sequences whose append returned
        self.was_cut = False
        try:
            ring = opened(flash)
            for _ in range(appends):
                self.appended.append(ring.append(payload(ring.sequence_next)))
        except PowerCut:
            self.was_cut = True


def check_after_cut(flash: RingFlash, before: int, appended: "list[int]") -> None:
    """What had returned is there, but for what was overwritten; the rest goes on behind it."""
    ring = opened(flash)
    returned = (before + len(appended)) & MASK
    landed = (ring.sequence_next - returned) & MASK
    assert landed <= 1, landed  # the one that was cut may be there, whole or torn
    kept = (ring.sequence_next - ring.sequence_oldest) & MASK
    made = (ring.sequence_next - FIRST) & MASK
    assert kept >= min(made, CAPACITY - 2 * PER_SECTOR), kept
    was_torn = landed and not ring.read_into(returned, bytearray(PAYLOAD_SIZE))
    torn = (returned,) if was_torn else ()
    check_whole(ring, torn)
    fill(ring, CAPACITY + 1)
    check_whole(ring, torn)
    check_same(ring, opened(flash))


def sweep(program_size: int) -> int:
    """Return the number of cuts."""
    cuts = 0
    for mode in CUT_MODES:
        operation = 0
        while True:
            flash = RingFlash(SECTOR_SIZE, SECTORS, program_size, first=FIRST)
            flash.cut_at = operation
            flash.cut_mode = mode
            boot = Boot(flash, APPENDS)
            if not boot.was_cut:
                break
            check_after_cut(flash, FIRST, boot.appended)
            operation += 1
            cuts += 1
        assert operation >= APPENDS * 4 // 3
    return cuts


def test_no_record_that_was_appended_is_lost_at_any_cut() -> None:
    assert sweep(1) >= 200


def test_nor_on_a_part_that_programs_whole_pages() -> None:
    assert sweep(128) >= 200


def test_a_meter_that_browns_out_again_and_again_loses_nothing_that_was_appended() -> None:
    flash = RingFlash(SECTOR_SIZE, SECTORS, first=FIRST)
    returned: list[int] = []
    boots = 0
    found = bytearray(PAYLOAD_SIZE)
    for step in range(600):
        flash.operation_count = 0
        flash.cut_at = (step * 7919 >> 3) % 5
        flash.cut_mode = CUT_MODES[step * 13 % len(CUT_MODES)]
        boot = Boot(flash, 3)
        boots += boot.was_cut
        returned += boot.appended
        flash.cut_at = -1
        ring = opened(flash)
        for sequence in returned[-PER_SECTOR * (SECTORS - 2) // 3 :]:
            assert ring.read_into(sequence, found)
            assert found == payload(sequence)
    assert boots > 400
    assert len(returned) > 100
    assert returned == sorted(returned, key=lambda sequence: (sequence - FIRST) & MASK)
    assert len(returned) == len(set(returned))
