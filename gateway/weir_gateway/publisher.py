"""Publishes readings from the database, oldest first within a meter, until each is acknowledged.

The backlog lives on disk: in memory are only the readings in hand, a bounded number. A reading is
marked done after its PUBACK; whatever happens before, it is published again under the same id.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir_gateway import messages
from weir_gateway.documents import json_bytes, reading_document
from weir_gateway.errors import StoreUnavailable
from weir_gateway.mqtt import BrokerLost, Delivery
from weir_gateway.outlet import Outlet
from weir_gateway.store import Database, outbox
from weir_gateway.store.rows import ReadingKey
from weir_gateway.topics import Topics

FETCH_MAX = 256
"""Readings fetched at once: enough to keep the window full while the next are fetched."""

METERS_MAX = 64
"""Meters that share one fetch, so that none waits for another's backlog."""

UNMARKED_MAX = 2000
"""Acknowledged readings that wait to be marked, as on a full disk, before publishing pauses."""

_RETRY_S = 1.0
DENIED_PAUSE_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Message:
    key: ReadingKey
    payload: bytes


class Publisher:
    """backlog: readings not yet marked published. published: marked since the start."""

    def __init__(self, store: Database, broker: Outlet, topics: Topics) -> None:
        self._store = store
        self._broker = broker
        self._topics = topics
        self._waiting: dict[int, None] = {}  # meters, in the order of their turns
        self._in_hand: dict[int, set[ReadingKey]] = {}
        self._acknowledged: set[ReadingKey] = set()
        self._has_waiting = asyncio.Event()
        self._has_acknowledged = asyncio.Event()
        self._marked = asyncio.Event()
        self._denied: str | None = None
        self._connection_count = 0
        self.backlog = 0
        self.published = 0

    def add(self, meter_id: int, count: int) -> None:
        """Take note that ``count`` readings of this meter were stored."""
        self.backlog += count
        self._wait_turns([meter_id])

    def on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Take note of what the broker has acknowledged or denied."""
        for delivery in deliveries:
            key = delivery.tag
            if not isinstance(key, tuple) or key not in self._in_hand.get(key[0], ()):
                continue
            if delivery.denied is None:
                self._acknowledged.add(key)
                self._has_acknowledged.set()
            else:
                self._in_hand[key[0]].discard(key)
                self._wait_turns([key[0]])
                self._denied = delivery.denied

    def on_connected(self) -> None:
        """Take back what the connection before has not acknowledged; it is fetched again."""
        self._connection_count += 1
        self._wait_turns(self._in_hand)
        kept = {meter_id: keys & self._acknowledged for meter_id, keys in self._in_hand.items()}
        self._in_hand = {meter_id: keys for meter_id, keys in kept.items() if keys}

    async def load(self) -> None:
        """Find the backlog. To be awaited before the first ``add``."""
        self.backlog = await self._store.read(outbox.unpublished_count)
        self._wait_turns(await self._store.read(outbox.waiting_meters))

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish())
            tasks.create_task(self._keep_marking())

    async def flush(self) -> None:
        """Wait until the backlog is empty and marked, or the broker is gone."""
        while self.backlog and self._broker.connected.is_set():
            self._marked.clear()
            await self._marked.wait()

    def _wait_turns(self, meter_ids: Iterable[int]) -> None:
        self._waiting.update(dict.fromkeys(meter_ids))
        if self._waiting:
            self._has_waiting.set()

    async def _publish(self) -> None:
        while True:
            await self._broker.connected.wait()
            await self._has_waiting.wait()
            await self._pause_if_needed()
            try:
                for message in await self._fetch():
                    topic = self._topics.reading(message.key[0])
                    await self._broker.publish(topic, message.payload, tag=message.key)
            except BrokerLost:
                continue  # what is in hand is taken back with the next connection
            except StoreUnavailable as error:
                _log.warning("%s", error)
                await asyncio.sleep(_RETRY_S)

    async def _pause_if_needed(self) -> None:
        if self._denied is not None:
            _log.warning("%s", messages.BROKER_DENIED.format(why=self._denied))
            self._denied = None
            await asyncio.sleep(DENIED_PAUSE_S)
        while len(self._acknowledged) > UNMARKED_MAX:
            self._marked.clear()
            await self._marked.wait()

    async def _fetch(self) -> list[_Message]:
        """Return the next readings of the meters whose turn it is, and take them in hand."""
        turn = list(self._waiting)[:METERS_MAX]
        for meter_id in turn:
            del self._waiting[meter_id]  # before reading: what is stored from now on waits anew
        try:
            found = await self._read_oldest(turn)
        except StoreUnavailable:
            self._wait_turns(turn)
            raise
        for meter_id, fetched in found.items():
            self._in_hand.setdefault(meter_id, set()).update(one.key for one in fetched)
        if not self._waiting:
            self._has_waiting.clear()
        return [message for fetched in found.values() for message in fetched]

    async def _read_oldest(self, turn: list[int]) -> dict[int, list[_Message]]:
        """Read each meter's share; a meter that may have more waits for its next turn."""
        share = max(1, FETCH_MAX // len(turn))
        in_hand = {meter_id: frozenset(self._in_hand.get(meter_id, ())) for meter_id in turn}
        connection_count = self._connection_count
        found = await self._store.read(_oldest, in_hand, share)
        if connection_count != self._connection_count:
            self._wait_turns(turn)  # older readings were taken back meanwhile and come first
            return {}
        self._wait_turns([meter_id for meter_id in turn if len(found[meter_id]) == share])
        return found

    async def mark(self) -> None:
        """Mark what is acknowledged. Raise StoreUnavailable when the database fails."""
        keys = list(self._acknowledged)
        if keys:
            self._settle(keys, await self._store.commit(outbox.mark_published, keys))

    async def _keep_marking(self) -> None:
        while True:
            await self._has_acknowledged.wait()
            self._has_acknowledged.clear()
            try:
                await self.mark()
            except StoreUnavailable:
                await asyncio.sleep(_RETRY_S)
                self._has_acknowledged.set()

    def _settle(self, keys: list[ReadingKey], count: int) -> None:
        self.backlog -= count
        self.published += count
        self._acknowledged.difference_update(keys)
        for key in keys:
            in_hand = self._in_hand[key[0]]
            in_hand.discard(key)
            if not in_hand:
                del self._in_hand[key[0]]
        self._marked.set()


def _oldest(
    connection: sqlite3.Connection, in_hand: dict[int, frozenset[ReadingKey]], share: int
) -> dict[int, list[_Message]]:
    """Return for each meter up to ``share`` messages that are not in hand, oldest first."""
    found = {}
    for meter_id, held in in_hand.items():
        readings = outbox.oldest_unpublished(connection, meter_id, share + len(held))
        fresh = [one for one in readings if one[:3] not in held][:share]
        found[meter_id] = [_Message(one[:3], json_bytes(reading_document(one))) for one in fresh]
    return found
