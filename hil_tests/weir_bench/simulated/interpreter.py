"""One run of MicroPython on a terminal of its own."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from weir_bench.simulated.terminal import Terminal
from weir_tools.simulator.firmware import FirmwareCommand

# A session leader's first terminal becomes the one whose Ctrl-C it hears.
_ON_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'


class Interpreter:
    """A running interpreter: keys go in, what it prints goes to whoever started it."""

    def __init__(self, terminal: Terminal, child: asyncio.subprocess.Process) -> None:
        self._terminal = terminal
        self._child = child

    @classmethod
    async def start(
        cls, command: FirmwareCommand, home: Path, printed: Callable[[bytes], None]
    ) -> "Interpreter":
        """Start in ``home``; ``printed`` gets everything that it prints."""
        terminal = Terminal.open(interruptible=True)
        child = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            _ON_TERMINAL,
            terminal.device,
            *command.words,
            cwd=home,
            env=command.environment,
            start_new_session=True,
        )
        loop = asyncio.get_running_loop()
        loop.add_reader(terminal.descriptor, lambda: printed(terminal.read()))
        return cls(terminal, child)

    def type(self, keys: bytes) -> None:
        self._terminal.write(keys)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()

    async def wait(self) -> tuple[int, bytes]:
        """Wait for its end; return the exit code and what it had printed last."""
        code = await self._child.wait()
        asyncio.get_running_loop().remove_reader(self._terminal.descriptor)
        last = await self._terminal.read_rest()
        self._terminal.close()
        return code, last
