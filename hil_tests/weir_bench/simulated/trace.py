"""The bench's clip on the uplink: every byte with its time, in memory and in a file."""

import time
from pathlib import Path

from weir_bench.roles import Crossing, Direction
from weir_gateway.clock import utc_text_ms
from weir_tools.simulator.stepping import CalendarFile


class Trace:
    """A line of the file: calendar time, seconds on the wall since the start, direction, hex."""

    def __init__(self, file: Path, calendar: CalendarFile) -> None:
        self.crossings: list[Crossing] = []
        self._calendar = calendar
        self._began_s = time.monotonic()
        self._out = file.open("w", encoding="ascii")

    def note(self, direction: Direction, chunk: bytes) -> None:
        now_ms = self._calendar.now_ms
        wall_s = time.monotonic() - self._began_s
        self.crossings.append(Crossing(now_ms / 1000, direction, chunk))
        self._out.write(f"{utc_text_ms(now_ms)} {wall_s:.6f} {direction:4} {chunk.hex()}\n")
        self._out.flush()

    def close(self) -> None:
        self._out.close()
