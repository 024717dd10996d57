"""Wires between a meter's uplink and whatever reads it: a pair of ptys, or a pty and a real port.

A pty has one end that is a device. Two programs that both want a device need two of them and
someone between who carries the bytes; that is a cable. As on a wire, bytes that nobody takes in
time are lost.
"""

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Callable, Mapping
from typing import Protocol

import serial

from weir_tools import messages
from weir_tools.errors import Unreachable

CARRY_SIZE = 4096
WAITING_SIZE_MAX = 64 * 1024  # far more than any frame in flight; beyond it nobody is reading


class Listener(Protocol):
    """Hears what passes a cable, up to the gateway and down to the meter."""

    def up(self, chunk: bytes, /) -> None: ...

    def down(self, chunk: bytes, /) -> None: ...


class Cable:
    """Carries bytes both ways between two descriptors, and closes what it was given to close.

    heard: who hears the bytes that come from a descriptor.
    """

    def __init__(
        self,
        descriptors: tuple[int, int],
        closing: contextlib.ExitStack,
        heard: Mapping[int, Callable[[bytes], None]] | None = None,
    ) -> None:
        self._heard = heard or {}
        self._closing = closing
        self._ends = descriptors
        self._waiting = {descriptor: bytearray() for descriptor in descriptors}
        loop = asyncio.get_running_loop()
        for source, target in (descriptors, descriptors[::-1]):
            os.set_blocking(source, False)
            loop.add_reader(source, self._carry, source, target)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for descriptor in self._ends:
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)
        self._closing.close()

    def _carry(self, source: int, target: int) -> None:
        try:
            chunk = os.read(source, CARRY_SIZE)
        except BlockingIOError:
            return
        except OSError:  # the port was unplugged, or the last user of the pty left
            asyncio.get_running_loop().remove_reader(source)
            return
        if source in self._heard:
            self._heard[source](chunk)
        waiting = self._waiting[target]
        if len(waiting) + len(chunk) <= WAITING_SIZE_MAX:
            waiting += chunk
        self._drain(target)

    def _drain(self, target: int) -> None:
        waiting = self._waiting[target]
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError):
            while waiting:
                del waiting[: os.write(target, waiting)]
        if waiting:
            loop.add_writer(target, self._drain, target)
        else:
            loop.remove_writer(target)


def open_pty(closing: contextlib.ExitStack) -> tuple[int, str]:
    """A raw pty; its device stays open, so that it outlives every user that comes and goes."""
    ours, theirs = pty.openpty()
    closing.callback(os.close, ours)
    closing.callback(os.close, theirs)
    tty.setraw(theirs)
    return ours, os.ttyname(theirs)


def open_pty_cable() -> tuple[Cable, str, str]:
    """A cable between two devices, and the paths of both."""
    with contextlib.ExitStack() as opening:
        near, near_path = open_pty(opening)
        far, far_path = open_pty(opening)
        return Cable((near, far), opening.pop_all()), near_path, far_path


def open_serial_cable(
    port: str, *, baud: int, listener: Listener | None = None
) -> tuple[Cable, str]:
    """A cable between a real serial port and a device for a meter, and the path of the device."""
    with contextlib.ExitStack() as opening:
        try:
            line = serial.Serial(port, baudrate=baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None)
            reason = str(error) if number is None else os.strerror(number)
            raise Unreachable(messages.PORT_NOT_OPENED.format(port=port, reason=reason)) from error
        opening.callback(line.close)
        near, near_path = open_pty(opening)
        heard = {} if listener is None else {near: listener.up, line.fileno(): listener.down}
        return Cable((line.fileno(), near), opening.pop_all(), heard), near_path
