"""A broker, and the gateway's connection to it, as unreliable as asked."""

import asyncio
import json
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from weir_gateway.mqtt import BrokerLost, Delivery
from weir_tools.virtual.consumers import Consumers

WINDOW = 50
_HOP_S = 0.02  # one way, for everything that is sent meanwhile
_REDIAL_S = 15.0
_DENIED = "Quota exceeded"


@dataclass(slots=True)
class Sent:
    topic: str
    payload: bytes
    is_retained: bool
    tag: Hashable


class VirtualBroker:
    """Takes messages and gives each at once to the consumers.

    is_up: whether it can be reached. denies: whether it refuses what it gets.
    breaks_off: whether the connection ends when the next messages arrive, before any PUBACK.
    """

    def __init__(self, consumers: Consumers) -> None:
        self._consumers = consumers
        self.is_up = True
        self.denies = False
        self.breaks_off = False
        self.outlet: VirtualOutlet | None = None

    def take(self, sent: Sent) -> str | None:
        """Take one message; return why not, None when it was taken."""
        document = json.loads(sent.payload)
        if self.denies:
            self._consumers.miss(sent.topic, document)
            return _DENIED
        self._consumers.see(sent.topic, document, is_retained=sent.is_retained)
        return None

    def fail(self) -> None:
        """Be gone from now on; what was not acknowledged never will be."""
        self.is_up = False
        self.drop()

    def drop(self) -> None:
        """End the connection of the moment."""
        if self.outlet is not None:
            self.outlet.lose()


class VirtualOutlet:
    """The gateway's side of the connection (weir_gateway.outlet.Outlet)."""

    protocol_text = "virtual"

    def __init__(
        self,
        broker: VirtualBroker,
        chance: random.Random,
        on_connected: Callable[[], None],
    ) -> None:
        self.connected = asyncio.Event()
        self.problem: str | None = None
        self.on_delivered: Callable[[list[Delivery]], None] = _ignore
        self._broker = broker
        self._chance = chance
        self._on_connected = on_connected
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[Sent] = []
        self._in_flight = 0
        self._places: list[asyncio.Future[None]] = []  # who waits for a place in the window
        self._connection = 0
        self._is_dead = False

    def open(self) -> None:
        """Connect as soon as the broker is there."""
        if self._is_dead:
            return
        if not self._broker.is_up:
            self._loop.call_later(_REDIAL_S, self.open)
            return
        self._broker.outlet = self
        self.connected.set()
        self._on_connected()

    def die(self) -> None:
        self._is_dead = True
        self._connection += 1
        self.connected.clear()

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, tag: Hashable = None
    ) -> None:
        while self.connected.is_set() and self._in_flight >= WINDOW:
            place = self._loop.create_future()
            self._places.append(place)
            await place
        if not self.connected.is_set():
            raise BrokerLost("not connected")
        if not self._outgoing:
            self._loop.call_later(_HOP_S, self._arrive, self._connection)
        self._outgoing.append(Sent(topic, payload, retain, tag))
        self._in_flight += 1

    def lose(self) -> None:
        """End the connection. Some of what was sent has arrived, none of it is acknowledged."""
        if self._is_dead or not self.connected.is_set():
            return
        arrived = self._outgoing[: self._chance.randrange(len(self._outgoing) + 1)]
        for sent in arrived:
            self._broker.take(sent)
        self._outgoing = []
        self._in_flight = 0
        self._connection += 1
        self.connected.clear()
        self._wake()
        self._loop.call_later(_REDIAL_S, self.open)

    def _arrive(self, connection: int) -> None:
        if connection != self._connection:
            return
        if self._broker.breaks_off:
            self._broker.breaks_off = False
            self.lose()
            return
        outgoing, self._outgoing = self._outgoing, []
        deliveries = [Delivery(sent.tag, self._broker.take(sent)) for sent in outgoing]
        self._loop.call_later(_HOP_S, self._acknowledge, connection, deliveries)

    def _acknowledge(self, connection: int, deliveries: list[Delivery]) -> None:
        if connection != self._connection:
            return
        self._in_flight -= len(deliveries)
        self.on_delivered(deliveries)
        self._wake()

    def _wake(self) -> None:
        places, self._places = self._places, []
        for place in places:
            if not place.done():
                place.set_result(None)


def _ignore(_deliveries: list[Delivery]) -> None:
    """What nobody asked to hear of."""
