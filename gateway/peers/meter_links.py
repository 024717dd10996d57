"""The meter's end of a link: a TCP connection or the far side of a pty."""

import os
import pty
import select
import socket
import tty
from pathlib import Path
from typing import Any

from peers.scripted_meter import ScriptedMeter
from peers.waiting import WAIT_S_MAX


class MeterLink:
    """Sends a meter's frames over a file descriptor and waits for what it is answered."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, stream_bytes: bytes) -> None:
        while stream_bytes:
            stream_bytes = stream_bytes[os.write(self._descriptor, stream_bytes) :]

    def receive(self, *, seconds: float = WAIT_S_MAX) -> bytes:
        """Return what arrives next, ``b""`` when nothing does in time or the link has closed."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self._descriptor, 65536)
        except OSError:
            return b""

    def ask(self, meter: ScriptedMeter, stream_bytes: bytes, count: int = 1) -> dict[str, Any]:
        """Send frames, wait for ``count`` answers, and return the last."""
        self.send(stream_bytes)
        answers: list[dict[str, Any]] = []
        while len(answers) < count:
            chunk = self.receive()
            assert chunk, f"{len(answers)} of {count} answers came"
            answers += meter.answers(chunk)
        return answers[-1]

    def is_closed(self) -> bool:
        """Return whether the far end closed; only while nothing else is to be received."""
        return self.receive(seconds=0.01) == b"" and bool(
            select.select([self._descriptor], [], [], 0)[0]
        )


class TcpLink(MeterLink):
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S_MAX)
        super().__init__(self._socket.fileno())

    def close(self) -> None:
        self._socket.close()


class PtyLink(MeterLink):
    """A raw pty. The gateway opens ``path``, a link that stays when the pty is made anew."""

    def __init__(self, path: Path) -> None:
        master, self._slave = pty.openpty()  # held open: a master without slaves reads EIO
        tty.setraw(self._slave)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self._slave))
        super().__init__(master)

    def close(self) -> None:
        """Take the device away, as by pulling its plug."""
        os.close(self._descriptor)
        os.close(self._slave)
