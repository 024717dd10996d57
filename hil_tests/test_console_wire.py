"""The wire to the REPL knows what the meter printed last, however late that is handed over."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weir_bench.simulated.console import ConsoleWire, Mode
from weir_bench.simulated.interpreter import Interpreter
from weir_tools.simulator.firmware import FirmwareCommand

RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
FRIENDLY_PROMPT = b'Type "help()" for more information.\r\n>>> '
LINES = 5000


class HastyRun:
    """An interpreter that ends before the last of what it printed has been handed over."""

    async def wait(self) -> tuple[int, bytes]:
        return 0, FRIENDLY_PROMPT


def test_a_soft_reset_at_the_friendly_prompt_is_one_even_when_that_prompt_is_seen_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Mode] = []

    async def start(
        _command: FirmwareCommand, _home: Path, printed: Callable[[bytes], None]
    ) -> HastyRun:
        printed(RAW_PROMPT)
        return HastyRun()

    async def play() -> None:
        log = tmp_path / "console.log"
        wire = ConsoleWire(
            log, at_prompt=lambda _mode: None, ended=lambda mode, _code: ended.append(mode)
        )
        await wire.start(FirmwareCommand((), {}), tmp_path)
        await wire.leaves(Mode.RAW_PROMPT)
        while not ended:
            await wire.leaves(wire.mode)
        await wire.close()

    monkeypatch.setattr(Interpreter, "start", start)
    asyncio.run(asyncio.wait_for(play(), 30))
    assert ended == [Mode.PROMPT]


def test_nothing_is_missing_of_what_a_program_printed_before_it_ended(tmp_path: Path) -> None:
    printed = bytearray()

    async def play() -> None:
        words = (sys.executable, "-c", f"for n in range({LINES}): print(n)")
        run = await Interpreter.start(FirmwareCommand(words, {}), tmp_path, printed.extend)
        code, last = await run.wait()
        assert code == 0
        printed.extend(last)

    asyncio.run(asyncio.wait_for(play(), 60))
    assert bytes(printed).split() == [str(number).encode() for number in range(LINES)]
