"""Publishes readings at a moment, from the database, until the broker has acknowledged each.

What was asked for gets its result, whoever asked; the newest measurement of a meter is retained.
Whatever happens before the acknowledgement, it is published again under the same id.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from weir_gateway import messages
from weir_gateway.clock import Clock
from weir_gateway.documents import json_bytes
from weir_gateway.errors import StoreUnavailable
from weir_gateway.mqtt import BrokerLost, Delivery
from weir_gateway.outlet import Outlet
from weir_gateway.publisher import DENIED_PAUSE_S
from weir_gateway.read_documents import now_document, read_document
from weir_gateway.store import reads
from weir_gateway.store.database import Database
from weir_gateway.store.reads import StoredRead
from weir_gateway.topics import Topics

BATCH_MAX = 20
"""Readings in hand at once, so that they never crowd out others."""

SWEEP_S = 5.0
"""How often it is looked for requests whose time ran out."""

_RETRY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Tag:
    """One of the messages about a read."""

    meter_id: int
    number: int
    topic: str


class ReadPublisher:
    """Tells of reads one batch after the other; nothing of it is only in memory."""

    def __init__(
        self,
        store: Database,
        broker: Outlet,
        topics: Topics,
        clock: Clock,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._store = store
        self._broker = broker
        self._topics = topics
        self._clock = clock
        self._sweep_s = sweep_s
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()
        self._in_hand: set[_Tag] = set()
        self._left: set[tuple[int, int]] = set()
        self._told: set[tuple[int, int]] = set()
        self._denied: str | None = None
        self._renew_after: int | None = None

    def note(self) -> None:
        """Take note that a read was settled."""
        self._wanted.set()

    def on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Take note of what the broker has acknowledged or denied."""
        for delivery in deliveries:
            tag = delivery.tag
            if not isinstance(tag, _Tag) or tag not in self._in_hand:
                continue
            self._in_hand.discard(tag)
            if delivery.denied is not None:
                self._left.add((tag.meter_id, tag.number))
                self._denied = delivery.denied
        if not self._in_hand:
            self._answered.set()

    def on_connected(self) -> None:
        """Renew what is retained; what the connection before has not acknowledged goes again."""
        self._left.update((tag.meter_id, tag.number) for tag in self._in_hand)
        self._in_hand.clear()
        self._answered.set()
        self._renew_after = -1
        self._wanted.set()

    async def run(self) -> None:
        """Tell what waits, then look again now and then, until cancelled."""
        while True:
            await self._broker.connected.wait()
            try:
                if await self._tell():
                    continue
            except BrokerLost:
                continue  # what is in hand is told again with the next connection
            except StoreUnavailable as error:
                _log.debug("readings at a moment wait: %s", error)
                await asyncio.sleep(_RETRY_S)
                continue
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._sweep_s):
                await self._wanted.wait()
        except TimeoutError:
            return

    async def _tell(self) -> bool:
        """Publish one batch and wait for its end; return whether there was one."""
        self._wanted.clear()
        await self._mark_told()
        await self._renew()
        now_ms = self._clock.now_ms()
        if await self._store.read(reads.has_expired, now_ms):
            await self._store.commit(reads.expire, now_ms)
        batch = await self._store.read(reads.untold, BATCH_MAX)
        if not batch:
            return False
        self._left = set()
        self._answered.clear()
        outgoing = [one for read in batch for one in self._messages(read)]
        self._in_hand = {tag for tag, _ in outgoing}
        for tag, payload in outgoing:
            retain = tag.topic == self._topics.now(tag.meter_id)
            await self._broker.publish(tag.topic, payload, retain=retain, tag=tag)
        await self._answered.wait()
        self._told = {(read.meter_id, read.number) for read in batch} - self._left
        await self._mark_told()
        await self._pause_if_denied()
        return True

    async def _mark_told(self) -> None:
        """Mark what the broker has taken. Until that works nothing is told, or told again."""
        if self._told:
            await self._store.commit(reads.mark_told, self._told)
            self._told = set()

    def _messages(self, read: StoredRead) -> list[tuple[_Tag, bytes]]:
        found: list[tuple[str, object]] = []
        if read.cause == "asked":
            found.append((self._topics.read_result(read.meter_id), read_document(read)))
        if read.status is not None:
            found.append((self._topics.now(read.meter_id), now_document(read)))
        return [
            (_Tag(read.meter_id, read.number, topic), json_bytes(document))
            for topic, document in found
        ]

    async def _renew(self) -> None:
        """Publish the newest measurement of every meter again: the broker may have lost them."""
        while self._renew_after is not None:
            found = await self._store.read(reads.newest_answered, self._renew_after, BATCH_MAX)
            for read in found:
                topic = self._topics.now(read.meter_id)
                await self._broker.publish(topic, json_bytes(now_document(read)), retain=True)
            self._renew_after = found[-1].meter_id if found else None

    async def _pause_if_denied(self) -> None:
        if self._denied is not None:
            _log.warning("%s", messages.BROKER_DENIED.format(why=self._denied))
            self._denied = None
            await asyncio.sleep(DENIED_PAUSE_S)
