"""Tells of settings on MQTT: every change of state once it is durable, and what is desired now.

Changes of state go out from the database, in their order, until the broker has acknowledged each;
what is desired and in force is retained.
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
from weir_gateway.settings.desk import find_config
from weir_gateway.settings.documents import news_document
from weir_gateway.store.database import Database
from weir_gateway.store.settings import behind, news
from weir_gateway.store.settings.news import News
from weir_gateway.topics import Topics
from weir_protocol.settings_schema import json_schema

BATCH_MAX = 20
"""Messages in hand at once, so that settings never crowd out readings."""

SWEEP_S = 5.0
"""How often it is looked for changes that expired."""

HISTORY_MAX = 5
"""Changes in the retained document."""

_RETRY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Tag:
    number: int


class SettingsPublisher:
    """Tells one batch after the other; nothing of it is only in memory."""

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
        self._in_hand: set[int] = set()
        self._taken: list[int] = []
        self._stale: set[int] = set()
        self._retained: dict[int, int] = {}
        self._renew_all = False
        self._denied: str | None = None

    def note(self, meter_id: int) -> None:
        """Take note that something may have changed for a meter."""
        self._stale.add(meter_id)
        self._wanted.set()

    def on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Take note of what the broker has acknowledged or denied."""
        for delivery in deliveries:
            tag = delivery.tag
            if not isinstance(tag, _Tag) or tag.number not in self._in_hand:
                continue
            self._in_hand.discard(tag.number)
            if delivery.denied is None:
                self._taken.append(tag.number)
            else:
                self._denied = delivery.denied
        if not self._in_hand:
            self._answered.set()

    def on_connected(self) -> None:
        """Renew what is retained; what the connection before has not acknowledged goes again."""
        self._in_hand.clear()
        self._answered.set()
        self._retained.clear()
        self._renew_all = True
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
                _log.debug("settings wait to be told: %s", error)
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
        """Publish what is due; return whether more may be."""
        self._wanted.clear()
        await self._mark_told()
        now_ms = self._clock.now_ms()
        if await self._store.read(behind.has_expired, now_ms):
            await self._store.commit(behind.expire, now_ms)
        batch = await self._store.read(news.waiting, BATCH_MAX)
        self._stale.update(one.change.meter_id for one in batch)
        await self._tell_news(batch)
        await self._renew()
        return bool(batch)

    async def _tell_news(self, batch: Sequence[News]) -> None:
        if not batch:
            return
        self._in_hand = {one.number for one in batch}
        self._answered.clear()
        for one in batch:
            document = news_document(one.change, one.state, one.at_ms)
            topic = self._topics.config_result(one.change.meter_id)
            await self._broker.publish(topic, json_bytes(document), tag=_Tag(one.number))
        await self._answered.wait()
        await self._mark_told()
        if self._denied is not None:
            _log.warning("%s", messages.BROKER_DENIED.format(why=self._denied))
            self._denied = None
            await asyncio.sleep(DENIED_PAUSE_S)

    async def _mark_told(self) -> None:
        """Take off what the broker has taken. Until that works nothing is told, or told again."""
        if self._taken:
            await self._store.commit(news.mark_told, self._taken)
            self._taken = []

    async def _renew(self) -> None:
        """Retain what is desired and in force where it is not as it was retained last."""
        if self._renew_all:
            self._stale.update(await self._store.read(news.known_meters))
            schema = json_bytes(json_schema())
            await self._broker.publish(self._topics.config_schema(), schema, retain=True)
            self._renew_all = False
        while self._stale:
            meter_id = min(self._stale)
            document = await self._store.read(find_config, meter_id, HISTORY_MAX)
            payload = json_bytes(document)
            self._stale.discard(meter_id)
            if self._retained.get(meter_id) != hash(payload):
                await self._broker.publish(self._topics.config(meter_id), payload, retain=True)
                self._retained[meter_id] = hash(payload)
