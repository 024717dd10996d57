"""The wire between a meter's REPL and the device that a technician connects to.

On a board a soft reset restarts the interpreter behind the same USB port. The unix build of
MicroPython exits instead; who owns this wire starts it again, and the device stays.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

from weir_bench.simulated.interpreter import Interpreter
from weir_bench.simulated.terminal import Terminal
from weir_tools.simulator.firmware import FirmwareCommand

CTRL_A = b"\x01"
CTRL_C = b"\x03"
HELD_SIZE_MAX = 4096

_PROMPT = b"for more information.\r\n>>> "
_RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
_NO_WORDS = ("MicroPython ", 'Type "help()"', ">>> ", "raw REPL")
_TAIL_SIZE = max(len(_PROMPT), len(_RAW_PROMPT)) - 1


class Mode(Enum):
    OFF = auto()
    STARTING = auto()  # what is typed waits
    FIRMWARE = auto()  # nobody reads what is typed, but Ctrl-C stops the firmware
    INTERRUPTED = auto()  # on the way to the prompt; what is typed waits
    PROMPT = auto()
    RAW_PROMPT = auto()

    @property
    def is_prompt(self) -> bool:
        return self in (Mode.PROMPT, Mode.RAW_PROMPT)


class ConsoleWire:
    """at_prompt: hears in which mode it came to the friendly prompt.

    ended: hears in which mode the interpreter ended by itself, and its exit code.
    """

    def __init__(
        self, log: Path, *, at_prompt: Callable[[Mode], None], ended: Callable[[Mode, int], None]
    ) -> None:
        self.log = log
        self.mode = Mode.OFF
        self._changed = asyncio.Event()
        self._out = log.open("ab")
        self._outer = Terminal.open()
        self.device = self._outer.device
        self._at_prompt = at_prompt
        self._ended = ended
        self._run: Interpreter | None = None
        self._watch: asyncio.Task[None] | None = None
        self._wants_raw = False
        self._held = b""
        self._tail = b""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._outer.descriptor, lambda: self._type(self._outer.read()))

    async def start(self, command: FirmwareCommand, home: Path, *, raw: bool = False) -> None:
        """Start the interpreter. raw: bring it to the raw prompt, as after a reset from there."""
        self._wants_raw = raw
        self._tail = b""
        self._enter(Mode.STARTING)
        self._run = await Interpreter.start(command, home, self._printed)
        self._watch = asyncio.create_task(self._watched(self._run))

    def firmware_runs(self) -> None:
        self._enter(Mode.FIRMWARE)

    async def leaves(self, mode: Mode) -> None:
        """Wait until it is in another mode."""
        while self.mode is mode:
            self._changed.clear()
            await self._changed.wait()

    def last_words(self) -> str:
        """The last line that the meter printed, prompts apart."""
        lines = self.log.read_text(errors="replace").splitlines()
        spoken = [line for line in lines if line.strip() and not line.startswith(_NO_WORDS)]
        return spoken[-1] if spoken else "it said nothing"

    def say(self, text: bytes) -> None:
        """Print on the device what a board would print itself."""
        self._out.write(text)
        self._out.flush()
        self._outer.write(text)

    async def kill(self) -> None:
        """End the interpreter at once. ``ended`` does not hear of it."""
        run, watch = self._run, self._watch
        self._run = self._watch = None
        self._held = b""
        if run is None or watch is None:
            return
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        run.kill()
        await run.wait()
        self._enter(Mode.OFF)

    async def close(self) -> None:
        await self.kill()
        asyncio.get_running_loop().remove_reader(self._outer.descriptor)
        self._outer.close()
        self._out.close()

    async def _watched(self, run: Interpreter) -> None:
        code, last = await run.wait()
        self._run = self._watch = None
        self._printed(last)  # it may have come to another prompt before it ended
        mode = self.mode
        self._enter(Mode.OFF)
        self._ended(mode, code)

    def _enter(self, mode: Mode) -> None:
        self.mode = mode
        self._changed.set()
        held, self._held = self._held, b""
        self._type(held)

    def _type(self, keys: bytes) -> None:
        if self._run is not None and self.mode.is_prompt:
            self._run.type(keys)
        elif self._run is not None and self.mode is Mode.FIRMWARE:
            _, interrupt, after = keys.partition(CTRL_C)
            if interrupt:
                self._run.type(CTRL_C)
                self._held = after
                self._enter(Mode.INTERRUPTED)
        else:
            self._held = (self._held + keys)[:HELD_SIZE_MAX]

    def _printed(self, chunk: bytes) -> None:
        self.say(chunk)
        self._tail += chunk
        friendly, raw = self._tail.rfind(_PROMPT), self._tail.rfind(_RAW_PROMPT)
        self._tail = self._tail[-_TAIL_SIZE:]
        if max(friendly, raw) < 0:
            return
        self._tail = b""
        if raw > friendly:
            self._enter(Mode.RAW_PROMPT)
        elif self._wants_raw and self.mode is Mode.STARTING and self._run is not None:
            self._run.type(CTRL_A)
        else:
            mode = self.mode
            self._enter(Mode.PROMPT)
            self._at_prompt(mode)
