"""Alarms and events over the local interface and MQTT: listed, followed, acknowledged."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict

from weir_gateway import messages
from weir_gateway.clock import Clock
from weir_gateway.errors import Refusal
from weir_gateway.event_documents import (
    AlarmDocument,
    EventDocument,
    alarm_document,
    event_document,
)
from weir_gateway.registry import Registry
from weir_gateway.request_fields import NAME_MAX, NOTE_MAX
from weir_gateway.store import acknowledgements, event_queries, queries
from weir_gateway.store.acknowledgements import Acknowledgement
from weir_gateway.store.database import Database
from weir_gateway.store.event_queries import NUMBER_MAX, StoredAlarm, StoredEvent
from weir_gateway.store.rows import GATEWAY_EPOCH

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
_UINT32_MAX = 0xFFFF_FFFF
_ALARM_ID = re.compile(r"(\d{1,10})-([0-9a-f]{8}|gateway)-e(\d{1,10})", re.ASCII)


class AlarmsDocument(TypedDict):
    """missing_event_count: events of these meters that never came."""

    alarms: list[AlarmDocument]
    missing_event_count: int


class EventsDocument(TypedDict):
    """next: what to give as ``after`` for the events that follow these, now or later."""

    events: list[EventDocument]
    next: int


class Alarms:
    """on_acknowledged: hears of each meter of which an alarm was acknowledged."""

    def __init__(
        self,
        store: Database,
        registry: Registry,
        clock: Clock,
        on_acknowledged: Callable[[int], None],
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._on_acknowledged = on_acknowledged

    async def respond(
        self, method: str, path: list[str], options: dict[str, str], fields: Mapping[str, object]
    ) -> object:
        """Answer what stands behind ``/v1`` in a path. Raise Refusal when that cannot be."""
        match method, path:
            case "GET", ["alarms"]:
                return await self.list(options)
            case "GET", ["events"]:
                return await self.events(options)
            case "POST", ["alarms", alarm, "acknowledgements"]:
                _refuse_unknown(options, ())
                return await self.acknowledge(alarm, fields, "local interface")
        if method != "GET":
            raise Refusal(405, messages.ONLY_GET.format(method=method))
        raise Refusal(404, messages.NO_ROUTE.format(path="/v1/" + "/".join(path)))

    async def list(self, options: Mapping[str, str]) -> AlarmsDocument:
        """Return the active alarms, or with ``all`` those of the past too, the newest first."""
        _refuse_unknown(options, ("meter", "all", "limit", "before"))
        meter_id = await self._meter_option(options)
        if options.get("all", "0") == "0":
            found = await self._store.read(event_queries.active_alarms, meter_id)
        else:
            before = NUMBER_MAX
            if "before" in options:
                before = (await self._alarm(options["before"])).raised.number
            limit = _number(options, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX)
            found = await self._store.read(event_queries.alarms, meter_id, before, limit)
        missing_count = await self._store.read(event_queries.missing_event_count, meter_id)
        return {
            "alarms": [alarm_document(one) for one in found],
            "missing_event_count": missing_count,
        }

    async def events(self, options: Mapping[str, str]) -> EventsDocument:
        """Return the events after a number, or the newest, in their order."""
        _refuse_unknown(options, ("meter", "after", "limit"))
        meter_id = await self._meter_option(options)
        limit = _number(options, "limit", LIMIT_DEFAULT, 0, LIMIT_MAX)
        newest = await self._store.read(event_queries.newest_number)
        if "after" not in options:
            found = await self._store.read(event_queries.newest_events, meter_id, newest, limit)
            return _events_document(found, newest)
        after = min(_number(options, "after", 0, 0, NUMBER_MAX), newest)
        found = await self._store.read(event_queries.events_after, meter_id, after, limit)
        last = found[-1].number if found else after
        return _events_document(found, max(last, newest) if len(found) < limit else last)

    async def acknowledge(
        self, text: str, fields: Mapping[str, object], by_default: str
    ) -> AlarmDocument:
        """Note that somebody has seen an alarm, active or past; return it as it is then."""
        _refuse_unknown(fields, ("by", "note"))
        alarm = await self._alarm(text)
        words = Acknowledgement(
            self._clock.now_ms(),
            _words(fields, "by", by_default, NAME_MAX) or by_default,
            _words(fields, "note", "", NOTE_MAX),
        )
        key = alarm.raised[1:4]
        await self._store.commit(acknowledgements.add, key, words)
        self._on_acknowledged(alarm.raised.meter_id)
        return alarm_document(await self._alarm(text))

    async def answer(
        self, meter_id: int, fields: Mapping[str, object], _request_id: str | None
    ) -> Mapping[str, object]:
        """Acknowledge as a request over MQTT on a meter's topic asks for."""
        text = fields.get("alarm")
        if not isinstance(text, str):
            raise Refusal(400, messages.NO_ALARM_NAMED)
        match = _ALARM_ID.fullmatch(text)
        if match is not None and int(match[1]) != meter_id:
            raise Refusal(400, messages.OTHER_METERS_ALARM.format(text=text, meter_id=meter_id))
        rest = {name: value for name, value in fields.items() if name != "alarm"}
        return {"alarm": await self.acknowledge(text, rest, "MQTT")}

    async def _alarm(self, text: str) -> StoredAlarm:
        match = _ALARM_ID.fullmatch(text)
        if match is None:
            raise Refusal(400, messages.WRONG_ALARM.format(text=text[:60]))
        epoch = GATEWAY_EPOCH if match[2] == "gateway" else int(match[2], 16)
        key = (int(match[1]), epoch, int(match[3]))
        found = await self._store.read(event_queries.find_alarm, key)
        if found is None:
            raise Refusal(404, messages.NO_ALARM.format(text=text))
        return found

    async def _meter_option(self, options: Mapping[str, str]) -> int | None:
        """Return the meter that is asked for, None for all. Raise Refusal when it is unknown."""
        text = options.get("meter")
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and int(text[:11]) <= _UINT32_MAX):
            raise Refusal(400, messages.WRONG_METER.format(text=text))
        meter_id = int(text)
        if self._registry.get(meter_id) is None and meter_id not in await self._store.read(
            queries.heard_meters
        ):
            raise Refusal(404, messages.NO_METER.format(meter_id=meter_id))
        return meter_id


def _events_document(found: Iterable[StoredEvent], go_on_after: int) -> EventsDocument:
    return {"events": [event_document(one) for one in found], "next": go_on_after}


def _words(fields: Mapping[str, object], name: str, default: str, length_max: int) -> str:
    """Return a text of one line."""
    text = fields.get(name)
    if text is None:
        return default
    if not isinstance(text, str) or len(text) > length_max or not (text + ".").isprintable():
        raise Refusal(400, messages.WRONG_WORDS.format(name=name, limit=length_max))
    return text.strip()


def _number(options: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = options.get(name, str(default))
    if text.isascii() and text.isdecimal() and len(text) <= 19 and low <= int(text) <= high:
        return int(text)
    if name == "limit":
        raise Refusal(400, messages.WRONG_LIMIT.format(text=text, limit_max=LIMIT_MAX))
    raise Refusal(400, messages.WRONG_EVENT_NUMBER.format(text=text))


def _refuse_unknown(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise Refusal(400, messages.WRONG_QUERY.format(name=name[:40]))
