"""The link over a pty, or any other terminal device, in raw mode."""

import select
import termios

from micropython import const
from weir.errors import StartRefused
from weir.link.tables_gen import STREAM_FRAME_SIZE_MAX

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from io import FileIO

    from weir.ports.bench import Poller

_RECEIVE_SIZE = const(256)  # bytes in one step
_UNSENT_SIZE_MAX = const(2048)  # bytes kept while nobody reads the other end; what follows is lost

_GONE = select.POLLHUP | select.POLLERR
_REOPEN_MS = const(1000)  # after the other end has gone

# Of termios, by Linux's numbers: MicroPython's module has no names for them.
_EIGHT_BITS = const(0x30)  # CS8
_RECEIVE = const(0x80)  # CREAD
_PARITY = const(0x100)  # PARENB
_NOT_A_TERMINAL = getattr(termios, "error", OSError)  # CPython has an error of its own for it
_VTIME = const(5)
_VMIN = const(6)


def _open_raw(path: str) -> "FileIO":
    """Open a device so that bytes pass unchanged and a read returns what is there, if anything."""
    device = open(path, "r+b", buffering=0)
    number = device.fileno()
    attributes = termios.tcgetattr(number)
    attributes[0] = attributes[1] = attributes[3] = 0  # no translation, no echo, no signals
    attributes[2] = attributes[2] & ~_PARITY | _EIGHT_BITS | _RECEIVE
    attributes[6][_VMIN] = attributes[6][_VTIME] = 0
    termios.tcsetattr(number, termios.TCSANOW, attributes)
    return device


class PtyLink:
    """A ByteLink that is open while its device is there, whether the meter talks or not.

    unsent: bytes that wait for room.
    """

    frame_size_max = STREAM_FRAME_SIZE_MAX

    def __init__(self, path: str, poller: "Poller") -> None:
        """Raises StartRefused when there is no such device."""
        self._path = path
        self._poller = poller
        self._device: FileIO | None = None
        self._room = select.poll()
        self.unsent = b""
        self._reopen_at_ms = 0
        if not self._open():
            raise StartRefused(f"--link pty:{path} is not a terminal device; give its path.")

    def configure(self, port: int, baud: int) -> None:
        """A pty has neither: bytes pass as fast as they come."""

    def is_open(self) -> bool:
        return self._device is not None

    def drive(self, link_ms: int, *, wanted: bool) -> "int | None":
        if self._device is not None or not wanted:
            return None
        if link_ms < self._reopen_at_ms:
            return self._reopen_at_ms
        self._reopen_at_ms = link_ms if self._open() else link_ms + _REOPEN_MS
        return self._reopen_at_ms

    def receive(self) -> bytes:
        if self._device is None:
            return b""
        try:
            return self._device.read(_RECEIVE_SIZE) or b""
        except OSError:  # the other end has gone
            self._close()
            return b""

    def transmit(self, stream: bytes) -> None:
        if len(self.unsent) + len(stream) <= _UNSENT_SIZE_MAX:
            self.unsent += stream
        self.stir()

    def stir(self, events: int = 0) -> bool:
        """Send on as far as there is room. Return whether ``events`` should wake the meter."""
        device = self._device
        if device is None:
            return False
        if events & _GONE:  # a read would only find nothing there
            self._close()
            return True
        try:
            sent = self._send(device)
        except OSError:
            self._close()
            return True
        self.unsent = self.unsent[sent:]
        self._poller.watch(device, writing=bool(self.unsent))
        return bool(events & ~select.POLLOUT)

    def _send(self, device: "FileIO") -> int:
        """Return how many bytes were taken. Byte by byte: more at once would block a full pty."""
        sent = 0
        while sent < len(self.unsent) and self._room.poll(0):
            device.write(self.unsent[sent : sent + 1])
            sent += 1
        return sent

    def _open(self) -> bool:
        try:
            self._device = _open_raw(self._path)
        except (OSError, _NOT_A_TERMINAL):
            return False
        self._room.register(self._device, select.POLLOUT)
        self._poller.watch(self._device, writing=False)
        return True

    def _close(self) -> None:
        if self._device is not None:
            self._poller.ignore()
            self._room.unregister(self._device)
            self._device.close()
            self._device = None
            self.unsent = b""
