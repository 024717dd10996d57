"""Publishes what becomes of gaps, from the database, until the broker has acknowledged each.

Whatever happens before that, it is published again with the same id and state.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from weir_gateway import messages
from weir_gateway.clock import Clock
from weir_gateway.documents import gap_document, json_bytes
from weir_gateway.errors import StoreUnavailable
from weir_gateway.mqtt import BrokerLost, Delivery
from weir_gateway.outlet import Outlet
from weir_gateway.publisher import DENIED_PAUSE_S
from weir_gateway.store import gap_news
from weir_gateway.store.database import Database
from weir_gateway.store.gap_news import News
from weir_gateway.topics import Topics

BATCH_MAX = 20
"""Messages in hand at once, so that gaps never crowd out readings."""

SWEEP_S = 10.0
"""How often it is looked for holes that stayed open, or were closed."""

_RETRY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Tag:
    news: News


class GapPublisher:
    """Tells of gaps one batch after the other; nothing of it is only in memory."""

    def __init__(
        self,
        store: Database,
        broker: Outlet,
        topics: Topics,
        clock: Clock,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._sweep_s = sweep_s
        self._store = store
        self._broker = broker
        self._topics = topics
        self._clock = clock
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()
        self._in_hand: set[News] = set()
        self._taken: list[News] = []
        self._denied: str | None = None

    def note_lost(self) -> None:
        """Take note that something was named lost: it is told without waiting for the sweep."""
        self._wanted.set()

    def on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Take note of what the broker has acknowledged or denied."""
        for delivery in deliveries:
            tag = delivery.tag
            if not isinstance(tag, _Tag) or tag.news not in self._in_hand:
                continue
            self._in_hand.discard(tag.news)
            if delivery.denied is None:
                self._taken.append(tag.news)
            else:
                self._denied = delivery.denied
        if not self._in_hand:
            self._answered.set()

    def on_connected(self) -> None:
        """Wait no more for what the connection before has not acknowledged: it is told again."""
        self._in_hand.clear()
        self._answered.set()

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
                _log.warning("%s", error)
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
        now_ms = self._clock.now_ms()
        if await self._store.read(gap_news.has_changes, now_ms):
            await self._store.commit(gap_news.note_changes, now_ms)
        batch = await self._store.read(gap_news.waiting, BATCH_MAX)
        if not batch:
            return False
        self._in_hand = set(batch)
        self._answered.clear()
        for one in batch:
            payload = json_bytes(gap_document(one.gap))
            await self._broker.publish(self._topics.gap(one.gap.meter_id), payload, tag=_Tag(one))
        await self._answered.wait()
        await self._mark_told()
        await self._pause_if_denied()
        return True

    async def _mark_told(self) -> None:
        """Mark what the broker has taken. Until that works nothing is told, or told again."""
        if self._taken:
            await self._store.commit(gap_news.mark_told, self._taken)
            self._taken = []

    async def _pause_if_denied(self) -> None:
        if self._denied is not None:
            _log.warning("%s", messages.BROKER_DENIED.format(why=self._denied))
            self._denied = None
            await asyncio.sleep(DENIED_PAUSE_S)
