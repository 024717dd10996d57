"""The routes of the local interface. Described for users in docs/api.md."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypedDict
from urllib.parse import parse_qsl, unquote, urlsplit

from weir_gateway import messages
from weir_gateway.availability import AvailabilityWatch
from weir_gateway.backfills import BackfillDocument, Backfills
from weir_gateway.clock import utc_text_ms
from weir_gateway.documents import (
    GapDocument,
    ReadingDocument,
    StateDocument,
    gap_document,
    reading_document,
    state_document,
)
from weir_gateway.errors import Refusal
from weir_gateway.http_connection import Answer, Request, refusal
from weir_gateway.inbox import read_object
from weir_gateway.registry import Registry
from weir_gateway.replay import ReplayDocument, Replayer, read_span
from weir_gateway.status import StatusReporter
from weir_gateway.store import Database, outbox, queries
from weir_gateway.store.rows import ReadingKey, StoredMeter, StoredReading
from weir_gateway.store.sequences import wrap

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
GAPS_MAX = 100
_UINT32_MAX = 0xFFFF_FFFF
_READING_ID = re.compile(r"(\d{1,10})-([0-9a-f]{8})-(\d{1,10})", re.ASCII)


class MeterDocument(TypedDict):
    """A meter in the list. All but the first three are None for one that was never heard."""

    meter_id: int
    registered: bool
    availability: str
    first_seen: str | None
    last_seen: str | None
    epoch: str | None
    stored_count: int
    state: StateDocument | None


class MeterDetailDocument(MeterDocument):
    """resume_at: next sequence wanted in order. hello: fields of the newest HELLO."""

    resume_at: int | None
    gaps: list[GapDocument]
    hello: dict[str, int] | None


class MetersDocument(TypedDict):
    meters: list[MeterDocument]


class GapsDocument(TypedDict):
    gaps: list[GapDocument]


class ReadingsPageDocument(TypedDict):
    """next: what to give as ``after`` for the page that follows, None at the end."""

    readings: list[ReadingDocument]
    next: str | None


Branch = Callable[[str, list[str], dict[str, str], Mapping[str, object]], Awaitable[object]]
"""Answers a method, what stands behind ``/v1`` in the path, the options, and the body's fields."""


class MeterPart(Protocol):
    """What can be asked of one meter that is known, and made for it, under a name of its own."""

    async def get(self, meter_id: int, number: str | None) -> object:
        """Return the document of one, or of all. Raise Refusal when there is none."""

    async def post(self, meter_id: int, fields: Mapping[str, object]) -> object:
        """Make one; return its document. Raise Refusal where that cannot be."""


