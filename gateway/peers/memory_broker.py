"""A broker in memory for tests of the publisher: acknowledges when told to."""

import asyncio
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from weir_gateway.mqtt import BrokerLost, Delivery


@dataclass
class Sent:
    topic: str
    payload: bytes
    retain: bool
    tag: Hashable


class MemoryBroker:
    """sent: everything published, repeats included. in_flight: what is not acknowledged yet."""

    problem: str | None = None
    protocol_text = "in memory"

    def __init__(self, window: int = 50) -> None:
        self.connected = asyncio.Event()
        self.sent: list[Sent] = []
        self.in_flight: list[Sent] = []
        self.auto = False
        """Acknowledge everything at once."""
        self.on_delivered: Callable[[list[Delivery]], None] = lambda _: None
        self.on_connected: Callable[[], None] = lambda: None
        self._window = window
        self._connection_count = 0
        self._changed = asyncio.Condition()

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, tag: Hashable = None
    ) -> None:
        connection = self._connection_count
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._is_over(connection) or len(self.in_flight) < self._window
            )
        if self._is_over(connection):
            raise BrokerLost("not connected")
        message = Sent(topic, payload, retain, tag)
        self.sent.append(message)
        self.in_flight.append(message)
        if self.auto:
            asyncio.get_running_loop().call_soon(self._acknowledge_all)

    def documents(self, topic: str) -> list[Any]:
        """Return the documents sent to a topic, repeats included."""
        return [json.loads(message.payload) for message in self.sent if message.topic == topic]

    async def connect(self) -> None:
        if self.connected.is_set():
            await self.lose()
        self._connection_count += 1
        self.on_connected()
        self.connected.set()

    async def lose(self) -> None:
        """End the connection; what is in flight is never acknowledged."""
        self.connected.clear()
        self.in_flight.clear()
        await self._wake()

    async def acknowledge(self, count: int, denied: str | None = None) -> None:
        done, self.in_flight = self.in_flight[:count], self.in_flight[count:]
        self.on_delivered([Delivery(message.tag, denied) for message in done])
        await self._wake()

    def _is_over(self, connection: int) -> bool:
        return not self.connected.is_set() or connection != self._connection_count

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _acknowledge_all(self) -> None:
        done, self.in_flight = self.in_flight, []
        self.on_delivered([Delivery(message.tag) for message in done])
        self._waking = asyncio.ensure_future(self._wake())
