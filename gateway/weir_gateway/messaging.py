"""All that goes through the broker: readings, gaps, events, and requests with their answers."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from weir_gateway.alarm_board import AlarmBoard
from weir_gateway.broker import Broker
from weir_gateway.clock import Clock
from weir_gateway.config import Config
from weir_gateway.documents import json_bytes
from weir_gateway.errors import StoreUnavailable
from weir_gateway.event_publisher import EventPublisher
from weir_gateway.gap_publisher import GapPublisher
from weir_gateway.inbox import Inbox
from weir_gateway.inlet import Inlet
from weir_gateway.mqtt import Delivery, Will
from weir_gateway.publisher import Publisher
from weir_gateway.read_publisher import ReadPublisher
from weir_gateway.registry import Registry
from weir_gateway.replay import Replayer
from weir_gateway.settings.publisher import SettingsPublisher
from weir_gateway.store import Store
from weir_gateway.store.receipt import Receipt
from weir_gateway.topics import Topics

FLUSH_S_MAX = 5.0
"""How long a stopping gateway goes on publishing. What is left is on disk for the next start."""

_RETRY_S = 1.0


class Messaging:
    """connected: what to call with every new connection to the broker, in this order."""

    def __init__(self, config: Config, store: Store, registry: Registry, clock: Clock) -> None:
        self._gateway_id = config.gateway.id
        self.topics = Topics(config.mqtt.prefix, config.gateway.id)
        will = Will(self.topics.status(), self._last_words("connection lost"))
        self.broker = Broker(config.mqtt, will, self._on_connected)
        self.publisher = Publisher(store, self.broker, self.topics)
        self.replayer = Replayer(store, registry, self.publisher.add)
        self._gap_publisher = GapPublisher(store, self.broker, self.topics, clock)
        self._event_publisher = EventPublisher(store, self.broker, self.topics)
        self._read_publisher = ReadPublisher(store, self.broker, self.topics, clock)
        self._settings_publisher = SettingsPublisher(store, self.broker, self.topics, clock)
        self._alarm_board = AlarmBoard(store, self.broker, self.topics)
        self.inbox = Inbox(self.broker, self.topics.prefix)
        self.inbox.routes[self.topics.replay()] = self.replayer.answer
        self._hears_requests = config.mqtt.requests
        self.broker.on_delivered = self._on_delivered
        self.connected: list[Callable[[], None]] = [
            self.publisher.on_connected,
            self._gap_publisher.on_connected,
            self._event_publisher.on_connected,
            self._alarm_board.on_connected,
            self._read_publisher.on_connected,
            self._settings_publisher.on_connected,
        ]

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """Return what has to run for as long as the gateway does. The routes are known by then."""
        if self._hears_requests:
            self.broker.inlet = Inlet(self.inbox.topics, self.inbox.offer)
        return [
            self.broker.run(),
            self.publisher.run(),
            self._gap_publisher.run(),
            self._event_publisher.run(),
            self._alarm_board.run(),
            self._read_publisher.run(),
            self._settings_publisher.run(),
            self.inbox.run(),
        ]

    def note(self, meter_id: int, receipt: Receipt) -> None:
        """Take note of what became durable and is to be told."""
        if told_count := receipt.stored_count + receipt.again_count:
            self.publisher.add(meter_id, told_count)
        if receipt.lost_count:
            self._gap_publisher.note_lost()
        if receipt.event_count:
            self.note_events(meter_id)

    def note_reads(self) -> None:
        """Take note that a reading at a moment came."""
        self._read_publisher.note()

    def note_settings(self, meter_id: int) -> None:
        """Take note that the settings of a meter may be other ones now."""
        self._settings_publisher.note(meter_id)

    def note_events(self, meter_id: int) -> None:
        """Take note that events of a meter became durable, its own or the gateway's."""
        self._event_publisher.note()
        self.note_alarms(meter_id)

    def note_alarms(self, meter_id: int) -> None:
        """Take note that what is retained of a meter's alarms is to be renewed."""
        self._alarm_board.note(meter_id)

    def note_hello(self, meter_id: int) -> None:
        """Take note of a meter that may be new."""
        self._alarm_board.note_heard(meter_id)

    async def load_backlog(self) -> None:
        """Count what waits, as soon as the database can be read."""
        while True:
            try:
                return await self.publisher.load()
            except StoreUnavailable:
                await asyncio.sleep(_RETRY_S)

    async def flush(self, hurry: asyncio.Event) -> None:
        """Publish what waits for a bounded time, or until ``hurry`` is set."""
        flush = asyncio.create_task(self.publisher.flush())
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait(
            [flush, hurried], timeout=FLUSH_S_MAX, return_when=asyncio.FIRST_COMPLETED
        )
        flush.cancel()
        hurried.cancel()

    async def close(self) -> None:
        """Say goodbye to the broker, after everything in ``parts`` has ended."""
        await self.broker.close(self._last_words("stopped"))
        with contextlib.suppress(StoreUnavailable):  # then they are published again: no loss
            await self.publisher.mark()
            await self._event_publisher.mark()

    def _last_words(self, why: str) -> bytes:
        return json_bytes({"gateway": self._gateway_id, "status": "offline", "reason": why})

    def _on_connected(self) -> None:
        for hear in self.connected:
            hear()

    def _on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        self.publisher.on_delivered(deliveries)
        self._gap_publisher.on_delivered(deliveries)
        self._event_publisher.on_delivered(deliveries)
        self._settings_publisher.on_delivered(deliveries)
        self._read_publisher.on_delivered(deliveries)
