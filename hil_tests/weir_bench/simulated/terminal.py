"""Pseudo-terminals. One pair is a wire with a device at one end and a descriptor at the other."""

import asyncio
import contextlib
import os
import pty
import termios
import tty
from dataclasses import dataclass

READ_SIZE = 4096
_END = b"\0the end\0"  # nothing that a meter prints
_LOCAL_FLAGS = 3
_CONTROL_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class Terminal:
    """descriptor: our end, which never blocks. device: the path of the other end, in raw mode.

    The device stays open, so it outlives every program that comes and goes.
    """

    descriptor: int
    device: str
    _kept_open: int

    @classmethod
    def open(cls, *, interruptible: bool = False) -> "Terminal":
        """interruptible: Ctrl-C is a signal to the program there, until that says otherwise."""
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        if interruptible:
            attributes = termios.tcgetattr(theirs)
            attributes[_LOCAL_FLAGS] |= termios.ISIG | termios.NOFLSH
            attributes[_CONTROL_CHARACTERS][termios.VINTR] = b"\x03"
            termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        os.set_blocking(ours, False)
        os.set_blocking(theirs, False)
        return cls(ours, os.ttyname(theirs), theirs)

    def read(self) -> bytes:
        """What has come, nothing when the other side is gone or silent."""
        with contextlib.suppress(BlockingIOError, OSError):
            return os.read(self.descriptor, READ_SIZE)
        return b""

    def write(self, chunk: bytes) -> None:
        """Write what finds room. As on a wire, what nobody takes in time is lost."""
        with contextlib.suppress(BlockingIOError):
            while chunk:
                chunk = chunk[os.write(self.descriptor, chunk) :]

    async def read_rest(self) -> bytes:
        """What the programs there wrote before they ended and has not been read yet.

        A pty hands bytes over when the system finds the time, which may be after the end of who
        wrote them; so a mark is sent after them.
        """
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        loop.add_reader(self.descriptor, came.set)
        mark, rest = _END, b""
        try:
            while not rest.endswith(_END):
                with contextlib.suppress(BlockingIOError):  # until what is there has been read
                    mark = mark[os.write(self._kept_open, mark) :]
                await came.wait()
                came.clear()
                rest += self.read()
        finally:
            loop.remove_reader(self.descriptor)
        return rest.removesuffix(_END)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._kept_open)
