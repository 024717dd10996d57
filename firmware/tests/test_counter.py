"""No frame counter is used twice, whatever power cuts come between."""

import struct

from expect import raises

from weir.store.cell import Cell
from weir.store.counter import VALUE_SIZE, CounterExhausted, FrameCounter
from weir.store.slots import Slots
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

EPOCH = 77


def counter_on(flash: FaultyFlash) -> FrameCounter:
    return FrameCounter(Cell(Slots(flash, 0, 2), VALUE_SIZE))


def started(flash: FaultyFlash) -> FrameCounter:
    """Return the counter of a meter that starts, as the firmware would."""
    counter = counter_on(flash)
    if counter.epoch is None:
        counter.restart(EPOCH)
    return counter


def test_numbers_begin_at_1_and_go_up_by_1() -> None:
    counter = started(FaultyFlash(128, 2))
    assert [counter.next() for _ in range(300)] == list(range(1, 301))


def test_a_start_goes_on_beyond_what_was_used() -> None:
    flash = FaultyFlash(128, 2)
    used = 0
    for calls in (0, 1, 63, 64, 65, 200, 1):
        counter = started(flash)
        for _ in range(calls):
            number = counter.next()
            assert number > used
            used = number
    assert used < 1000  # a start skips at most one block


def test_the_epoch_comes_with_the_numbers() -> None:
    flash = FaultyFlash(128, 2)
    assert counter_on(flash).epoch is None
    started(flash).next()
    again = counter_on(flash)
    assert again.epoch == EPOCH
    again.restart(78)
    assert again.next() == 1
    assert counter_on(flash).epoch == 78


def test_no_number_is_given_twice_at_any_cut() -> None:
    cuts = 0
    for mode in CUT_MODES:
        operation = 0
        was_cut = True
        while was_cut:
            flash = FaultyFlash(128, 2)
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
                number = counter.next()
                assert number > used, (number, used)
                used = number
        except PowerCut:
            was_cut = True
    return was_cut


def test_the_counter_ends_rather_than_wraps() -> None:
    flash = FaultyFlash(128, 2)
    cell = Cell(Slots(flash, 0, 2), VALUE_SIZE)
    cell.store(struct.pack("<II", EPOCH, 0xFFFFFFFF - 5))
    counter = counter_on(flash)
    assert [counter.next() for _ in range(5)] == list(range(0xFFFFFFFA, 0xFFFFFFFF))
    raises(CounterExhausted, counter.next)
    raises(CounterExhausted, counter_on(flash).next)
