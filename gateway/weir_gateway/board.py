"""The retained messages: state and availability of each meter, status of the gateway.

Only the newest of each matters, so changes are noted and sent about once a second: a meter that
sends a hundred readings in a second causes one state.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import TypedDict

from weir_gateway.availability import AvailabilityWatch
from weir_gateway.clock import utc_text_ms
from weir_gateway.documents import json_bytes, state_document
from weir_gateway.errors import StoreUnavailable
from weir_gateway.mqtt import BrokerLost
from weir_gateway.outlet import Outlet
from weir_gateway.registry import Registry
from weir_gateway.status import StatusReporter
from weir_gateway.store import Database, queries
from weir_gateway.store.rows import StoredMeter
from weir_gateway.topics import Topics

_SWEEP_S = 1.0
_STATUS_EVERY_S = 30.0
_METERS_MAX = 50  # read from the database in one go
_log = logging.getLogger(__name__)


class AvailabilityDocument(TypedDict):
    """last_seen: None for a meter that was never heard."""

    meter_id: int
    availability: str
    last_seen: str | None


class Board:
    """Keeps the retained messages current while the broker is there, and renews all after."""

    def __init__(
        self,
        store: Database,
        registry: Registry,
        broker: Outlet,
        topics: Topics,
        availability: AvailabilityWatch,
        reporter: StatusReporter,
    ) -> None:
        self._store = store
        self._registry = registry
        self._broker = broker
        self._topics = topics
        self._availability = availability
        self._reporter = reporter
        self._states: set[int] = set()
        self._availabilities: set[int] = set()
        self._renew_all = False
        self._alarms: tuple[object, ...] = ()
        self._status_due_s = 0.0

    def note_state(self, meter_id: int) -> None:
        self._states.add(meter_id)

    def note_availability(self, meter_id: int) -> None:
        self._availabilities.add(meter_id)

    def on_connected(self) -> None:
        """Renew everything: the broker may have forgotten it, or the will stands there."""
        self._renew_all = True
        self._status_due_s = 0.0

    async def run(self) -> None:
        """Send what changed, about once a second, until cancelled."""
        while True:
            if self._broker.connected.is_set():
                try:
                    await self.sweep()
                except (BrokerLost, StoreUnavailable) as error:
                    _log.debug("retained messages wait: %s", error)
            await asyncio.sleep(_SWEEP_S)

    async def sweep(self) -> None:
        """Send everything that changed since it was last sent."""
        await self._send_status()
        if self._renew_all:
            heard = await self._store.read(queries.heard_meters)
            self._states.update(heard)
            self._availabilities.update(heard, self._registry)
            self._renew_all = False
        changed = sorted(self._states | self._availabilities)
        for start in range(0, len(changed), _METERS_MAX):
            await self._send_meters(changed[start : start + _METERS_MAX])

    async def _send_status(self) -> None:
        alarms = self._reporter.alarms()
        if time.monotonic() < self._status_due_s and alarms == self._alarms:
            return
        self._alarms = alarms
        self._status_due_s = time.monotonic() + _STATUS_EVERY_S
        await self._send(self._topics.status(), self._reporter.status())

    async def _send_meters(self, meter_ids: Iterable[int]) -> None:
        meters = await self._store.read(queries.meters, meter_ids)
        for meter_id in meter_ids:
            meter = meters.get(meter_id)
            if meter_id in self._availabilities:
                self._availabilities.discard(meter_id)
                document = self._availability_document(meter_id, meter)
                await self._send(self._topics.availability(meter_id), document)
            if meter_id in self._states and meter is not None:
                self._states.discard(meter_id)
                key = self._registry.get(meter_id)
                state = state_document(meter, key.pulse_weight_ml if key else None)
                await self._send(self._topics.state(meter_id), state)

    def _availability_document(
        self, meter_id: int, meter: StoredMeter | None
    ) -> AvailabilityDocument:
        return {
            "meter_id": meter_id,
            "availability": self._availability.of(meter_id).value,
            "last_seen": None if meter is None else utc_text_ms(meter.last_seen_ms),
        }

    async def _send(self, topic: str, document: Mapping[str, object]) -> None:
        await self._broker.publish(topic, json_bytes(document), retain=True)
