"""The contract of FlashRegion, held by the file of the unix port and by the tests' own flash."""

import os

from expect import raises

from weir.errors import StartRefused
from weir.ports.file_flash import FileFlash
from weir_tools.virtual.flash import FaultyFlash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weir.hal.flash_region import FlashRegion

PATH = "flash_contract.bin"
SECTORS = 3


def remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass


def regions() -> "list[FlashRegion]":
    """Return one new region of each kind."""
    remove(PATH)
    return [FileFlash(PATH, SECTORS), FaultyFlash(512, SECTORS)]


def read(region: "FlashRegion", offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    region.read_into(offset, memoryview(buffer))
    return bytes(buffer)


def content_of(region: "FlashRegion") -> bytes:
    return read(region, 0, region.sector_size * region.sector_count)


def test_a_new_region_is_blank_and_as_large_as_it_says() -> None:
    for region in regions():
        assert region.sector_count == SECTORS
        assert content_of(region) == b"\xff" * (region.sector_size * SECTORS)
        assert region.program_size in (1, 4, 32, 256)


def test_a_program_only_clears_bits_and_only_its_own() -> None:
    for region in regions():
        region.program_from(100, memoryview(b"\x0f\xaa\xff"))
        region.program_from(100, memoryview(b"\xf3\xff\x55"))
        assert read(region, 98, 7) == b"\xff\xff\x03\xaa\x55\xff\xff"
        assert content_of(region).count(b"\xff") == region.sector_size * SECTORS - 3


def test_a_program_may_cross_from_one_sector_into_the_next() -> None:
    for region in regions():
        region.program_from(region.sector_size - 2, memoryview(b"\x01\x02\x03"))
        assert read(region, region.sector_size - 2, 3) == b"\x01\x02\x03"


def test_an_erase_sets_one_sector_and_no_other() -> None:
    for region in regions():
        size = region.sector_size
        for sector in range(SECTORS):
            region.program_from(sector * size, memoryview(bytes(size)))
        region.erase_sector(1)
        assert content_of(region) == bytes(size) + b"\xff" * size + bytes(size)


def test_a_buffer_is_filled_from_any_offset() -> None:
    for region in regions():
        region.program_from(5, memoryview(b"weir"))
        buffer = bytearray(b"........")
        region.read_into(5, memoryview(buffer)[2:6])
        assert buffer == b"..weir.."


def test_a_file_keeps_what_was_programmed_when_it_is_opened_again() -> None:
    remove(PATH)
    FileFlash(PATH, SECTORS).program_from(4099, memoryview(b"kept"))
    assert read(FileFlash(PATH, SECTORS), 4099, 4) == b"kept"
    remove(PATH)


def test_a_file_of_another_size_is_refused_and_left_alone() -> None:
    remove(PATH)
    FileFlash(PATH, SECTORS)
    sentence = raises(StartRefused, FileFlash, PATH, SECTORS + 1)
    assert PATH in sentence
    assert str(4096 * SECTORS) in sentence
    assert os.stat(PATH)[6] == 4096 * SECTORS
    remove(PATH)


def test_a_file_that_cannot_be_made_is_refused() -> None:
    assert "no/such/folder" in raises(StartRefused, FileFlash, "no/such/folder/flash.bin", 3)
