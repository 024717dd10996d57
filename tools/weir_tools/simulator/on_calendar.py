"""Run a Python module by the calendar of a bench: ``on_calendar.py FILE MODULE [OPTION ...]``.

Where a bench steps time, whoever tells the meter the time has to live in the same time. Only the
wall clock is replaced. Timers run on the machine's monotonic clock, as ever, so nothing waits
longer or shorter than it would in the field.
"""

import mmap
import runpy
import struct
import sys
import time
from pathlib import Path
from typing import Final

CALENDAR_FORMAT: Final = (
    "q"  # UTC milliseconds since 1970; aligned, so it is read and written whole
)
CALENDAR_SIZE = struct.calcsize(CALENDAR_FORMAT)


def follow(file: Path) -> None:
    """Let ``time.time`` of this interpreter say what the calendar file says."""
    with file.open("rb") as opened:
        pages = mmap.mmap(opened.fileno(), CALENDAR_SIZE, access=mmap.ACCESS_READ)
    cells = memoryview(pages).cast(CALENDAR_FORMAT)
    vars(time).update(time=lambda: cells[0] / 1000, time_ns=lambda: cells[0] * 1_000_000)


def main() -> None:
    file, module, *options = sys.argv[1:]
    follow(Path(file))
    sys.argv = [module, *options]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
