"""Contract of the link that carries frames."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class ByteLink(Protocol):
    """A byte stream that may lose, delay or break anything. No call blocks.

    frame_size_max: longest frame to send over it, in bytes before COBS.
    """

    frame_size_max: int

    def configure(self, port: int, baud: int) -> None:
        """Use a port (of TCP) and a speed (of a serial link), each 0 as provisioned.

        What a link has not is ignored. A link that is open to somewhere else is closed.
        """

    def is_open(self) -> bool:
        """Return whether bytes can be exchanged now."""

    def drive(self, link_ms: int, *, wanted: bool) -> "int | None":
        """Open the link when wanted, close it when not.

        Returns the ``link_ms`` at which to call again (the next attempt), or None.
        """

    def receive(self) -> bytes:
        """Return what has arrived, at most 256 bytes; b"" for nothing."""

    def transmit(self, stream: bytes) -> None:
        """Send ``stream``. What the link cannot take at once is sent as it becomes able to."""
