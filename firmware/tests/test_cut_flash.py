"""The unix port loses its power inside the very operation that it was told, and in no other."""

import signal
import subprocess
from pathlib import Path

import pytest
from on_meter import command_of, on_each_interpreter

from weir.errors import StartRefused
from weir.ports.cut_flash import CutFlash
from weir_tools.simulator.firmware import Interpreter

SECTOR_SIZE = 4096
BEFORE = b"\x11" * 8
PROGRAMMED = b"\xff\xff\x20\x20\x20\x20\xff\xff"
WORK = """
from weir.ports.cut_flash import CutFlash
flash = CutFlash("flash.bin", 2, {cut!r})
flash.program_from(0, memoryview(b"\\x11" * 8))
flash.program_from(8, memoryview(b"\\xff\\xff\\x20\\x20\\x20\\x20\\xff\\xff"))
flash.erase_sector(0)
flash.program_from(4096, memoryview(b"\\x33"))
print("done")
"""


def work(interpreter: Interpreter, cut: str) -> tuple[int, bytes, str]:
    """Return the exit code, the flash after it, and what was said."""
    command = command_of(interpreter)
    source = WORK.format(cut=cut)
    if interpreter is Interpreter.CPYTHON:
        firmware = str(Path(command.words[-1]).parent)
        source = f"import sys; sys.path.insert(0, {firmware!r})\n{source}"
    words = [*command.words[:1], "-c", source]
    done = subprocess.run(
        words, env=command.environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, Path("flash.bin").read_bytes(), done.stdout + done.stderr


@on_each_interpreter
@pytest.mark.parametrize(
    ("part", "left"),
    [
        ("nothing", b"\xff" * 8),
        ("half", b"\xff\xff\x20\x20\xff\xff\xff\xff"),
        ("far_half", b"\xff\xff\xff\xff\x20\x20\xff\xff"),
        ("all", PROGRAMMED),
    ],
)
def test_a_program_is_cut_where_it_was_asked_for(
    interpreter: Interpreter, part: str, left: bytes
) -> None:
    code, cells, said = work(interpreter, f"program:2:{part}")
    assert code == -signal.SIGKILL
    assert cells == (BEFORE + left).ljust(2 * SECTOR_SIZE, b"\xff")
    assert said == f"The power is cut in program of sector 0: {part}.\n"


@on_each_interpreter
def test_junk_changes_only_bits_that_the_program_was_to_change(interpreter: Interpreter) -> None:
    code, cells, _ = work(interpreter, "either:2:junk")
    assert code == -signal.SIGKILL
    assert cells[8:16] not in (b"\xff" * 8, PROGRAMMED)
    for was, wanted in zip(cells[8:16], PROGRAMMED, strict=True):
        assert was & wanted == wanted
    half_and_junk = work(interpreter, "either:2:half_and_junk")[1]
    assert half_and_junk[8:12] == PROGRAMMED[:4]


@on_each_interpreter
@pytest.mark.parametrize("cut", ["erase:1:half", "either:3:half"])
def test_an_erase_is_cut_half_done(interpreter: Interpreter, cut: str) -> None:
    code, cells, said = work(interpreter, cut)
    assert code == -signal.SIGKILL
    assert cells == b"\xff" * 2 * SECTOR_SIZE
    assert said == "The power is cut in erase of sector 0: half.\n"
    Path("flash.bin").unlink()
    far = work(interpreter, cut.replace("half", "far_half"))[1]
    assert far == (BEFORE + PROGRAMMED).ljust(2 * SECTOR_SIZE, b"\xff")


@on_each_interpreter
def test_what_comes_after_the_last_operation_cuts_nothing(interpreter: Interpreter) -> None:
    code, cells, said = work(interpreter, "program:4:nothing")
    assert (code, said) == (0, "done\n")
    assert cells == (b"\xff" * SECTOR_SIZE + b"\x33").ljust(2 * SECTOR_SIZE, b"\xff")


@pytest.mark.parametrize("cut", ["", "program:1", "read:1:half", "program:0:half", "erase:1:most"])
def test_a_cut_that_is_none_is_refused(cut: str) -> None:
    with pytest.raises(StartRefused, match="KIND:N:PART"):
        CutFlash("flash.bin", 2, cut)
