"""Where changes of settings are asked for, over MQTT or the local interface, and shown."""

import re
import sqlite3
from collections.abc import Callable, Mapping

from weir_gateway import messages, request_fields
from weir_gateway.clock import Clock
from weir_gateway.errors import Refusal
from weir_gateway.registry import Registry
from weir_gateway.settings.decide import Wanted, decide, wanted
from weir_gateway.settings.documents import (
    ChangeDocument,
    ConfigDocument,
    ResultDocument,
    change_document,
    config_document,
    result_document,
)
from weir_gateway.settings.wish import Wish, read_wish
from weir_gateway.store import Database, plans, queries
from weir_gateway.store.settings.behind import expire, has_expired
from weir_gateway.store.settings.rows import history, reported, versions
from weir_protocol.settings_schema import REQUEST_ID_LENGTH_MAX

HISTORY_MAX = 20
_NUMBER = re.compile(r"-?[0-9]{1,9}")  # below 1: of a database that was salvaged


class SettingsDesk:
    """Takes changes and shows what is desired and in force.

    on_change: hears of each meter for which a change was made.
    """

    def __init__(
        self,
        store: Database,
        registry: Registry,
        clock: Clock,
        battery_floor_years: float,
        on_change: Callable[[int], None],
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._battery_floor_years = battery_floor_years
        self._on_change = on_change

    async def answer(
        self, meter_id: int, fields: Mapping[str, object], request_id: str | None
    ) -> ResultDocument:
        """Do what a request over MQTT asks for. Raise Refusal when it is wrong."""
        known = await self._store.read(queries.meter, meter_id)
        if known is None and self._registry.get(meter_id) is None:
            raise Refusal(404, messages.NO_METER.format(meter_id=meter_id))
        return await self._make(meter_id, read_wish(fields, "mqtt", request_id, is_local=False))

    async def post(self, meter_id: int, fields: Mapping[str, object]) -> ResultDocument:
        """Make the change that the fields describe. Raise Refusal where that cannot be."""
        request_id = request_fields.text(fields, "request_id", REQUEST_ID_LENGTH_MAX)
        rest = {name: value for name, value in fields.items() if name != "request_id"}
        return await self._make(meter_id, read_wish(rest, "local", request_id, is_local=True))

    async def get(self, meter_id: int, number: str | None) -> ConfigDocument | ChangeDocument:
        """Return one change, or all that is desired and in force. Raise Refusal without one."""
        await self._expire()
        if number is None:
            return await self._store.read(find_config, meter_id, HISTORY_MAX)
        found = []
        if _NUMBER.fullmatch(number):
            found = await self._store.read(versions, meter_id, "number = ?", int(number))
        if not found:
            raise Refusal(404, messages.NO_CHANGE.format(meter_id=meter_id, text=number))
        return change_document(found[0])

    async def _make(self, meter_id: int, wish: Wish) -> ResultDocument:
        await self._expire()
        now_ms = self._clock.now_ms()
        run = self._store.read if wish.dry_run else self._store.commit
        decision = await run(decide, meter_id, wish, self._battery_floor_years, now_ms)
        if decision.is_new and not wish.dry_run:
            self._on_change(meter_id)
        plan = await self._store.read(plans.send_plan, meter_id)
        expected_at_ms = None if plan is None else plan.next_ms(meter_id, now_ms)
        return result_document(
            meter_id, decision, dry_run=wish.dry_run, expected_at_ms=expected_at_ms
        )

    async def _expire(self) -> None:
        """Give up what is overdue, so that nothing is decided on it or shown as waiting."""
        now_ms = self._clock.now_ms()
        if await self._store.read(has_expired, now_ms):
            await self._store.commit(expire, now_ms)


def find_config(connection: sqlite3.Connection, meter_id: int, history_max: int) -> ConfigDocument:
    """Return all that is desired and in force on a meter, and how it came to that."""
    desired: Wanted | None
    try:
        desired = wanted(connection, meter_id)
    except Refusal:  # a version of another gateway, whose values the meter has not told yet
        desired = None
    changes = history(connection, meter_id, history_max)
    return config_document(meter_id, desired, reported(connection, meter_id), changes)
