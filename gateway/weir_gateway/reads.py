"""Readings at a moment, for whoever asks: made, listed, and answered when the meter is heard."""

from collections.abc import Callable, Mapping
from typing import TypedDict

from weir_gateway import messages, request_fields
from weir_gateway.clock import Clock
from weir_gateway.errors import Refusal
from weir_gateway.links.reach import Reach
from weir_gateway.read_documents import ReadDocument, read_document
from weir_gateway.registry import Registry
from weir_gateway.store import Database, plans, queries, reads
from weir_gateway.store.reads import StoredRead

LISTED_MAX = 100
EXPIRES_S_MAX = 2_678_400
EXPIRES_S_LEAST = 3600
"""A request waits at least so long if it does not say how long, else for two send intervals."""

_REQUEST_ID_MAX = 200


class ReadsDocument(TypedDict):
    reads: list[ReadDocument]


class Reads:
    """Asks meters for a reading at any moment. ``wake``: told of each meter that is asked."""

    def __init__(
        self,
        store: Database,
        registry: Registry,
        clock: Clock,
        reach: Reach,
        wake: Callable[[int], None],
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._reach = reach
        self._wake = wake

    async def answer(
        self, meter_id: int, fields: Mapping[str, object], request_id: str | None
    ) -> ReadDocument:
        """Do what a request over MQTT asks for. Raise Refusal when it is wrong."""
        known = await self._store.read(queries.meter, meter_id)
        if known is None and self._registry.get(meter_id) is None:
            raise Refusal(404, messages.NO_METER.format(meter_id=meter_id))
        request_fields.refuse_unknown(fields, "by", "expires_s")
        return await self._make(meter_id, fields, request_id, "mqtt")

    async def post(self, meter_id: int, fields: Mapping[str, object]) -> ReadDocument:
        """Make the request that the fields describe. Raise Refusal where that cannot be."""
        request_fields.refuse_unknown(fields, "by", "expires_s", "request_id")
        request_id = request_fields.text(fields, "request_id", _REQUEST_ID_MAX)
        return await self._make(meter_id, fields, request_id, "local")

    async def get(self, meter_id: int, number: str | None) -> ReadDocument | ReadsDocument:
        """Return one request, or the newest of a meter's. Raise Refusal when there is none."""
        await self._expire()
        if number is None:
            found = await self._store.read(reads.newest, meter_id, LISTED_MAX)
            return {"reads": [await self._document(one) for one in found]}
        one = None
        if number.isascii() and number.isdecimal() and len(number) <= 10:
            one = await self._store.read(reads.find, meter_id, int(number))
        if one is None:
            raise Refusal(404, messages.NO_READ.format(meter_id=meter_id, text=number))
        return await self._document(one)

    async def _expire(self) -> None:
        """Settle what is overdue, so that nobody is shown it as waiting."""
        now_ms = self._clock.now_ms()
        if await self._store.read(reads.has_expired, now_ms):
            await self._store.commit(reads.expire, now_ms)

    async def _make(
        self, meter_id: int, fields: Mapping[str, object], request_id: str | None, by: str
    ) -> ReadDocument:
        by = request_fields.text(fields, "by", request_fields.NAME_MAX) or by
        expires_s = request_fields.whole(fields, "expires_s", 1, EXPIRES_S_MAX)
        if expires_s is None:
            plan = await self._store.read(plans.send_plan, meter_id)
            expires_s = max(EXPIRES_S_LEAST, 0 if plan is None else 2 * plan.interval_s)
        now_ms = self._clock.now_ms()
        made = await self._store.commit(
            reads.make, meter_id, now_ms, now_ms + expires_s * 1000, by, request_id
        )
        if made is None:
            count = reads.WAITING_MAX
            raise Refusal(409, messages.READS_FULL.format(meter_id=meter_id, count=count))
        self._wake(meter_id)
        return await self._document(made)

    async def _document(self, read: StoredRead) -> ReadDocument:
        if read.settled_at_ms is not None:
            return read_document(read)
        return read_document(
            read,
            expected_at_ms=await self._expected_at_ms(read.meter_id),
            link_open=await self._may_listen(read.meter_id),
        )

    async def _may_listen(self, meter_id: int) -> bool:
        contact = self._reach.of(meter_id)
        if contact is None or not contact.channel.outlasts_sessions:
            return contact is not None
        return await self._store.read(plans.holds_link, meter_id)

    async def _expected_at_ms(self, meter_id: int) -> int | None:
        plan = await self._store.read(plans.send_plan, meter_id)
        return None if plan is None else plan.next_ms(meter_id, self._clock.now_ms())
