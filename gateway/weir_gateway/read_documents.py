"""The JSON documents of readings at a moment. Volumes in them are exact."""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict

from weir_gateway.clock import utc_text, utc_text_ms
from weir_gateway.documents import litres, status_words
from weir_gateway.known_times import time_error_s, time_word
from weir_gateway.store.reads import StoredRead
from weir_protocol.frames import NO_PRESSURE_KPA
from weir_protocol.records import TimeQuality


class NowDocument(TypedDict):
    """What a meter measured when it was asked, or triggered. What cannot be known is None.

    cause: "asked" or "triggered". measured_at: true within ``time_error_s``; of a meter whose
    clock is not set it is the time of arrival.
    """

    id: str
    meter_id: int
    number: int
    cause: str
    epoch: str
    measured_at: str
    time_quality: str
    time_error_s: float | None
    forward_pulses: int
    reverse_pulses: int
    pulse_weight_ml: int
    forward_volume_l: float
    reverse_volume_l: float
    flow_l_per_h: int
    pressure_kpa: int | None
    battery_mv: int | None
    quality: list[str]
    settings_version: int
    received_at: str


class ReadDocument(TypedDict):
    """A wish for a reading, and what came of it.

    state: "pending", "sent", "answered" or "expired". expected_at: when the meter is expected to
    call next while this waits, None when that is not known. link_open: it seems to listen now.
    """

    meter_id: int
    number: int
    cause: str
    state: str
    made_at: str
    by: str | None
    request_id: str | None
    expires_at: str | None
    sent_at: str | None
    answered_at: str | None
    expected_at: str | None
    link_open: bool
    reading: NowDocument | None


class _Moment(NamedTuple):
    """When a STATUS was measured, as ``known_times`` judges it."""

    taken_at_s: int
    time_quality: int
    measured_at_s: int
    received_at_ms: int


def read_document(
    read: StoredRead, *, expected_at_ms: int | None = None, link_open: bool = False
) -> ReadDocument:
    """The last two tell of a request that waits; they are left out of one that is settled."""
    is_waiting = read.settled_at_ms is None
    is_answered = read.status is not None
    return {
        "meter_id": read.meter_id,
        "number": read.number,
        "cause": read.cause,
        "state": _state(read),
        "made_at": utc_text_ms(read.made_at_ms),
        "by": read.made_by,
        "request_id": read.request_id,
        "expires_at": _text_or_none(read.expires_at_ms),
        "sent_at": _text_or_none(read.sent_at_ms),
        "answered_at": _text_or_none(read.settled_at_ms if is_answered else None),
        "expected_at": _text_or_none(expected_at_ms if is_waiting else None),
        "link_open": is_waiting and link_open,
        "reading": now_document(read),
    }


def now_document(read: StoredRead) -> NowDocument | None:
    """Return what was measured, None while nothing was."""
    status, weight_ml = read.status, read.pulse_weight_ml
    if status is None or weight_ml is None or read.settled_at_ms is None or read.epoch is None:
        return None
    pressure_kpa = status["pressure_kpa"]
    at_s = measured_at_s(status, read.settled_at_ms)
    taken_at_s, quality = status["taken_at_s"], status["time_quality"]
    moment = _Moment(taken_at_s, quality, at_s, read.settled_at_ms)
    return {
        "id": f"{read.meter_id}-read-{read.number}",
        "meter_id": read.meter_id,
        "number": read.number,
        "cause": read.cause,
        "epoch": f"{read.epoch:08x}",
        "measured_at": utc_text(at_s),
        "time_quality": time_word(moment),
        "time_error_s": time_error_s(moment),
        "forward_pulses": status["forward_pulses"],
        "reverse_pulses": status["reverse_pulses"],
        "pulse_weight_ml": weight_ml,
        "forward_volume_l": litres(status["forward_pulses"] * weight_ml),
        "reverse_volume_l": litres(status["reverse_pulses"] * weight_ml),
        "flow_l_per_h": status["flow_l_per_h"],
        "pressure_kpa": None if pressure_kpa == NO_PRESSURE_KPA else pressure_kpa,
        "battery_mv": status["battery_mv"] or None,
        "quality": [*status_words(status["status"])],
        "settings_version": status["settings_version"],
        "received_at": utc_text_ms(read.settled_at_ms),
    }


def measured_at_s(status: Mapping[str, int], received_at_ms: int) -> int:
    """Return when a STATUS was measured; of a meter without the time, when it arrived."""
    if status["time_quality"] == TimeQuality.UNSET:
        return received_at_ms // 1000
    return status["taken_at_s"]


def _state(read: StoredRead) -> str:
    if read.status is not None:
        return "answered"
    if read.settled_at_ms is not None:
        return "expired"
    return "pending" if read.sent_at_ms is None else "sent"


def _text_or_none(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc_text_ms(at_ms)
