"""Publishes readings again that a broker or a consumer has lost, whoever asks for it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypedDict

from weir_gateway import messages
from weir_gateway.errors import Refusal
from weir_gateway.registry import Registry
from weir_gateway.store import Database, queries
from weir_gateway.store import replay as replaying
from weir_gateway.store.replay import Span
from weir_gateway.store.rows import ReadingKey

PAGE_MAX = 1000
"""Readings that one transaction changes, so that meters wait for no more than that."""

_METER_ID_MAX = 0xFFFF_FFFF
_log = logging.getLogger(__name__)


class ReplayDocument(TypedDict):
    """readings: how many go out, those that were still waiting for the first time included."""

    meter_id: int
    readings: int


class Replayer:
    """Puts readings back into the backlog. They go out from there like all others."""

    def __init__(
        self,
        store: Database,
        registry: Registry,
        on_unpublished: Callable[[int, int], None],
    ) -> None:
        """on_unpublished: hears of each meter_id and how many of its readings wait again."""
        self._store = store
        self._registry = registry
        self._on_unpublished = on_unpublished
        self._one_at_a_time = asyncio.Lock()

    async def answer(self, fields: Mapping[str, object]) -> ReplayDocument:
        """Do what a request asks for. Raise Refusal when it is wrong."""
        meter_id = _meter_id(fields)
        span = read_span({name: value for name, value in fields.items() if name != "meter_id"})
        known = await self._store.read(queries.meter, meter_id)
        if known is None and self._registry.get(meter_id) is None:
            raise Refusal(404, messages.NO_METER.format(meter_id=meter_id))
        return await self.replay(meter_id, span)

    async def replay(self, meter_id: int, span: Span) -> ReplayDocument:
        """Return once all of it is durably back in the backlog.

        Raise StoreUnavailable when the database fails meanwhile: what it took goes out all the
        same, and asking again is harmless.
        """
        count = 0
        after: ReadingKey | None = replaying.START
        async with self._one_at_a_time:
            while after is not None:
                page = await self._store.read(replaying.page, meter_id, span, after, PAGE_MAX)
                if page.keys:
                    unpublished = await self._store.commit(replaying.unpublish, page.keys)
                    self._on_unpublished(meter_id, unpublished)
                count += len(page.keys)
                after = page.last
        _log.info("%s", messages.REPLAYED.format(count=count, meter_id=meter_id))
        return {"meter_id": meter_id, "readings": count}


def read_span(fields: Mapping[str, object]) -> Span:
    """Return the range that ``from`` and ``to`` say. Raise Refusal with one sentence."""
    for name in fields:
        if name not in ("from", "to"):
            raise Refusal(400, messages.UNKNOWN_FIELD.format(name=name[:40]))
    span = Span(_time_s(fields, "from"), _time_s(fields, "to"))
    if span.from_s is not None and span.to_s is not None and span.from_s > span.to_s:
        raise Refusal(400, messages.SPAN_BACKWARDS)
    return span


def _meter_id(fields: Mapping[str, object]) -> int:
    meter_id = fields.get("meter_id")
    if type(meter_id) is not int or not 0 <= meter_id <= _METER_ID_MAX:
        raise Refusal(400, messages.WRONG_METER_ID)
    return meter_id


def _time_s(fields: Mapping[str, object], name: str) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None:
        raise Refusal(400, messages.WRONG_SPAN_TIME.format(name=name))
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp())