class Api:
    """Answers requests from the database and from the running parts.

    parts: what each meter has besides its readings, by its name in the path.
    branches: who answers what lies outside of one meter, by the first name behind ``/v1``.
    """

    def __init__(
        self,
        store: Database,
        registry: Registry,
        availability: AvailabilityWatch,
        reporter: StatusReporter,
        backfills: Backfills,
        replayer: Replayer,
        parts: Mapping[str, MeterPart],
    ) -> None:
        self._store = store
        self._registry = registry
        self._availability = availability
        self._reporter = reporter
        self._backfills = backfills
        self._replayer = replayer
        self._parts = parts
        self.branches: dict[str, Branch] = {}

    async def respond(self, request: Request) -> Answer:
        try:
            path, options = _split(request.target)
            if path[0] == "v1" and "".join(path[1:2]) in self.branches:
                fields = read_object(request.body or b"{}")
                document = await self.branches[path[1]](request.method, path[1:], options, fields)
                return Answer(201 if request.method == "POST" else 200, document)
            if request.method == "POST":
                return Answer(201, await self._make(request))
            return Answer(200, await self._document(request))
        except Refusal as refused:
            return refusal(refused.status, str(refused))

    async def _make(self, request: Request) -> object:
        path, options = _split(request.target)
        match path:
            case ["v1", "meters", meter_id, "backfills"]:
                _refuse_options(options)
                return await self._make_backfill(_meter_id(meter_id), request.body)
            case ["v1", "meters", meter_id, "replays"]:
                _refuse_options(options)
                return await self._replay(_meter_id(meter_id), request.body)
            case ["v1", "meters", meter_id, name] if name in self._parts:
                _refuse_options(options)
                return await self._post(_meter_id(meter_id), self._parts[name], request.body)
        raise Refusal(405, messages.ONLY_GET.format(method=request.method))

    async def _document(self, request: Request) -> object:
        if request.method != "GET":
            raise Refusal(405, messages.ONLY_GET.format(method=request.method))
        path, options = _split(request.target)
        match path:
            case ["v1", "gateway"]:
                _refuse_options(options)
                return self._reporter.gateway()
            case ["v1", "meters"]:
                _refuse_options(options)
                return await self._meters()
            case ["v1", "meters", meter_id, *part]:
                return await self._of_meter(_meter_id(meter_id), part, options)
        raise _no_route(path)

    async def _of_meter(self, meter_id: int, part: list[str], options: dict[str, str]) -> object:
        match part:
            case []:
                _refuse_options(options)
                return await self._meter(meter_id)
            case ["readings"]:
                _refuse_options(options, "limit", "after")
                return await self._readings(meter_id, options)
            case ["gaps"]:
                _refuse_options(options, "limit")
                return await self._gaps(meter_id, options)
            case ["backfills"]:
                _refuse_options(options)
                await self._known(meter_id)
                return await self._backfills.list(meter_id)
            case ["backfills", number]:
                _refuse_options(options)
                await self._known(meter_id)
                return await self._backfills.one(meter_id, number)
            case [name, *rest] if name in self._parts and len(rest) <= 1:
                _refuse_options(options)
                await self._known(meter_id)
                return await self._parts[name].get(meter_id, rest[0] if rest else None)
        raise _no_route(["v1", "meters", str(meter_id), *part])

    async def _post(self, meter_id: int, part: MeterPart, body: bytes) -> object:
        await self._known(meter_id)
        return await part.post(meter_id, read_object(body or b"{}"))

    async def _make_backfill(self, meter_id: int, body: bytes) -> BackfillDocument:
        await self._known(meter_id)
        return await self._backfills.make(meter_id, body)

    async def _gaps(self, meter_id: int, options: dict[str, str]) -> GapsDocument:
        await self._known(meter_id)
        limit = _limit(options.get("limit", str(LIMIT_DEFAULT)))
        gaps = await self._store.read(queries.gaps, meter_id, limit)
        return {"gaps": [gap_document(gap) for gap in gaps]}

    async def _meters(self) -> MetersDocument:
        heard = await self._store.read(queries.heard_meters)
        meter_ids = sorted({*heard, *self._registry})
        meters = await self._store.read(queries.meters, meter_ids)
        return {"meters": [self._summary(one, meters.get(one)) for one in meter_ids]}

    async def _meter(self, meter_id: int) -> MeterDetailDocument:
        meter = await self._known(meter_id)
        gaps = await self._store.read(queries.gaps, meter_id, GAPS_MAX)
        return {
            **self._summary(meter_id, meter),
            "resume_at": None if meter is None else wrap(meter.resume_at),
            "gaps": [gap_document(gap) for gap in gaps],
            "hello": None if meter is None else meter.hello,
        }

    async def _readings(self, meter_id: int, options: dict[str, str]) -> ReadingsPageDocument:
        await self._known(meter_id)
        limit = _limit(options.get("limit", str(LIMIT_DEFAULT)))
        after = options.get("after")
        if after is None:
            found = await self._store.read(queries.newest_readings, meter_id, limit)
            return {"readings": await self._reading_documents(meter_id, found), "next": None}
        key = None if after == "0" else await self._reading_key(meter_id, after)
        found = await self._store.read(queries.readings_after, meter_id, key, limit)
        readings = await self._reading_documents(meter_id, found)
        return {"readings": readings, "next": readings[-1]["id"] if len(found) == limit else None}

    async def _replay(self, meter_id: int, body: bytes) -> ReplayDocument:
        await self._known(meter_id)
        return await self._replayer.replay(meter_id, read_span(read_object(body or b"{}")))

    async def _reading_documents(
        self, meter_id: int, readings: Iterable[StoredReading]
    ) -> list[ReadingDocument]:
        """Ask for the newest after the readings, so that it is none of theirs that is older."""
        newest_key = await self._store.read(outbox.newest_key, meter_id)
        return [reading_document(one, historical=one[:3] != newest_key) for one in readings]

    async def _known(self, meter_id: int) -> StoredMeter | None:
        """Return what is stored of a meter, None when it is registered but was never heard."""
        meter = await self._store.read(queries.meter, meter_id)
        if meter is None and self._registry.get(meter_id) is None:
            raise Refusal(404, messages.NO_METER.format(meter_id=meter_id))
        return meter

    async def _reading_key(self, meter_id: int, text: str) -> ReadingKey:
        match = _READING_ID.fullmatch(text)
        if match is not None and int(match[1]) == meter_id:
            epoch, sequence = int(match[2], 16), int(match[3])
            key = await self._store.read(queries.find_reading, meter_id, epoch, sequence)
            if key is not None:
                return key
        raise Refusal(400, messages.WRONG_AFTER.format(text=text))

    def _summary(self, meter_id: int, meter: StoredMeter | None) -> MeterDocument:
        key = self._registry.get(meter_id)
        weight_ml = key.pulse_weight_ml if key else None
        return {
            "meter_id": meter_id,
            "registered": key is not None,
            "availability": self._availability.of(meter_id).value,
            "first_seen": None if meter is None else utc_text_ms(meter.first_seen_ms),
            "last_seen": None if meter is None else utc_text_ms(meter.last_seen_ms),
            "epoch": None if meter is None else f"{meter.epoch:08x}",
            "stored_count": 0 if meter is None else meter.stored_count,
            "state": None if meter is None else state_document(meter, weight_ml),
        }


def _no_route(path: list[str]) -> Refusal:
    return Refusal(404, messages.NO_ROUTE.format(path="/" + "/".join(path)))


def _split(target: str) -> tuple[list[str], dict[str, str]]:
    """Return the parts of the path and the options behind it."""
    url = urlsplit(target)
    path = [unquote(part) for part in url.path.split("/")[1:]]
    return path, dict(parse_qsl(url.query, keep_blank_values=True))


def _meter_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= _UINT32_MAX):
        raise Refusal(400, messages.WRONG_METER.format(text=text))
    return int(text)


def _limit(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= LIMIT_MAX:
        return int(text)
    raise Refusal(400, messages.WRONG_LIMIT.format(text=text, limit_max=LIMIT_MAX))


def _refuse_options(options: dict[str, str], *known: str) -> None:
    for name in options:
        if name not in known:
            raise Refusal(400, messages.WRONG_QUERY.format(name=name))
