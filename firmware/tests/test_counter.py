"""No frame counter is used twice, whatever power cuts come between."""

import struct

from expect import raises

from weir.metrology.registers import Registers
from weir.store.cell import Cell
from weir.store.checkpoint import VALUE_SIZE, Checkpoint, CounterExhausted
from weir.store.slots import Slots
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

EPOCH = 77


def started(flash: FaultyFlash) -> Checkpoint:
    """Return the checkpoint of a meter that starts, as the firmware would."""
    checkpoint = Checkpoint(Cell(Slots(flash, 0, 3), VALUE_SIZE), lambda: EPOCH, Registers())
    checkpoint.epoch_of_format()
    return checkpoint


def test_numbers_begin_at_1_and_go_up_by_1() -> None:
    counter = started(FaultyFlash(128, 3))
    assert [counter.next_frame() for _ in range(300)] == list(range(1, 301))


def test_a_start_goes_on_beyond_what_was_used() -> None:
    flash = FaultyFlash(128, 3)
    used = 0
    for calls in (0, 1, 63, 64, 65, 200, 1):
        counter = started(flash)
        for _ in range(calls):
            number = counter.next_frame()
            assert number > used
            used = number
    assert used < 1000  # a start skips at most one block


def test_no_number_is_given_twice_at_any_cut() -> None:
    cuts = 0
    for mode in CUT_MODES:
        operation = 0
        was_cut = True
        while was_cut:
            flash = FaultyFlash(128, 3)
            flash.cut_at = operation
            flash.cut_mode = mode
            was_cut = use_through_cut(flash)
            operation += 1
            cuts += was_cut
    assert cuts >= 5 * 40


def use_through_cut(flash: FaultyFlash) -> bool:
    """Use numbers over several starts; return whether the power was cut."""
    used = 0
    was_cut = False
    for start in range(12):
        try:
            counter = started(flash)
            for _ in range(start * 23 % 150):
                number = counter.next_frame()
                assert number > used, (number, used)
                used = number
        except PowerCut:
            was_cut = True
    return was_cut


def test_the_counter_ends_rather_than_wraps() -> None:
    flash = FaultyFlash(128, 3)
    cell = Cell(Slots(flash, 0, 3), VALUE_SIZE)
    cell.store(struct.pack("<IIIIII", EPOCH, 0xFFFFFFFF - 5, 0, 0, 0, 0))
    counter = started(flash)
    assert [counter.next_frame() for _ in range(5)] == list(range(0xFFFFFFFA, 0xFFFFFFFF))
    raises(CounterExhausted, counter.next_frame)
    raises(CounterExhausted, started(flash).next_frame)


def test_no_number_is_given_that_flash_does_not_reserve() -> None:
    flash = FaultyFlash(128, 3)
    counter = started(flash)
    for place in range(len(flash.cells)):
        flash.stick(place, flash.cells[place])
    raises(CounterExhausted, counter.next_frame)
    raises(CounterExhausted, counter.next_frame)


def test_no_number_is_given_twice_when_a_copy_rots_after_a_cut() -> None:
    for mode in CUT_MODES:
        for operation in range(2):
            for sector in range(3):
                flash = FaultyFlash(128, 3)
                counter = started(flash)
                flash.cut_at = flash.operation_count + operation
                flash.cut_mode = mode
                raises(PowerCut, counter.next_frame)
                used = started(flash).next_frame()
                flash.cells[sector * 128 : (sector + 1) * 128] = bytes(128)
                assert started(flash).next_frame() > used


def test_no_number_is_given_twice_when_the_newest_slots_of_both_copies_rot() -> None:
    for rotten in range(1, 4):
        flash = FaultyFlash(512, 3)
        counter = started(flash)
        for _ in range(300):
            used = counter.next_frame()
        for sector in range(3):
            rot_newest(flash, sector, rotten)
        assert started(flash).next_frame() > used


def rot_newest(flash: FaultyFlash, sector: int, count: int) -> None:
    slots = Slots(flash, 0, 3)
    last = slots.last_written(sector)
    for slot in range(last, max(last - count, -1), -1):
        flash.cells[sector * 512 + slot * 32 + 9] ^= 1
