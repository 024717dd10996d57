"""A cell keeps its last value through power cuts, bad sectors and the loss of one copy."""

from expect import raises

from weir.store.cell import Cell
from weir.store.slots import FlashWornOut, Slots
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

SECTOR_SIZE = 128  # bytes: 4 slots
STORES = 22  # wraps each sector several times


def value(number: int) -> bytes:
    return number.to_bytes(5, "little")


class Damage:
    """A way in which a sector goes bad. bit: place in the sector that sticks, -1 for none."""

    def __init__(
        self,
        *,
        takes_program: bool = True,
        takes_erase: bool = True,
        bit: int = -1,
        reads: int = 0,
    ) -> None:
        self.takes_program = takes_program
        self.takes_erase = takes_erase
        self.bit = bit
        self.reads = reads

    def strike(self, flash: FaultyFlash, sector: int) -> None:
        if not self.takes_program:
            flash.unprogrammable.add(sector)
        if not self.takes_erase:
            flash.unerasable.add(sector)
        if self.bit >= 0:
            flash.stick(sector * SECTOR_SIZE + self.bit // 8, self.reads, 1 << self.bit % 8)


DAMAGES = (
    Damage(takes_program=False),
    Damage(takes_erase=False),
    Damage(takes_program=False, takes_erase=False),
    Damage(bit=0),  # of slot 0
    Damage(bit=8 * 31 + 7, reads=0xFF),
    Damage(bit=8 * 70),  # of slot 2
    Damage(bit=8 * 100, reads=0xFF),
)


def cell_on(flash: FaultyFlash) -> Cell:
    return Cell(Slots(flash, 0, 3), 5)


def test_an_empty_cell_has_no_value() -> None:
    assert cell_on(FaultyFlash(SECTOR_SIZE, 3)).load() is None


def test_the_last_value_is_there_after_every_mount() -> None:
    flash = FaultyFlash(SECTOR_SIZE, 3)
    cell = cell_on(flash)
    for number in range(STORES):
        cell.store(value(number))
        assert cell.load() == value(number)
        assert cell_on(flash).load() == value(number)


def test_either_copy_alone_is_enough() -> None:
    for sector in range(3):
        flash = FaultyFlash(SECTOR_SIZE, 3)
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
            flash = FaultyFlash(SECTOR_SIZE, 3)
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
    for stuck in range(3):
        flash = FaultyFlash(SECTOR_SIZE, 3)
        slots = Slots(flash, 0, 3)
        for sector in range(3):
            slots.payload[:5] = value(100)
            assert slots.write(sector, 0, 0xFFFFFFFF - 5)
        for place in range(stuck * SECTOR_SIZE, (stuck + 1) * SECTOR_SIZE):
            flash.stick(place, flash.cells[place])  # keeps the old value for ever
        for number in range(STORES):
            cell_on(flash).store(value(number))
            assert cell_on(flash).load() == value(number)


class CellLife:
    """Stores numbers that go up, over many starts, and checks what each start finds.

    may_forget: a start may find nothing, and a store may fail, since two sectors are bad.
    """

    def __init__(self, *, may_forget: bool = False) -> None:
        self.flash = FaultyFlash(SECTOR_SIZE, 3)
        self._may_forget = may_forget
        self._kept = 0  # the last that a store returned for
        self._tried = 0
        self.worn_out_count = 0

    def live(self, stores: int, cut_at: int = -1, cut_mode: str = CUT_MODES[0]) -> bool:
        """Start and store; return whether the power was cut."""
        flash = self.flash
        flash.operation_count, flash.cut_at, flash.cut_mode = 0, cut_at, cut_mode
        try:
            cell = cell_on(flash)
            self._check(cell)
            for _ in range(stores):
                self._store(cell)
                self._check(cell)
        except PowerCut:
            return True
        return False

    def _store(self, cell: Cell) -> None:
        self._tried += 1
        try:
            cell.store(value(self._tried))
        except FlashWornOut:
            assert self._may_forget
            self.worn_out_count += 1
            return
        self._kept = self._tried

    def _check(self, cell: Cell) -> None:
        found = cell.load()
        if found is None:
            assert self._may_forget or not self._kept, "nothing is found"
        else:
            number = int.from_bytes(found, "little")
            assert self._kept <= number <= self._tried, "an old value is back"


def test_one_bad_sector_brings_no_old_value_back_at_any_cut() -> None:
    cuts = 0
    for damage in DAMAGES:
        for sector in range(3):
            for before in (0, 5):  # stores
                operation = 0
                was_cut = True
                while was_cut:
                    life = CellLife()
                    life.live(before)
                    damage.strike(life.flash, sector)
                    mode = CUT_MODES[operation % len(CUT_MODES)]
                    was_cut = life.live(9, operation, mode)
                    life.live(9, operation % 5, mode)
                    assert not life.live(3)
                    operation += 1
                    cuts += was_cut
    assert cuts >= 7 * 3 * 2 * 20


def test_bad_sectors_bring_no_old_value_back_in_a_life_of_brown_outs() -> None:
    worn_out = 0
    for seed in range(60):
        chance = Chance(seed)
        bad = [chance.draw(3)]
        if seed % 2:
            bad.append((bad[0] + 1 + chance.draw(2)) % 3)
        life = CellLife(may_forget=len(bad) > 1)
        strikes = [chance.draw(40) for _ in bad]
        for boot in range(60):
            for place, sector in enumerate(bad):
                if strikes[place] == boot:
                    life.live(1)  # a cut store may have left one copy, and the damage may lose it
                    DAMAGES[chance.draw(len(DAMAGES))].strike(life.flash, sector)
            life.live(chance.draw(9), chance.draw(20), CUT_MODES[chance.draw(len(CUT_MODES))])
        life.live(9)
        worn_out += life.worn_out_count > 0
    assert worn_out >= 10


class Chance:
    """Numbers that look drawn, the same on every interpreter."""

    def __init__(self, seed: int) -> None:
        self._state = seed * 7919 + 1

    def draw(self, stop: int) -> int:
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 12) % stop


