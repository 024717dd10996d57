"""A serial line between two devices that takes as long as its baud rate says, each way."""

import asyncio
import contextlib
import os

from weir_tools.simulator.cable import CARRY_SIZE, open_pty
from weir_tools.simulator.wire import Wire


class SlowLine:
    """meter_device, gateway_device: the paths of its ends. up, down: its two wires.

    is_cut: bytes of both directions are lost.
    """

    def __init__(self, baud: int) -> None:
        with contextlib.ExitStack() as opening:
            self._near, self.meter_device = open_pty(opening)
            self._far, self.gateway_device = open_pty(opening)
            self._closing = opening.pop_all()
        self.is_cut = False
        self.up = Wire(baud, lambda chunk: _write(self._far, chunk))
        self.down = Wire(baud, lambda chunk: _write(self._near, chunk))
        loop = asyncio.get_running_loop()
        for descriptor, wire in ((self._near, self.up), (self._far, self.down)):
            os.set_blocking(descriptor, False)
            loop.add_reader(descriptor, self._carry, descriptor, wire)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for descriptor, wire in ((self._near, self.up), (self._far, self.down)):
            loop.remove_reader(descriptor)
            wire.clear()
        self._closing.close()

    def _carry(self, descriptor: int, wire: Wire) -> None:
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(descriptor, CARRY_SIZE)
            if not self.is_cut:
                wire.send(chunk)


def _write(descriptor: int, chunk: bytes) -> None:
    """Write what finds room. As on a wire, what nobody takes in time is lost."""
    with contextlib.suppress(BlockingIOError):
        while chunk:
            chunk = chunk[os.write(descriptor, chunk) :]
