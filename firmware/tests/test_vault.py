"""The vault keeps the settings through power cuts, rot and bad sectors."""

from weir.store.cell import SECTORS
from weir.store.vault import Vault
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

BASE = 1  # a sector of somebody else's before the vault's, and one behind
PROGRAM_SIZES = (1, 4, 32, 256)
SECTOR_SIZES = (512, 2048)  # one slot a sector, and two
STORES = 7  # each sector is begun anew


def new_flash(sector_size: int = 4096, program_size: int = 1) -> FaultyFlash:
    return FaultyFlash(sector_size, BASE + SECTORS + 1, program_size)


def vault_on(flash: FaultyFlash) -> Vault:
    return Vault(flash, BASE)


def blob(number: int) -> bytes:
    """Return one of many blobs of different lengths."""
    return bytes([number]) * (3 + number * 37 % 300)


def rot(flash: FaultyFlash, sector: int) -> None:
    """Let every slot of a sector of the vault go bad, without its sector taking harm."""
    start = (BASE + sector) * flash.sector_size
    for place in range(start + 5, start + flash.sector_size, 64):
        flash.cells[place] ^= 0x11


def test_an_empty_vault_has_no_blob_and_writes_nothing() -> None:
    flash = new_flash()
    assert vault_on(flash).load() is None
    assert flash.operation_count == 0


def test_the_last_blob_is_there_after_every_start() -> None:
    for sector_size in SECTOR_SIZES:
        for program_size in PROGRAM_SIZES:
            flash = new_flash(sector_size, program_size)
            for number in range(30):
                assert vault_on(flash).store(blob(number))
                assert vault_on(flash).load() == blob(number)


def test_a_blob_may_have_any_length_up_to_the_longest() -> None:
    for sector_size in SECTOR_SIZES:
        vault = vault_on(new_flash(sector_size))
        for size in (0, 1, vault.size_max):
            assert vault.store(bytes(size))
            assert vault.load() == bytes(size)
        assert not vault.store(bytes(vault.size_max + 1))
        assert vault.load() == bytes(vault.size_max)


def test_reading_a_sound_vault_writes_nothing() -> None:
    flash = new_flash()
    vault_on(flash).store(blob(1))
    operations = flash.operation_count
    vault_on(flash).load()
    assert flash.operation_count == operations


def test_it_leaves_the_sectors_of_others_alone() -> None:
    flash = new_flash(512)
    for number in range(9):
        vault_on(flash).store(blob(number))
    assert flash.erases_of[0] == flash.erases_of[-1] == 0
    assert bytes(flash.cells[:512]) == bytes(flash.cells[-512:]) == b"\xff" * 512


def stores_until_cut(flash: FaultyFlash, stores: int = STORES) -> int:
    """Return how many stores returned."""
    stored = 0
    try:
        vault = vault_on(flash)
        vault.load()
        while stored < stores:
            assert vault.store(blob(stored))
            stored += 1
    except PowerCut:
        pass
    return stored


def check_after_cut(flash: FaultyFlash, stored: int, mode: str) -> None:
    """Start again, cut that start too, and see that a promise holds through both."""
    promised = blob(stored - 1) if stored else None
    found = None
    for cut_at in (0, 1, 2, -1):
        flash.operation_count, flash.cut_at, flash.cut_mode = 0, cut_at, mode
        try:
            found = vault_on(flash).load()
            assert found in (promised, blob(stored))
            promised = found
        except PowerCut:
            continue
    for sector in range(SECTORS if found is not None else 0):
        kept = bytes(flash.cells)
        rot(flash, sector)
        assert vault_on(flash).load() == found, "one copy alone is not enough"
        flash.cells[:] = kept
    assert vault_on(flash).store(b"after")
    assert vault_on(flash).load() == b"after"


def test_a_store_cut_in_any_operation_leaves_the_old_blob_or_the_new_in_two_copies() -> None:
    cuts = 0
    for sector_size in SECTOR_SIZES:
        for place, mode in enumerate(CUT_MODES):
            operation = 0
            while True:
                flash = new_flash(sector_size, PROGRAM_SIZES[(place + operation) % 4])
                flash.cut_at, flash.cut_mode = operation, mode
                stored = stores_until_cut(flash)
                if stored == STORES:
                    break
                check_after_cut(flash, stored, mode)
                operation += 1
                cuts += 1
    assert cuts >= len(SECTOR_SIZES) * len(CUT_MODES) * STORES * 3


def test_a_rotten_copy_is_written_again_from_the_other_at_a_start() -> None:
    for first in range(SECTORS):
        for second in range(SECTORS):
            flash = new_flash(2048)
            vault_on(flash).store(blob(1))
            vault_on(flash).store(blob(2))
            rot(flash, first)
            assert vault_on(flash).load() == blob(2)
            rot(flash, second)
            assert vault_on(flash).load() == blob(2)


def test_one_bad_sector_costs_nothing() -> None:
    for sector in range(SECTORS):
        for takes in ("unprogrammable", "unerasable"):
            flash = new_flash(512)
            getattr(flash, takes).add(BASE + sector)
            for number in range(12):
                assert vault_on(flash).store(blob(number))
                assert vault_on(flash).load() == blob(number)


def test_a_vault_that_takes_no_write_says_so_and_keeps_what_it_has() -> None:
    flash = new_flash(512)
    vault_on(flash).store(blob(1))
    flash.unprogrammable.update(range(BASE, BASE + SECTORS))
    assert not vault_on(flash).store(blob(2))
    assert vault_on(flash).load() == blob(1)


def test_a_blob_of_a_form_that_this_firmware_does_not_know_counts_as_none() -> None:
    flash = new_flash(512)
    other = vault_on(flash)
    other.store(b"old")
    cell = other._open()
    cell.store(b"\x02" + bytes(512 - 9))
    assert vault_on(flash).load() is None
    assert vault_on(flash).store(b"new")
    assert vault_on(flash).load() == b"new"