def test_the_only_sector_that_works_is_never_erased() -> None:
    for good in range(3):
        for damage in (DAMAGES[0], DAMAGES[2], DAMAGES[3]):  # nothing can be written at once
            flash = FaultyFlash(SECTOR_SIZE, 3)
            for sector in range(3):
                if sector != good:
                    damage.strike(flash, sector)
            cell = cell_on(flash)
            stored = 0
            try:
                while stored < STORES:
                    cell.store(value(stored))
                    stored += 1
            except FlashWornOut:
                pass
            assert stored == SECTOR_SIZE // 32
            assert flash.erases_of[good] == 1
            for again in (cell, cell_on(flash)):
                assert again.load() == value(stored - 1)
                raises(FlashWornOut, again.store, value(stored))


def test_both_copies_stand_as_long_as_two_sectors_work() -> None:
    for damage in DAMAGES:
        for sector in range(3):
            for struck_at in (0, 6):
                flash = FaultyFlash(SECTOR_SIZE, 3)
                cell = cell_on(flash)
                for number in range(STORES):
                    if number == struck_at:
                        damage.strike(flash, sector)
                    cell.store(value(number))
                    assert copies_of(flash, value(number)) >= 2


def copies_of(flash: FaultyFlash, wanted: bytes) -> int:
    """Return how many sectors a start finds the value in when it has only that one."""
    count = 0
    kept = bytes(flash.cells)
    for only in range(3):
        for lost in range(3):
            if lost != only:
                flash.cells[lost * SECTOR_SIZE : (lost + 1) * SECTOR_SIZE] = bytes(SECTOR_SIZE)
        count += cell_on(flash).load() == wanted
        flash.cells[:] = kept
    return count


def test_nothing_older_is_found_when_both_copies_are_lost() -> None:
    flash = FaultyFlash(SECTOR_SIZE, 3)
    cell = cell_on(flash)
    for number in range(STORES):
        cell.store(value(number))
        kept = bytes(flash.cells)
        for spared in range(3):
            for lost in range(3):
                if lost != spared:
                    flash.cells[lost * SECTOR_SIZE : (lost + 1) * SECTOR_SIZE] = bytes(SECTOR_SIZE)
            assert cell_on(flash).load() in (None, value(number))
            flash.cells[:] = kept


def test_a_cell_that_is_wholly_worn_out_says_so() -> None:
    flash = FaultyFlash(SECTOR_SIZE, 3)
    for place in range(3 * SECTOR_SIZE):
        flash.stick(place, 0x3C)
    raises(FlashWornOut, cell_on(flash).store, value(1))


def test_a_store_costs_two_programs_and_its_share_of_two_erases_and_spoilt_slots() -> None:
    flash = FaultyFlash(4096, 3)
    cell = cell_on(flash)
    for number in range(1280):
        cell.store(value(number))
    assert flash.program_count <= 2 * 1280 * 1.01
    assert flash.erase_count <= 2 * 11


def test_a_larger_value_takes_larger_slots() -> None:
    flash = FaultyFlash(512, 3, program_size=256)
    cell = Cell(Slots(flash, 0, 3, slot_size=64), 56)
    for number in range(40):
        cell.store(bytes([number]) * 56)
        assert Cell(Slots(flash, 0, 3, slot_size=64), 56).load() == bytes([number]) * 56
