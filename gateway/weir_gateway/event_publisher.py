"""Publishes events from the database, in order, until the broker has acknowledged each.

An event is on its way as soon as it is durable: nothing here waits for a sweep, and what was
published before need not be acknowledged first. Whatever happens before the acknowledgement, it
is published again under the same id.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weir_gateway import messages
from weir_gateway.documents import json_bytes
from weir_gateway.errors import StoreUnavailable
from weir_gateway.event_documents import event_document
from weir_gateway.mqtt import BrokerLost, Delivery
from weir_gateway.outlet import Outlet
from weir_gateway.publisher import DENIED_PAUSE_S
from weir_gateway.store import event_news
from weir_gateway.store.database import Database
from weir_gateway.store.event_news import EventMark
from weir_gateway.store.event_queries import StoredEvent
from weir_gateway.topics import Topics

BATCH_MAX = 50
"""Events read from the database at once."""

_RETRY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Tag:
    mark: EventMark


class EventPublisher:
    """Nothing of an event is only in memory."""

    def __init__(self, store: Database, broker: Outlet, topics: Topics) -> None:
        self._store = store
        self._broker = broker
        self._topics = topics
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._in_hand: set[EventMark] = set()
        self._acknowledged: set[EventMark] = set()
        self._has_acknowledged = asyncio.Event()
        self._connection_count = 0
        self._denied: str | None = None

    def note(self) -> None:
        """Take note that events were stored."""
        self._wanted.set()

    def on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Take note of what the broker has acknowledged or denied."""
        for delivery in deliveries:
            tag = delivery.tag
            if not isinstance(tag, _Tag) or tag.mark not in self._in_hand:
                continue
            if delivery.denied is None:
                self._acknowledged.add(tag.mark)
                self._has_acknowledged.set()
            else:
                self._in_hand.discard(tag.mark)
                self._denied = delivery.denied
                self._wanted.set()

    def on_connected(self) -> None:
        """Take back what the connection before has not acknowledged: it is published again."""
        self._connection_count += 1
        self._in_hand &= self._acknowledged
        self._wanted.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish())
            tasks.create_task(self._keep_marking())

    async def mark(self) -> None:
        """Mark what is acknowledged. Raise StoreUnavailable when the database fails."""
        taken = set(self._acknowledged)
        if taken:
            await self._store.commit(event_news.mark_told, taken)
            self._in_hand -= taken
            self._acknowledged -= taken

    async def _publish(self) -> None:
        while True:
            await self._broker.connected.wait()
            await self._wanted.wait()
            self._wanted.clear()
            await self._pause_if_denied()
            try:
                while await self._publish_some():
                    pass
            except BrokerLost:
                continue  # what is in hand is taken back with the next connection
            except StoreUnavailable as error:
                await self._pause(error, self._wanted.set)

    async def _publish_some(self) -> bool:
        """Publish the next events that are not on their way; return whether there were any."""
        connection_count = self._connection_count
        in_hand = frozenset(self._in_hand)  # what is marked meanwhile was read as waiting
        found = await self._store.read(event_news.waiting, BATCH_MAX + len(in_hand))
        fresh = [one for one in found if _mark_of(one) not in in_hand]
        for event in fresh:
            if connection_count != self._connection_count:
                break  # older ones were taken back and come first
            mark = _mark_of(event)
            self._in_hand.add(mark)
            payload = json_bytes(event_document(event))
            topic = self._topics.event(event.meter_id)
            await self._broker.publish(topic, payload, tag=_Tag(mark))
        return bool(fresh)

    async def _keep_marking(self) -> None:
        while True:
            await self._has_acknowledged.wait()
            self._has_acknowledged.clear()
            try:
                await self.mark()
            except StoreUnavailable as error:
                await self._pause(error, self._has_acknowledged.set)

    async def _pause(self, error: StoreUnavailable, again: Callable[[], None]) -> None:
        _log.debug("events wait: %s", error)
        await asyncio.sleep(_RETRY_S)
        again()

    async def _pause_if_denied(self) -> None:
        if self._denied is not None:
            _log.warning("%s", messages.BROKER_DENIED.format(why=self._denied))
            self._denied = None
            await asyncio.sleep(DENIED_PAUSE_S)


def _mark_of(event: StoredEvent) -> EventMark:
    return EventMark(*event[:4])
