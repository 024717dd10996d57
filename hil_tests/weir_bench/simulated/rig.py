"""A simulated meter with everything that is wired to it. It belongs to one event loop."""

import asyncio
import shutil
import signal

from weir_bench.bench_file import BenchFile
from weir_bench.errors import BenchFault
from weir_bench.flash_cuts import FlashCut
from weir_bench.roles import Health, Wiring
from weir_bench.simulated.console import ConsoleWire, Mode
from weir_bench.simulated.inputs import TurnedInputs
from weir_bench.simulated.ledger import Ledger, Totals
from weir_bench.simulated.lines import Line, SerialLine, TcpLine
from weir_bench.simulated.trace import Trace
from weir_tools.simulator.channel import BenchChannel
from weir_tools.simulator.firmware import (
    FirmwareCommand,
    Interpreter,
    bare_interpreter,
    firmware_command,
)
from weir_tools.simulator.identity import Identity, new_key
from weir_tools.simulator.ring_reader import RingRecord, read_records, read_ring
from weir_tools.simulator.stepping import CalendarFile, SteppedTime

START_S_MAX = 60.0
RESETS_MAX = 3  # a meter that keeps dying is left off
SOFT_REBOOT = b"MPY: soft reboot\r\n"


class Rig:
    """resets: what the meter died of, once for each time that nobody had asked for it."""

    def __init__(self, bench: BenchFile, wiring: Wiring) -> None:
        self.identity = _identity(bench)
        self.home = wiring.folder / "meter"
        self.home.mkdir()
        self.identity.write_into(self.home)
        self.calendar = CalendarFile(wiring.folder / "calendar", bench.starts_at_s)
        self.time = SteppedTime(self.calendar)
        self.inputs = TurnedInputs()
        self.trace = Trace(wiring.folder / "uplink.trace", self.calendar)
        clip = (self.trace, self.time.note_lost_answer)
        self.line: Line = (
            SerialLine(*clip) if wiring.link == "serial" else TcpLine(*clip, wiring.gateway_port)
        )
        self.console = ConsoleWire(
            wiring.folder / "console.log", at_prompt=self._at_prompt, ended=self._ended
        )
        self.is_on = False
        self.firmware_runs = False
        self.resets: list[str] = []
        self.cut_next: FlashCut | None = None  # where the next run of the firmware loses power
        self._cut: FlashCut | None = None  # where the present one does
        self._gateway_answers = False
        self._ledger = Ledger()
        self._channel = BenchChannel(self.time)
        self._bench_address = ""
        self._seat = self._channel.add_seat(self.identity.meter_id, self.inputs)
        self._restarting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._bench_address = await self._channel.open()
        await self.line.open()

    async def power_on(self) -> None:
        if not self.is_on:
            self.is_on = True
            await self._seat.vacant.wait()
            await self._start_firmware()
            await self.time.settle()

    async def power_cut(self) -> None:
        self.is_on = False
        await self._restarted()
        self._firmware_stops()
        await self.console.kill()
        await self._seat.vacant.wait()

    def gateway_answers(self, *, answers: bool) -> None:
        self._gateway_answers = answers
        self.line_changed()

    def line_changed(self) -> None:
        somebody = self._gateway_answers and "up" not in self.line.lost_directions
        self.time.let_answer(somebody=somebody)

    async def read_health(self) -> Health:
        await self._restarted()
        missing = await self._missing_pulses() if self.firmware_runs else (0, 0)
        await self._restarted()  # it may have died of its next record
        return Health(tuple(self.resets), *missing)

    async def read_flash(self) -> list[RingRecord]:
        """The records in the meter's flash, read from a copy of it. The meter must be off."""
        copy = self.home / "flash.copy"
        shutil.copyfile(self.home / "flash.bin", copy)
        try:
            return read_records(copy)
        except LookupError:  # cut while it was formatted
            return []

    async def close(self) -> None:
        await self.power_cut()
        await self._channel.close()
        await self.line.close()
        await self.console.close()
        self.trace.close()

    async def _start_firmware(self) -> None:
        """Return when the firmware has taken its seat. Raise BenchFault when it does not."""
        registers = self._newest_registers()[1]
        options = ["--home", str(self.home), "--bench", self._bench_address]
        self._cut, self.cut_next = self.cut_next, None
        if self._cut is not None:
            options += ["--cut", str(self._cut)]
        command = firmware_command(Interpreter.MICROPYTHON)
        environment = {**command.environment, "MICROPYINSPECT": "1"}  # a prompt after Ctrl-C
        words = (*command.words, *options, "--link", self.line.meter_end)
        await self.console.start(FirmwareCommand(words, environment), self.home)
        await self._seated()
        if not self.is_on:
            return  # cut as soon as it had taken its seat
        self._ledger.start(registers, self._seat.fed_pulses)
        self.console.firmware_runs()
        self.firmware_runs = True
        self.time.let_run(meter=True)

    async def _seated(self) -> None:
        """Wait for the meter to take its seat, or to end up elsewhere."""
        seated = asyncio.create_task(self._seat.powered.wait())
        strayed = asyncio.create_task(self.console.leaves(Mode.STARTING))
        await asyncio.wait(
            (seated, strayed), timeout=START_S_MAX, return_when=asyncio.FIRST_COMPLETED
        )
        if seated.done() and not self._seat.powered.is_set():  # it has left it again: it ends
            await asyncio.wait((strayed,), timeout=START_S_MAX)
        seated.cancel()
        strayed.cancel()
        if not self.is_on:
            return
        if not self._seat.powered.is_set() or self.console.mode is not Mode.STARTING:
            raise BenchFault(f"the meter did not start: {self._last_words()}")

    async def _restarted(self) -> None:
        """Wait for a restart that is under way."""
        if self._restarting is not None:
            await self._restarting

    async def _missing_pulses(self) -> Totals:
        """Let time pass until the meter has made its next record, and look for pulses there."""
        made = self._newest_registers()[0]
        until_ms = self.time.now_ms() + 2 * self.identity.store_interval_s * 1000
        while await self.time.advance_to_wake(until_ms):
            now_made, registers = self._newest_registers()
            if now_made > made:
                return self._ledger.missing(registers, self._seat.fed_pulses)
        if self.firmware_runs:
            raise BenchFault("the meter made no record for two store intervals")
        return 0, 0

    def _newest_registers(self) -> tuple[int, Totals]:
        """How many records the flash has had, and the registers of the newest."""
        try:
            ring = read_ring(self.home / "flash.bin")
        except (FileNotFoundError, LookupError):  # never started, or cut while it was formatted
            return 0, (0, 0)
        return ring.records_made, (ring.forward_pulses, ring.reverse_pulses)

    def _firmware_stops(self) -> None:
        self.firmware_runs = False
        self.time.let_run(meter=False)

    def _at_prompt(self, mode: Mode) -> None:
        """The console waits for a line. If it ran the firmware a moment ago, that has died."""
        if mode is Mode.FIRMWARE:
            self.resets.append(f"the firmware stopped: {self._last_words()}")
        self._firmware_stops()

    def _ended(self, mode: Mode, code: int) -> None:
        """The interpreter exited by itself: a soft reset at a prompt, else the firmware died."""
        self._firmware_stops()
        if self._cut is not None and code == -signal.SIGKILL:
            self.is_on = False
        elif self.is_on and mode is not Mode.STARTING:
            self._restarting = asyncio.create_task(self._restart(mode, code))

    async def _restart(self, mode: Mode, code: int) -> None:
        await self._seat.vacant.wait()
        if not mode.is_prompt:
            self.resets.append(f"{self._last_words()} (exit code {code})")
            if len(self.resets) > RESETS_MAX:
                return
        try:
            await self._start_again(mode)
        except BenchFault as fault:
            self.resets.append(str(fault))

    async def _start_again(self, mode: Mode) -> None:
        self.console.say(SOFT_REBOOT)
        if mode is Mode.RAW_PROMPT:
            command = firmware_command(Interpreter.MICROPYTHON)
            bare = FirmwareCommand(bare_interpreter(), command.environment)
            await self.console.start(bare, self.home, raw=True)
        else:
            await self._start_firmware()

    def _last_words(self) -> str:
        """What the meter told the bench of its end, if it did so in time, and the console."""
        return "; ".join(filter(None, (self._seat.died_of, self.console.last_words())))


def _identity(bench: BenchFile) -> Identity:
    return Identity(
        meter_id=bench.meter_id,
        key=new_key(),
        pulse_weight_ml=bench.pulse_weight_ml,
        sample_interval_s=bench.sample_interval_s,
        store_interval_s=bench.store_interval_s,
        send_interval_s=bench.send_interval_s,
        ring_sectors=bench.ring_sectors,
        settings=bench.settings,
    )
