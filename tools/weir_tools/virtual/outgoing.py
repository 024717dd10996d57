"""All that the gateway tells through the broker, as weir_gateway.messaging has it together."""

from collections.abc import Coroutine
from typing import Any

from weir_gateway.alarm_board import AlarmBoard
from weir_gateway.clock import Clock
from weir_gateway.custody import Taken
from weir_gateway.event_publisher import EventPublisher
from weir_gateway.gap_publisher import GapPublisher
from weir_gateway.mqtt import Delivery
from weir_gateway.outlet import Outlet
from weir_gateway.publisher import Publisher
from weir_gateway.read_publisher import ReadPublisher
from weir_gateway.settings.publisher import SettingsPublisher
from weir_gateway.store import Database
from weir_gateway.topics import Topics
from weir_protocol.frames import FrameType

TOPICS = Topics("weir", "virtual")
_SWEEP_S = 600.0  # the usual would be most of what happens in a world


class Outgoing:
    """publisher: of readings; it is run by itself."""

    def __init__(self, store: Database, outlet: Outlet, clock: Clock) -> None:
        self.publisher = Publisher(store, outlet, TOPICS)
        self._gaps = GapPublisher(store, outlet, TOPICS, clock, _SWEEP_S)
        self._events = EventPublisher(store, outlet, TOPICS)
        self._alarms = AlarmBoard(store, outlet, TOPICS)
        self._reads = ReadPublisher(store, outlet, TOPICS, clock, _SWEEP_S)
        self._settings = SettingsPublisher(store, outlet, TOPICS, clock, _SWEEP_S)

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs beside the publisher for as long as the gateway does."""
        return [
            self._gaps.run(),
            self._events.run(),
            self._alarms.run(),
            self._reads.run(),
            self._settings.run(),
        ]

    def on_connected(self) -> None:
        for part in (self.publisher, self._gaps, self._events, self._alarms):
            part.on_connected()
        self._reads.on_connected()
        self._settings.on_connected()

    def on_delivered(self, deliveries: list[Delivery]) -> None:
        for part in (self.publisher, self._gaps, self._events, self._reads, self._settings):
            part.on_delivered(deliveries)

    def note(self, taken: Taken) -> None:
        """Take note of what became durable and is to be told."""
        uplink, receipt = taken.uplink, taken.receipt
        if told_count := receipt.stored_count + receipt.again_count:
            self.publisher.add(uplink.meter_id, told_count)
        if receipt.lost_count:
            self._gaps.note_lost()
        if receipt.event_count:
            self._events.note()
            self._alarms.note(uplink.meter_id)
        if uplink.frame_type is FrameType.STATUS:
            self._reads.note()
        if uplink.frame_type is not FrameType.READINGS or receipt.errands:
            self._settings.note(uplink.meter_id)

    def note_change(self, meter_id: int) -> None:
        """Take note that a change of settings was made for a meter."""
        self._settings.note(meter_id)
