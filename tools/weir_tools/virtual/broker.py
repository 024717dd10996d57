"""A broker with its consumers, and the gateway's connection to it, as unreliable as asked."""

import asyncio
import json
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from weir_gateway.mqtt import BrokerLost, Delivery
from weir_tools.virtual.ledger import SEQUENCE_MASK, Arrival, Ledger
from weir_tools.virtual.publication import check_publication
from weir_tools.virtual.trace import Trace

WINDOW = 50
_HOP_S = 0.02  # one way, for everything that is sent meanwhile
_REDIAL_S = 15.0
_DENIED = "Quota exceeded"

SHOWN = (
    "forward_pulses",
    "reverse_pulses",
    "pressure_mean_kpa",
    "pressure_min_kpa",
    "pressure_max_kpa",
)
"""Fields of a publication that every repeat shows alike."""


@dataclass(slots=True)
class Sent:
    topic: str
    payload: bytes
    is_retained: bool
    tag: Hashable


class VirtualBroker:
    """Takes messages and gives each at once to consumers, who write down what they see.

    is_up: whether it can be reached. denies: whether it refuses what it gets.
    breaks_off: whether the connection ends when the next messages arrive, before any PUBACK.
    """

    def __init__(self, ledger: Ledger, trace: Trace) -> None:
        self._ledger = ledger
        self._trace = trace
        self.is_up = True
        self.denies = False
        self.breaks_off = False
        self.outlet: VirtualOutlet | None = None
        self._gap_states: dict[str, set[str]] = {}  # what was told, by id

    def take(self, sent: Sent) -> str | None:
        """Take one message; return why not, None when it was taken."""
        document = json.loads(sent.payload)
        if sent.topic.endswith("/gap"):
            return self._take_gap(sent, document)
        meter_id = document["meter_id"]
        key = (meter_id, int(document["epoch"], 16), document["sequence"])
        ledger = self._ledger
        if self.denies:
            ledger.denied.add(key)
            return _DENIED
        self._trace.note("published", meter_id, document["id"].encode())
        ledger.arrival_count += 1
        if document["id"] != f"{meter_id}-{key[1]:08x}-{key[2]}":
            ledger.breach(meter_id, key[2], f"was published under the id {document['id']}")
        if sent.is_retained:
            ledger.breach(meter_id, key[2], "was published as a retained message")
        check_publication(ledger, key, document, ledger.books[meter_id].sample_interval_s)
        shown = tuple(document[name] for name in SHOWN)
        historical = bool(document.get("historical"))
        ledger.arrive(key, Arrival(ledger.arrival_count, document["id"], historical, shown))
        return None

    def _take_gap(self, sent: Sent, document: dict[str, Any]) -> str | None:
        if self.denies:
            return _DENIED
        meter_id, epoch = document["meter_id"], int(document["epoch"], 16)
        first, last = document["first_sequence"], document["last_sequence"]
        self._trace.note("gap", meter_id, f"{document['id']} {document['state']}".encode())
        count = (last - first + 1) & SEQUENCE_MASK
        name = f"{meter_id}-{epoch:08x}-{first}-{last}"
        if (document["id"], document["count"]) != (name, count):
            self._ledger.breach(meter_id, first, f"a gap was told under the id {document['id']}")
        if sent.is_retained:
            self._ledger.breach(meter_id, first, "a gap was told in a retained message")
        keys = [(meter_id, epoch, (first + step) & SEQUENCE_MASK) for step in range(count)]
        states = self._gap_states.setdefault(name, set())
        if document["state"] == "lost":
            self._ledger.told_lost.update(keys)
        elif document["state"] == "closed" and states - {"closed"} != {"open"}:
            self._ledger.told_lost.difference_update(keys)  # else parts of it may be lost
        states.add(document["state"])
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
