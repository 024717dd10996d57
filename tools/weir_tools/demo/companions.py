"""The programs around the meters: the broker and the gateway, each a process of its own."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Failed
from weir_tools.extras import extra_folder
from weir_tools.simulator.endings import ending, last_words, signal_name
from weir_tools.simulator.waiting import until

BROKER = "broker"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Companion:
    """A program started beside the demo. It ends with it, also when the demo is killed.

    Its standard input is a pipe that it watches; what it says goes to `log`.
    """

    def __init__(self, name: str, words: list[str], log: Path) -> None:
        self.name = name
        self._words = words
        self._log = log
        self._child: Process | None = None

    async def start(self, is_ready: Callable[[Process], Awaitable[bool]]) -> None:
        """Start it and ask until it is ready. Raise Failed when it ends or takes too long."""
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._words,
                stdin=PIPE,
                stdout=PIPE if self.name == BROKER else DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which stops it in its turn
            )
        child = self._child

        async def up_or_gone() -> bool:
            return child.returncode is not None or await is_ready(child)

        is_up = await until(up_or_gone, timeout_s=START_TIMEOUT_S)
        if child.returncode is not None:
            raise self.ended()
        if not is_up:
            sentence = messages.COMPANION_SLOW
            raise Failed(sentence.format(name=self.name, reason=last_words(self._log)))

    async def wait(self) -> None:
        """Return when it has ended."""
        if self._child is not None:
            await self._child.wait()

    async def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        child = self._child
        if child is None or child.returncode is not None:
            return
        for way in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(way)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await child.wait()
                    return

    def ended(self) -> Failed:
        """The error to raise when it ended, and nobody here had asked it to."""
        code = self._child.returncode if self._child is not None else None
        if code is not None and code < 0:
            name = signal_name(-code)
            return Failed(messages.COMPANION_KILLED.format(name=self.name, signal=name))
        return Failed(
            messages.COMPANION_ENDED.format(
                name=self.name, ending=ending(code), reason=last_words(self._log)
            )
        )


async def start_broker(log: Path) -> tuple[Companion, int]:
    """Return the broker and the port that it listens on."""
    extra_folder("amqtt", extra="demo")
    companion = Companion(BROKER, ["-m", "weir_tools.demo.broker"], log)
    port = 0

    async def is_ready(child: Process) -> bool:
        nonlocal port
        assert child.stdout is not None
        port = int(await child.stdout.readline() or 0)
        return port > 0

    await _start(companion, is_ready)
    return companion, port


async def start_gateway(
    config: Path, log: Path, answers: Callable[[], Awaitable[bool]]
) -> Companion:
    words = ["-m", "weir_tools", "gateway", "--stop-on-eof", "--config", str(config)]
    companion = Companion("gateway", words, log)

    async def is_ready(_child: Process) -> bool:
        return await answers()

    await _start(companion, is_ready)
    return companion


async def _start(companion: Companion, is_ready: Callable[[Process], Awaitable[bool]]) -> None:
    try:
        await companion.start(is_ready)
    except BaseException:
        await companion.stop()
        raise
