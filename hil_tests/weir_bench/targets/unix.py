"""Plays every role on this computer: real MicroPython on raw ptys, its time stepped.

The roles here are handles for the test's thread; what they do happens on the rig's event loop.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from weir_bench.bench_file import BenchFile
from weir_bench.flash_cuts import FlashCut
from weir_bench.mpremote_console import MpremoteConsole
from weir_bench.requirements import require_micropython
from weir_bench.roles import Crossing, Direction, Health, Link, Wiring
from weir_bench.simulated.background import BackgroundLoop
from weir_bench.simulated.rig import Rig
from weir_protocol.framing import DELIMITER
from weir_tools.simulator import on_calendar
from weir_tools.simulator.ring_reader import RingRecord


class _Role:
    def __init__(self, loop: BackgroundLoop, rig: Rig) -> None:
        self._loop = loop
        self._rig = rig


class SteppedCalendar(_Role):
    @property
    def now_s(self) -> float:
        return self._rig.calendar.now_ms / 1000

    def let_pass(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        span_ms = round(((hours * 60 + minutes) * 60 + seconds) * 1000)
        self._loop.run(self._rig.time.advance_to(self._rig.time.now_ms() + span_ms))


class GivenPulses(_Role):
    @property
    def forward_pulses(self) -> int:
        return self._rig.inputs.counts_at(self._rig.time.now_ms())[0]

    @property
    def reverse_pulses(self) -> int:
        return self._rig.inputs.counts_at(self._rig.time.now_ms())[1]

    def send(self, *, forward: int = 0, reverse: int = 0) -> None:
        self._loop.call(lambda: self._rig.inputs.send(forward, reverse))

    def run(self, *, forward_hz: float = 0, reverse_hz: float = 0) -> None:
        inputs, time = self._rig.inputs, self._rig.time
        self._loop.call(lambda: inputs.run(time.now_ms(), forward_hz, reverse_hz))

    def stop(self) -> None:
        self.run()


class GivenPressure(_Role):
    def set_kpa(self, pressure_kpa: int) -> None:
        self._loop.call(lambda: self._rig.inputs.set_pressure(pressure_kpa))

    def fail(self) -> None:
        self._loop.call(lambda: self._rig.inputs.set_pressure(None))


class KillSupply(_Role):
    """Ends the meter with SIGKILL: what it had not written to its flash file is gone."""

    @property
    def is_on(self) -> bool:
        return self._rig.is_on

    def cut(self) -> None:
        self._loop.run(self._rig.power_cut())

    def restore(self) -> None:
        self._loop.run(self._rig.power_on())

    def cycle(self) -> None:
        self.cut()
        self.restore()


class FileFlash(_Role):
    """The meter's flash is a file, and its firmware ends itself where the power is to fail."""

    def fail_in(self, cut: FlashCut) -> None:
        self._rig.cut_next = cut

    def records(self) -> list[RingRecord]:
        return self._loop.run(self._rig.read_flash())


class ClippedUplink(_Role):
    def __init__(self, loop: BackgroundLoop, rig: Rig, kind: Link) -> None:
        super().__init__(loop, rig)
        self.kind: Link = kind

    @property
    def trace(self) -> Sequence[Crossing]:
        return list(self._rig.trace.crossings)

    def cut(self, *, down_only: bool = False) -> None:
        self._lose("down", *(() if down_only else ("up",)))

    def mend(self) -> None:
        self._lose()

    def inject(self, stream_bytes: bytes) -> None:
        self._loop.run(self._rig.line.inject(stream_bytes))

    def frames_up(self) -> list[bytes]:
        stream = b"".join(one.chunk for one in self.trace if one.direction == "up")
        *frames, _ = stream.split(DELIMITER)
        return [frame + DELIMITER for frame in frames if frame]

    def _lose(self, *directions: Direction) -> None:
        def lose() -> None:
            self._rig.line.cut(frozenset(directions))
            self._rig.line_changed()

        self._loop.call(lose)


class UnixMeter(_Role):
    def __init__(self, loop: BackgroundLoop, rig: Rig, uplink: ClippedUplink) -> None:
        super().__init__(loop, rig)
        self.identity = rig.identity
        self.uplink = uplink
        self.console = MpremoteConsole(
            rig.console.device,
            rig.console.log,
            is_at_prompt=lambda: rig.console.mode.is_prompt,
            firmware_runs=lambda: rig.firmware_runs,
        )

    def read_health(self) -> Health:
        return self._loop.run(self._rig.read_health())


class UnixTarget:
    description = "MicroPython on raw ptys, stepped time"

    def __init__(self, bench: BenchFile, wiring: Wiring) -> None:
        self._loop = BackgroundLoop()
        self._rig = rig = self._loop.run(_open_rig(bench, wiring))
        self.meter = UnixMeter(self._loop, rig, ClippedUplink(self._loop, rig, wiring.link))
        self.pulses = GivenPulses(self._loop, rig)
        self.pressure = GivenPressure(self._loop, rig)
        self.supply = KillSupply(self._loop, rig)
        self.flash = FileFlash(self._loop, rig)
        self.calendar = SteppedCalendar(self._loop, rig)
        self.serial_port = rig.line.serial_port
        self.module_runner = (
            *(sys.executable, "-P", str(Path(on_calendar.__file__))),
            str(rig.calendar.path),
        )

    def notice_gateway(self, *, answers: bool) -> None:
        self._loop.call(lambda: self._rig.gateway_answers(answers=answers))

    def close(self) -> None:
        self._loop.run(self._rig.close())
        self._loop.close()


async def _open_rig(bench: BenchFile, wiring: Wiring) -> Rig:
    rig = Rig(bench, wiring)
    await rig.open()
    return rig


def build(bench: BenchFile, wiring: Wiring) -> UnixTarget:
    require_micropython()
    return UnixTarget(bench, wiring)
