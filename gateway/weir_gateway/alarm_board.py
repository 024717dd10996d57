"""The retained alarms of each meter: sent when one changes, and with every new connection."""

import asyncio
import logging

from weir_gateway.documents import json_bytes
from weir_gateway.errors import StoreUnavailable
from weir_gateway.event_documents import alarm_state_document
from weir_gateway.mqtt import BrokerLost
from weir_gateway.outlet import Outlet
from weir_gateway.store import event_queries, queries
from weir_gateway.store.database import Database
from weir_gateway.topics import Topics

_METERS_MAX = 50  # read from the database in one go
_RETRY_S = 1.0
_log = logging.getLogger(__name__)


class AlarmBoard:
    """Sends at once, and only the newest: what changes while it sends is sent once after."""

    def __init__(self, store: Database, broker: Outlet, topics: Topics) -> None:
        self._store = store
        self._broker = broker
        self._topics = topics
        self._changed: set[int] = set()
        self._sent: set[int] = set()
        self._renew_all = False
        self._wanted = asyncio.Event()

    def note(self, meter_id: int) -> None:
        """Take note that alarms of this meter may have changed."""
        self._changed.add(meter_id)
        self._wanted.set()

    def note_heard(self, meter_id: int) -> None:
        """Take note that a meter called; one that is new has no retained alarms yet."""
        if meter_id not in self._sent:
            self.note(meter_id)

    def on_connected(self) -> None:
        """Renew all: the broker may have forgotten them."""
        self._sent.clear()
        self._renew_all = True
        self._wanted.set()

    async def run(self) -> None:
        """Send what changed, until cancelled."""
        while True:
            await self._broker.connected.wait()
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._send_changed()
            except (BrokerLost, StoreUnavailable) as error:
                _log.debug("retained alarms wait: %s", error)
                self._wanted.set()
                await asyncio.sleep(_RETRY_S)

    async def _send_changed(self) -> None:
        if self._renew_all:
            self._changed.update(await self._store.read(event_queries.meters_with_alarms))
            self._changed.update(await self._store.read(queries.heard_meters))
            self._renew_all = False
        while self._changed:
            page = sorted(self._changed)[:_METERS_MAX]
            self._changed.difference_update(page)
            try:
                await self._send(page)
            except (BrokerLost, StoreUnavailable):
                self._changed.update(page)
                raise

    async def _send(self, meter_ids: list[int]) -> None:
        found = await self._store.read(event_queries.alarm_states, meter_ids)
        for meter_id, state in found.items():
            payload = json_bytes(alarm_state_document(meter_id, state))
            await self._broker.publish(self._topics.alarms(meter_id), payload, retain=True)
            self._sent.add(meter_id)
