"""A REPL driven by mpremote's own library, as the `mpremote` command would drive it."""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weir_bench.waiting import wait_until
from weir_tools.extras import load_extra

CTRL_D = b"\x04"


class MpremoteConsole:
    """Plays the role Console for every meter whose REPL is a device on this computer.

    is_at_prompt, firmware_runs: what the target knows of the meter.
    """

    def __init__(
        self,
        device: str,
        log: Path,
        *,
        is_at_prompt: Callable[[], bool],
        firmware_runs: Callable[[], bool],
    ) -> None:
        self.device = device
        self.log = log
        self._is_at_prompt = is_at_prompt
        self._firmware_runs = firmware_runs

    @property
    def is_at_prompt(self) -> bool:
        return self._is_at_prompt()

    def execute(self, source: str) -> str:
        with self._raw_prompt() as transport:
            return bytes(transport.exec(source)).decode().replace("\r\n", "\n")

    def evaluate(self, expression: str) -> Any:
        return ast.literal_eval(self.execute(f"print(repr({expression}))"))

    def soft_reset(self) -> None:
        with self._raw_prompt() as transport:
            transport.exit_raw_repl()
            transport.serial.write(CTRL_D)
        wait_until(self._firmware_runs, "the firmware to run after a soft reset")

    @contextmanager
    def _raw_prompt(self) -> Iterator[Any]:
        """The meter at its raw prompt, whatever it did; it stays at the friendly one after."""
        library = load_extra("mpremote.transport_serial", extra="board")
        transport = library.SerialTransport(self.device)
        try:
            transport.enter_raw_repl(soft_reset=False)
            yield transport
            if transport.in_raw_repl:
                transport.exit_raw_repl()
        finally:
            transport.close()
