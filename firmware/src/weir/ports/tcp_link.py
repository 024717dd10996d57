"""The link over TCP: connected when the meter wants to talk, closed when it does not."""

import os
import select
import socket

from micropython import const
from weir.link.tables_gen import STREAM_FRAME_SIZE_MAX

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable

    from weir.ports.bench import Poller

_RECEIVE_SIZE = const(256)  # bytes in one step
_UNSENT_SIZE_MAX = const(
    2048
)  # bytes kept while the other end does not take them; what follows is lost

_RETRY_FIRST_MS = const(200)  # after the first attempt that failed; doubled each time, and
# anything from 3/4 to 5/4 of it
_RETRY_MAX_MS = const(5000)
_FAILED = select.POLLERR | select.POLLHUP

_CLOSED = const(0)
_CONNECTING = const(1)
_OPEN = const(2)


class TcpLink:
    """A ByteLink to HOST:PORT. That nobody listens there is normal: it tries again.

    unsent: bytes that wait for room.
    """

    frame_size_max = STREAM_FRAME_SIZE_MAX

    def __init__(
        self, host: str, port: int, poller: "Poller", chance: "Callable[[int], bytes]" = os.urandom
    ) -> None:
        """Take where to, and how to draw bytes: many meters are not to try again at once."""
        self._chance = chance
        self._host = host
        self._port = self._port_provisioned = port
        self._poller = poller
        self._state = _CLOSED
        self._socket: socket.socket | None = None
        self.unsent = b""
        self._retry_ms = _RETRY_FIRST_MS
        self._retry_at_ms = 0

    def configure(self, port: int, _baud: int) -> None:
        port = port or self._port_provisioned
        if port != self._port:
            self._close()
            self._port = port

    def is_open(self) -> bool:
        return self._state == _OPEN

    def drive(self, link_ms: int, *, wanted: bool) -> "int | None":
        if not wanted:
            self._close()
            self._retry_ms = _RETRY_FIRST_MS
            self._retry_at_ms = link_ms
            return None
        if self._state != _CLOSED:
            return None
        if link_ms < self._retry_at_ms:
            return self._retry_at_ms
        self._retry_at_ms = link_ms + self._retry_ms * (192 + self._chance(1)[0] // 2) // 256
        self._retry_ms = min(self._retry_ms * 2, _RETRY_MAX_MS)
        self._connect()
        return self._retry_at_ms if self._state == _CLOSED else None

    def receive(self) -> bytes:
        if self._socket is None or self._state != _OPEN:
            return b""
        try:
            chunk = self._socket.recv(_RECEIVE_SIZE)
        except OSError as error:
            if not _would_block(error):
                self._close()
            return b""
        if not chunk:
            self._close()
        return chunk

    def transmit(self, stream: bytes) -> None:
        if len(self.unsent) + len(stream) <= _UNSENT_SIZE_MAX:
            self.unsent += stream
        self.stir()

    def stir(self, events: int = 0) -> bool:
        """Go on connecting or sending. Return whether ``events`` should wake the meter."""
        if self._socket is None:
            return False
        if self._state == _CONNECTING:
            if events & _FAILED:
                self._close()
            elif events:
                self._state = _OPEN
                self._poller.watch(self._socket, writing=False)
            return True
        self._send(self._socket)
        return bool(events & ~select.POLLOUT)

    def _send(self, connected: socket.socket) -> None:
        try:
            while self.unsent:
                self.unsent = self.unsent[connected.send(self.unsent) :]
        except OSError as error:
            if not _would_block(error):
                self._close()
                return
        self._poller.watch(connected, writing=bool(self.unsent))

    def _connect(self) -> None:
        try:
            address = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)[0]
            self._socket = socket.socket(address[0], socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._state = _CONNECTING
            self._poller.watch(self._socket, writing=True)
            self._socket.connect(address[-1])
        except OSError as error:
            if self._socket is not None and not _would_block(error):
                self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._poller.ignore()
            self._socket.close()
            self._socket = None
        self._state = _CLOSED
        self.unsent = b""


def _would_block(error: OSError) -> bool:
    return error.errno in (11, 115)  # EAGAIN, EINPROGRESS of Linux
