"""Back-fill requests over the local interface: made, listed, and followed until they finish."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

from weir_gateway import messages
from weir_gateway.clock import Clock, utc_text, utc_text_ms
from weir_gateway.errors import Refusal
from weir_gateway.store import request_queries, requests
from weir_gateway.store.database import Database
from weir_gateway.store.request_queries import Ring
from weir_gateway.store.rows import StoredRequest
from weir_gateway.store.sequences import Range, reading_id, unwrap, wrap

LISTED_MAX = 100
_UINT32_MAX = 0xFFFF_FFFF

BackfillDocument = TypedDict(
    "BackfillDocument",
    {
        "meter_id": int,
        "number": int,
        "state": str,
        "epoch": str,
        "first_sequence": int,
        "last_sequence": int,
        "from": str | None,
        "to": str | None,
        "made_at": str,
        "finished_at": str | None,
        "asked": int,
        "returned": int,
        "lost": int,
        "remaining": int,
        "conflicts": int,
        "conflicting": list[str],
    },
)
"""A request and its progress. asked = returned + lost + remaining, all in readings."""


class BackfillsDocument(TypedDict):
    backfills: list[BackfillDocument]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the body of a request says: times, or sequences as on the wire, or nothing."""

    from_s: int | None
    to_s: int | None
    first: int | None
    last: int | None


class Backfills:
    """Asks for readings again, and tells what became of it. The meter is known to exist."""

    def __init__(self, store: Database, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def make(self, meter_id: int, body: bytes) -> BackfillDocument:
        """Make the request that ``body`` describes. Raise Refusal where that cannot be."""
        wish = _read_wish(body)
        ring = await self._store.read(request_queries.ring, meter_id)
        if ring is None:
            raise Refusal(409, messages.NEVER_HEARD.format(meter_id=meter_id))
        if ring.oldest > ring.newest:
            raise Refusal(409, messages.RING_EMPTY.format(meter_id=meter_id))
        span = await self._span(meter_id, ring, wish)
        number = await self._store.commit(
            requests.make,
            (meter_id, ring.epoch),
            span,
            (wish.from_s, wish.to_s),
            self._clock.now_ms(),
        )
        if number is None:
            count = requests.STANDING_MAX
            raise Refusal(409, messages.BACKFILLS_FULL.format(meter_id=meter_id, count=count))
        return await self.one(meter_id, str(number))

    async def list(self, meter_id: int) -> BackfillsDocument:
        found = await self._store.read(request_queries.find_requests, meter_id, LISTED_MAX)
        return {"backfills": [_document(one) for one in found]}

    async def one(self, meter_id: int, text: str) -> BackfillDocument:
        found = None
        if text.isascii() and text.isdecimal() and len(text) <= 10:
            found = await self._store.read(request_queries.find_request, meter_id, int(text))
        if found is None:
            raise Refusal(404, messages.NO_BACKFILL.format(meter_id=meter_id, text=text))
        return _document(found)

    async def _span(self, meter_id: int, ring: Ring, wish: _Wish) -> Range:
        if wish.first is None and wish.last is None:
            span = await self._store.read(
                request_queries.span_of_times, meter_id, ring, wish.from_s, wish.to_s
            )
            if span is None:
                raise Refusal(409, messages.NOTHING_THEN.format(meter_id=meter_id))
            return span
        first = ring.oldest if wish.first is None else unwrap(wish.first, ring.newest)
        last = ring.newest if wish.last is None else unwrap(wish.last, ring.newest)
        is_backwards = first > last
        if is_backwards and wish.first is not None and wish.last is not None:
            text = messages.FIRST_AFTER_LAST.format(first=wrap(first), last=wrap(last))
            raise Refusal(400, text)
        if is_backwards or first < ring.oldest or last > ring.newest:
            bounds = {"oldest": wrap(ring.oldest), "newest": wrap(ring.newest)}
            raise Refusal(409, messages.OUTSIDE_RING.format(meter_id=meter_id, **bounds))
        return first, last


def _document(request: StoredRequest) -> BackfillDocument:
    finished_at_ms = request.finished_at_ms
    return {
        "meter_id": request.meter_id,
        "number": request.number,
        "state": "standing" if finished_at_ms is None else "finished",
        "epoch": f"{request.epoch:08x}",
        "first_sequence": wrap(request.first_sequence),
        "last_sequence": wrap(request.last_sequence),
        "from": None if request.from_s is None else utc_text(request.from_s),
        "to": None if request.to_s is None else utc_text(request.to_s),
        "made_at": utc_text_ms(request.made_at_ms),
        "finished_at": None if finished_at_ms is None else utc_text_ms(finished_at_ms),
        "asked": request.last_sequence - request.first_sequence + 1,
        "returned": request.returned_count,
        "lost": request.lost_count,
        "remaining": request.remaining_count,
        "conflicts": request.conflict_count,
        "conflicting": [
            reading_id(request.meter_id, request.epoch, one) for one in request.conflicts
        ],
    }


def _read_wish(body: bytes) -> _Wish:
    fields = _json_object(body)
    for name in fields:
        if name not in ("from", "to", "first_sequence", "last_sequence"):
            raise Refusal(400, messages.WRONG_FIELD.format(name=name))
    wish = _Wish(
        _time_s(fields.get("from")),
        _time_s(fields.get("to")),
        _sequence(fields.get("first_sequence")),
        _sequence(fields.get("last_sequence")),
    )
    if (wish.from_s, wish.to_s) != (None, None) and (wish.first, wish.last) != (None, None):
        raise Refusal(400, messages.TIMES_OR_SEQUENCES)
    if wish.from_s is not None and wish.to_s is not None and wish.from_s > wish.to_s:
        raise Refusal(400, messages.FROM_AFTER_TO.format(start=fields["from"], end=fields["to"]))
    return wish


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refusal(400, messages.WRONG_BODY)
    return document


def _time_s(text: Any) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError):
        raise Refusal(400, messages.WRONG_TIME.format(value=text)) from None


def _sequence(number: Any) -> int | None:
    if number is None or (type(number) is int and 0 <= number <= _UINT32_MAX):
        return number
    raise Refusal(400, messages.WRONG_SEQUENCE.format(value=number))
