"""Publishes readings from the database until each is acknowledged.

In which order is up to ``lanes``: oldest first within a meter, live ones ahead of a deep backlog.
The backlog lives on disk: in memory are only the readings in hand, a bounded number. A reading is
marked done after its PUBACK; whatever happens before, it is published again under the same id.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from itertools import islice

from weir_gateway import lanes, messages
from weir_gateway.errors import StoreUnavailable
from weir_gateway.lanes import InHand, Message
from weir_gateway.mqtt import BrokerLost, Delivery
from weir_gateway.outlet import Outlet
from weir_gateway.store import Database, outbox
from weir_gateway.store.rows import ReadingKey
from weir_gateway.topics import Topics

UNMARKED_MAX = 2000
"""Acknowledged readings that wait to be marked, as on a full disk, before publishing pauses."""

_RETRY_S = 1.0
DENIED_PAUSE_S = 10.0
_log = logging.getLogger(__name__)


class Publisher:
    """backlog: readings not yet marked published. published: marked since the start."""

    def __init__(self, store: Database, broker: Outlet, topics: Topics) -> None:
        self._store = store
        self._broker = broker
        self._topics = topics
        self._waiting: dict[int, None] = {}  # meters, in the order of their turns
        self._live: dict[int, None] = {}  # meters that may have something new, in order
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
        self._look_again([meter_id])

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
                self._look_again([key[0]])
                self._denied = delivery.denied

    def on_connected(self) -> None:
        """Take back what the connection before has not acknowledged; it is fetched again."""
        self._connection_count += 1
        self._look_again(self._in_hand)
        kept = {meter_id: keys & self._acknowledged for meter_id, keys in self._in_hand.items()}
        self._in_hand = {meter_id: keys for meter_id, keys in kept.items() if keys}

    async def load(self) -> None:
        """Find the backlog. To be awaited before the first ``add``."""
        self.backlog = await self._store.read(outbox.unpublished_count)
        self._look_again(await self._store.read(outbox.waiting_meters))

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

    def _look_again(self, meter_ids: Iterable[int]) -> None:
        """Give these meters a turn in both lanes."""
        meter_ids = list(meter_ids)
        self._live.update(dict.fromkeys(meter_ids))
        self._wait_turns(meter_ids)

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

    async def _fetch(self) -> list[Message]:
        """Return the next readings of the meters whose turn it is, and take them in hand."""
        # Taken off the lists before reading: what is stored from now on waits anew.
        turn = _take(self._waiting, lanes.METERS_MAX)
        live = _take(self._live, lanes.LIVE_MAX) if self._is_deep() else []
        connection_count = self._connection_count
        try:
            arguments = self._snapshot(turn), self._snapshot(live)
            fetched = await self._store.read(lanes.fetch, *arguments)
        except StoreUnavailable:
            self._look_again([*turn, *live])
            raise
        if connection_count != self._connection_count:
            self._look_again([*turn, *live])  # older ones were taken back and come first
            return []
        self._wait_turns(fetched.unfinished)
        self._live = {one: None for one in self._live if one in self._waiting}
        for message in fetched.messages:
            self._in_hand.setdefault(message.key[0], set()).add(message.key)
        if not self._waiting:
            self._has_waiting.clear()
        return fetched.messages

    def _is_deep(self) -> bool:
        """Tell whether more waits, of all meters together, than one fetch takes."""
        in_hand_count = sum(map(len, self._in_hand.values()))
        return self.backlog - in_hand_count > lanes.FETCH_MAX

    def _snapshot(self, meter_ids: Iterable[int]) -> InHand:
        return {meter_id: frozenset(self._in_hand.get(meter_id, ())) for meter_id in meter_ids}

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


def _take(meters: dict[int, None], count_max: int) -> list[int]:
    """Take the first meters off a list."""
    taken = list(islice(meters, count_max))
    for meter_id in taken:
        del meters[meter_id]
    return taken
