"""Where messages go out: what the publishing parts need of a broker."""

import asyncio
from collections.abc import Hashable
from typing import Protocol


class Outlet(Protocol):
    """connected: set while messages can be published. problem: why they cannot, else None."""

    connected: asyncio.Event
    problem: str | None

    @property
    def protocol_text(self) -> str: ...

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, tag: Hashable = None
    ) -> None:
        """Send with QoS 1 as soon as the window has a place.

        The tag is told when the message is acknowledged. Raise BrokerLost while there is no
        connection, and when it ends first: the message may or may not have arrived.
        """
