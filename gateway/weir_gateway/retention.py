"""Keeps the database from growing for ever, where the operator wants that: off by default."""

import asyncio
import logging
from collections.abc import Callable

from weir_gateway import messages
from weir_gateway.clock import Clock
from weir_gateway.errors import StoreUnavailable
from weir_gateway.store import Database, event_retention
from weir_gateway.store import retention as forgetting
from weir_gateway.store.rows import ReadingKey

PAGE_MAX = 500
"""Readings that one transaction deletes, so that meters wait for no more than that."""

_SWEEP_EVERY_S = 3600.0
_QUIET_S = 0.05
_POLLS_MAX = 200
_DAY_MS = 86_400_000
_FORGET_BY_TIME = (
    forgetting.forget_closed_gaps,
    event_retention.forget_alarms,
    event_retention.forget_events,
)
_log = logging.getLogger(__name__)


class Retention:
    """Forgets readings and events that were received more than ``days`` ago and are published."""

    def __init__(
        self, store: Database, clock: Clock, days: int, activity: Callable[[], object]
    ) -> None:
        """activity: changes whenever the gateway has something better to do."""
        self._store = store
        self._clock = clock
        self._kept_ms = days * _DAY_MS
        self._activity = activity

    async def run(self) -> None:
        """Sweep every hour until cancelled."""
        while True:
            try:
                await self.sweep()
            except StoreUnavailable as error:
                _log.debug("old readings are kept for now: %s", error)
            await asyncio.sleep(_SWEEP_EVERY_S)

    async def sweep(self) -> int:
        """Look through all readings once; return how many were forgotten."""
        before_ms = self._clock.now_ms() - self._kept_ms
        count = 0
        after: ReadingKey | None = forgetting.START
        while after is not None:
            await self._quiet()
            page = await self._store.read(forgetting.page, before_ms, after, PAGE_MAX)
            if page.keys:
                count += await self._store.commit(forgetting.forget, page.keys)
            after = page.last
        for forget in _FORGET_BY_TIME:
            while await self._store.commit(forget, before_ms, PAGE_MAX):
                await self._quiet()
        if count:
            _log.info("%s", messages.FORGOTTEN.format(count=count))
        return count

    async def _quiet(self) -> None:
        """Wait for a moment in which nothing happens; on a busy gateway not for ever."""
        for _ in range(_POLLS_MAX):
            before = self._activity()
            await asyncio.sleep(_QUIET_S)
            if self._activity() == before:
                return
