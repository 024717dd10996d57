"""One meter: a process of its own that runs the real firmware."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Failed
from weir_tools.simulator.channel import Seat
from weir_tools.simulator.endings import ending, last_words, signal_name
from weir_tools.simulator.firmware import Interpreter, firmware_command

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Launch:
    """Where a meter lives and what it is wired to.

    bench: address of the bench channel, HOST:PORT.
    link: its uplink, pty:PATH or tcp:HOST:PORT.
    """

    home: Path
    bench: str
    link: str
    interpreter: Interpreter = Interpreter.MICROPYTHON

    def options(self) -> list[str]:
        return ["--home", str(self.home), "--bench", self.bench, "--link", self.link]


class UnixMeter:
    """Start, stop and kill the meter that lives in `launch.home`.

    What it prints goes to `meter.log` there. It runs in a session of its own, so that Ctrl-C in
    the terminal reaches the bench alone, which then stops the meters in its own order.
    """

    def __init__(
        self, seat: Seat, launch: Launch, *, died: Callable[["UnixMeter"], None] | None = None
    ) -> None:
        self.seat = seat
        self.home = launch.home
        self.log = launch.home / "meter.log"
        self._launch = launch
        self._died = died
        self._child: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.returncode is None

    @property
    def child_id(self) -> int | None:
        """Its number in the system, None before it was ever started."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Power the meter on; return when it has taken its seat at the bench."""
        command = firmware_command(self._launch.interpreter)
        with self.log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *command.words,
                *self._launch.options(),
                cwd=self.home,
                env=command.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self._seated(self._child)
        self._watch = asyncio.create_task(self._watched(self._child))

    async def stop(self) -> None:
        """Power off cleanly; kill what does not go."""
        await self._unwatched()
        if self._child is None:
            return
        self.seat.power_off()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._child.wait()
                await self.seat.vacant.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Cut the power."""
        await self._unwatched()
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGKILL)
            await self._child.wait()
            await self.seat.vacant.wait()

    def stopped(self) -> Failed:
        """The error to raise when it stopped, and nobody here had asked it to."""
        code = self._child.returncode if self._child is not None else None
        if code is not None and code < 0 and self.seat.died_of is None:
            name = signal_name(-code)
            return Failed(messages.METER_KILLED.format(meter_id=self.seat.meter_id, signal=name))
        return Failed(
            messages.METER_STOPPED.format(
                meter_id=self.seat.meter_id,
                ending=ending(code),
                reason=self.seat.died_of or last_words(self.log),
            )
        )

    async def _seated(self, child: asyncio.subprocess.Process) -> None:
        """Wait for the hello, or for the end of it without one."""
        powered = asyncio.ensure_future(self.seat.powered.wait())
        ended = asyncio.ensure_future(child.wait())
        try:
            await asyncio.wait(
                (powered, ended), timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done():
                raise self.stopped()
            if not powered.done():
                await self.kill()
                raise Failed(
                    messages.METER_SILENT.format(
                        meter_id=self.seat.meter_id, timeout_s=START_TIMEOUT_S
                    )
                )
        finally:
            powered.cancel()
            ended.cancel()

    async def _watched(self, child: asyncio.subprocess.Process) -> None:
        await child.wait()
        if self._died is not None:
            self._died(self)

    async def _unwatched(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
