"""What a link offers, whatever it is made of."""

from typing import Protocol

READ_SIZE_MAX = 4096
"""Bytes taken from a link at once: bounds how long one flooding link holds up the others."""


STOP_S_MAX = 3.0
"""How long a stopping gateway lets a link finish what was read from it."""


class LinkClosed(Exception):
    """The far end went away, or took nothing for too long."""


class ByteStream(Protocol):
    """One open link. source: names the far end in counters and logs."""

    @property
    def source(self) -> str: ...

    async def read(self) -> bytes:
        """Return the next bytes. Raise LinkClosed once there will be none."""

    async def write(self, stream_bytes: bytes) -> None:
        """Hand bytes to the far end. Raise LinkClosed when it does not take them in time."""


class Link(Protocol):
    """A place where meters connect. problem: why it is out of use, None while it works."""

    kind: str
    place: str
    problem: str | None

    @property
    def connection_count(self) -> int: ...

    async def start(self) -> None:
        """Open it. Raise GatewayError when that is pointless to try again."""

    async def stop(self) -> None:
        """Let what was read be answered, then close it."""
