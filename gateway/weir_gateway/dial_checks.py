"""Dial checks over the local interface: the dial against the newest register that is known."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple, TypedDict

from weir_gateway import messages, request_fields
from weir_gateway.clock import Clock, utc_text_ms
from weir_gateway.documents import litres
from weir_gateway.errors import Refusal
from weir_gateway.read_documents import measured_at_s
from weir_gateway.registry import Registry
from weir_gateway.store import Database, dial_checks, queries
from weir_gateway.store.dial_checks import StoredCheck
from weir_gateway.store.rows import StoredMeter

LISTED_MAX = 100
_ML_PER_M3 = 1_000_000


class CheckDocument(TypedDict):
    """register_volume_l: forward less reverse. difference_l: register less dial.

    register_source: "status", "reading" or "hello", whichever was the newest. change_l: by how
    much the difference grew since the check before; None without one of the same epoch.
    """

    meter_id: int
    number: int
    made_at: str
    by: str
    note: str | None
    dial_volume_l: float
    register_volume_l: float
    forward_volume_l: float
    reverse_volume_l: float
    register_at: str
    register_source: str
    difference_l: float
    change_l: float | None


class ChecksDocument(TypedDict):
    checks: list[CheckDocument]


class _Register(NamedTuple):
    at_ms: int
    source: str
    forward_pulses: int
    reverse_pulses: int
    pulse_weight_ml: int


class DialChecks:
    """Compares and keeps. The meter is known to exist."""

    def __init__(self, store: Database, registry: Registry, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock

    async def post(self, meter_id: int, fields: Mapping[str, object]) -> CheckDocument:
        """Record a check. Raise Refusal for a wrong field, or a meter that was never heard."""
        request_fields.refuse_unknown(fields, "dial_m3", "by", "note")
        dial_ml = _dial_ml(fields.get("dial_m3"))
        by = request_fields.text(fields, "by", request_fields.NAME_MAX) or "local"
        note = request_fields.text(fields, "note", request_fields.NOTE_MAX)
        meter = await self._store.read(queries.meter, meter_id)
        if meter is None:
            raise Refusal(409, messages.NEVER_HEARD.format(meter_id=meter_id))
        register = self._newest_register(meter)
        check = StoredCheck(
            meter_id=meter_id,
            made_at_ms=self._clock.now_ms(),
            made_by=by,
            note=note,
            dial_ml=dial_ml,
            register_source=register.source,
            register_at_ms=register.at_ms,
            epoch=meter.epoch,
            forward_pulses=register.forward_pulses,
            reverse_pulses=register.reverse_pulses,
            pulse_weight_ml=register.pulse_weight_ml,
        )
        await self._store.commit(dial_checks.add, check)
        return _documents(await self._store.read(dial_checks.newest, meter_id, 2))[0]

    async def get(self, meter_id: int, number: str | None) -> ChecksDocument:
        if number is not None:
            path = f"/v1/meters/{meter_id}/checks/{number}"
            raise Refusal(404, messages.NO_ROUTE.format(path=path))
        found = await self._store.read(dial_checks.newest, meter_id, LISTED_MAX + 1)
        return {"checks": _documents(found)[:LISTED_MAX]}

    def _newest_register(self, meter: StoredMeter) -> _Register:
        """Return the newest the meter said. HELLO and STATUS are live; readings may be old."""
        key = self._registry.get(meter.meter_id)
        hello, status, newest = meter.hello, meter.status, meter.newest
        weight_ml = (key.pulse_weight_ml if key else None) or hello["pulse_weight_ml"]
        found = [_live(hello, "hello", meter.hello_at_ms, weight_ml)]
        if newest is not None and newest.measured_at_s is not None:
            pulses = (newest.forward_pulses, newest.reverse_pulses, newest.pulse_weight_ml)
            found.append(_Register(newest.measured_at_s * 1000, "reading", *pulses))
        if status is not None and meter.status_at_ms is not None:
            at_ms = measured_at_s(status, meter.status_at_ms) * 1000
            found.append(_live(status, "status", at_ms, weight_ml))
        return max(found, key=lambda one: one.at_ms)


def _live(fields: Mapping[str, int], source: str, at_ms: int, weight_ml: int) -> _Register:
    return _Register(at_ms, source, fields["forward_pulses"], fields["reverse_pulses"], weight_ml)


def _dial_ml(given: object) -> int:
    shown = str(given)
    if isinstance(given, bool) or not request_fields.DIAL_FORM.fullmatch(shown):
        raise Refusal(400, messages.WRONG_DIAL.format(value=shown[:40]))
    return int(Decimal(shown) * _ML_PER_M3)


def _documents(checks: list[tuple[int, StoredCheck]]) -> list[CheckDocument]:
    """Return the documents of checks that follow each other, newest first."""
    older = [check for _, check in checks[1:]]
    pairs = zip_longest(checks, older)
    return [_document(number, check, before) for (number, check), before in pairs]


def _document(number: int, check: StoredCheck, before: StoredCheck | None) -> CheckDocument:
    change_ml = None
    if before is not None and before.epoch == check.epoch:
        change_ml = check.difference_ml - before.difference_ml
    return {
        "meter_id": check.meter_id,
        "number": number,
        "made_at": utc_text_ms(check.made_at_ms),
        "by": check.made_by,
        "note": check.note,
        "dial_volume_l": litres(check.dial_ml),
        "register_volume_l": litres(check.register_ml),
        "forward_volume_l": litres(check.forward_pulses * check.pulse_weight_ml),
        "reverse_volume_l": litres(check.reverse_pulses * check.pulse_weight_ml),
        "register_at": utc_text_ms(check.register_at_ms),
        "register_source": check.register_source,
        "difference_l": litres(check.difference_ml),
        "change_l": None if change_ml is None else litres(change_ml),
    }
