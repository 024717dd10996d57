"""A cell keeps its last value through power cuts, wear and the loss of one copy."""

from expect import raises

from weir.store.cell import Cell
from weir.store.slots import FlashWornOut, Slots
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

SECTOR_SIZE = 128  # bytes: 4 slots
STORES = 22  # wraps each sector several times


def value(number: int) -> bytes:
    return number.to_bytes(5, "little")


def cell_on(flash: FaultyFlash) -> Cell:
    return Cell(Slots(flash, 0, 2), 5)


def test_an_empty_cell_has_no_value() -> None:
    assert cell_on(FaultyFlash(SECTOR_SIZE, 2)).load() is None


def test_the_last_value_is_there_after_every_mount() -> None:
    flash = FaultyFlash(SECTOR_SIZE, 2)
    cell = cell_on(flash)
    for number in range(STORES):
        cell.store(value(number))
        assert cell.load() == value(number)
        assert cell_on(flash).load() == value(number)


def test_either_copy_alone_is_enough() -> None:
    for sector in (0, 1):
        flash = FaultyFlash(SECTOR_SIZE, 2)
        cell = cell_on(flash)
        for number in range(STORES):
            cell.store(value(number))
            kept = bytes(flash.cells)
            flash.cells[sector * SECTOR_SIZE : (sector + 1) * SECTOR_SIZE] = bytes(SECTOR_SIZE)
            assert cell_on(flash).load() == value(number)
            flash.cells[:] = kept


def test_a_cut_store_leaves_the_old_value_or_the_new_and_the_cell_goes_on() -> None:
    cuts = 0
    for mode in CUT_MODES:
        operation = 0
        while True:
            flash = FaultyFlash(SECTOR_SIZE, 2)
            flash.cut_at = operation
            flash.cut_mode = mode
            stored = store_until_cut(flash)
            if stored == STORES:
                break
            check_after_cut(flash, stored)
            operation += 1
            cuts += 1
    assert cuts >= 5 * STORES * 2


def store_until_cut(flash: FaultyFlash) -> int:
    """Return how many stores returned."""
    stored = 0
    try:
        cell = cell_on(flash)
        while stored < STORES:
            cell.store(value(stored))
            stored += 1
    except PowerCut:
        pass
    return stored


def check_after_cut(flash: FaultyFlash, stored: int) -> None:
    old = value(stored - 1) if stored else None
    cell = cell_on(flash)
    found = cell.load()
    assert found in (old, value(stored))
    for number in range(100, 100 + STORES):
        flash.operation_count = 0
        flash.cut_at = number % 3  # and again: what was found once is not lost by the next cut
        try:
            cell.store(value(number))
        except PowerCut:
            cell = cell_on(flash)
            assert cell.load() in (found, value(number))
        found = cell.load()
    flash.cut_at = -1
    cell.store(value(7))
    assert cell_on(flash).load() == value(7)


def test_the_last_value_is_known_past_the_end_of_generations_by_one_copy_alone() -> None:
    for stuck in range(2):
        flash = FaultyFlash(SECTOR_SIZE, 2)
        slots = Slots(flash, 0, 2)
        for sector in range(2):
            slots.payload[:5] = value(100)
            assert slots.write(sector, 0, 0xFFFFFFFF - 5)
        for place in range(stuck * SECTOR_SIZE, (stuck + 1) * SECTOR_SIZE):
            flash.stick(place, flash.cells[place])  # keeps the old value for ever
        for number in range(STORES):
            cell_on(flash).store(value(number))
            assert cell_on(flash).load() == value(number)


def test_a_copy_whose_sector_is_worn_out_is_done_without() -> None:
    flash = FaultyFlash(SECTOR_SIZE, 2)
    for place in range(SECTOR_SIZE):
        flash.stick(place, 0x3C)
    cell = cell_on(flash)
    for number in range(STORES):
        cell.store(value(number))
        assert cell_on(flash).load() == value(number)


def test_a_cell_that_is_wholly_worn_out_says_so() -> None:
    flash = FaultyFlash(SECTOR_SIZE, 2)
    for place in range(2 * SECTOR_SIZE):
        flash.stick(place, 0x3C)
    raises(FlashWornOut, cell_on(flash).store, value(1))


def test_a_store_costs_two_programs_and_its_share_of_two_erases_and_spoilt_slots() -> None:
    flash = FaultyFlash(4096, 2)
    cell = cell_on(flash)
    for number in range(1280):
        cell.store(value(number))
    assert flash.program_count <= 2 * 1280 * 1.01
    assert flash.erase_count <= 2 * 11


def test_a_larger_value_takes_larger_slots() -> None:
    flash = FaultyFlash(512, 2, program_size=256)
    cell = Cell(Slots(flash, 0, 2, slot_size=64), 56)
    for number in range(40):
        cell.store(bytes([number]) * 56)
        assert Cell(Slots(flash, 0, 2, slot_size=64), 56).load() == bytes([number]) * 56
