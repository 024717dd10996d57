"""The JSON documents of events and alarms."""

from typing import TypedDict

from weir_gateway.clock import utc_text_ms
from weir_gateway.documents import utc_text_or_none
from weir_gateway.event_names import event_name, event_unit, phase_name
from weir_gateway.known_times import time_error_s, time_word
from weir_gateway.store.event_queries import AlarmState, StoredAlarm, StoredEvent
from weir_gateway.store.rows import GATEWAY_EPOCH
from weir_gateway.store.sequences import event_id, wrap


class EventDocument(TypedDict):
    """What a meter told at once, or the gateway noticed. What cannot be known is None.

    epoch: None for events of the gateway, whose sequence is its own count for each meter.
    alarm: id of the event that raised the alarm which this one raises or clears.
    """

    id: str
    meter_id: int
    source: str
    epoch: str | None
    sequence: int
    code: int
    name: str
    phase: str
    value: int
    limit: int
    unit: str | None
    alarm: str | None
    measured_at: str | None
    time_quality: str
    time_error_s: float | None
    received_at: str


class AcknowledgementDocument(TypedDict):
    by: str
    at: str
    note: str


class AlarmDocument(TypedDict):
    """An alarm, under the id of the event that raised it.

    since: when the meter raised it, None when that cannot be known. raised_received_at: when the
    gateway heard of it. cleared_*: None while it is active.
    """

    id: str
    meter_id: int
    source: str
    sequence: int
    code: int
    name: str
    value: int
    limit: int
    unit: str | None
    active: bool
    since: str | None
    time_quality: str
    time_error_s: float | None
    raised_received_at: str
    cleared_at: str | None
    cleared_received_at: str | None
    cleared_value: int | None
    acknowledged: AcknowledgementDocument | None


class AlarmStateDocument(TypedDict):
    """What is retained of one meter: its active alarms, the newest first.

    missing_event_count: events that it made and never came, as its ring had overwritten them.
    """

    meter_id: int
    active_count: int
    unacknowledged_count: int
    missing_event_count: int
    active: list[AlarmDocument]


def event_document(event: StoredEvent) -> EventDocument:
    return {
        "id": event_id(event.meter_id, event.epoch, event.sequence),
        "meter_id": event.meter_id,
        "source": _source(event),
        "epoch": None if event.epoch == GATEWAY_EPOCH else f"{event.epoch:08x}",
        "sequence": wrap(event.sequence),
        "code": event.code,
        "name": event_name(event.code),
        "phase": phase_name(event.phase),
        "value": event.value,
        "limit": event.limit_value,
        "unit": event_unit(event.code),
        "alarm": _alarm_id(event),
        "measured_at": utc_text_or_none(event.measured_at_s),
        "time_quality": time_word(event),
        "time_error_s": time_error_s(event),
        "received_at": utc_text_ms(event.received_at_ms),
    }


def alarm_document(alarm: StoredAlarm) -> AlarmDocument:
    raised, cleared_ms = alarm.raised, alarm.cleared_received_at_ms
    return {
        "id": event_id(raised.meter_id, raised.epoch, raised.sequence),
        "meter_id": raised.meter_id,
        "source": _source(raised),
        "sequence": wrap(raised.sequence),
        "code": raised.code,
        "name": event_name(raised.code),
        "value": raised.value,
        "limit": raised.limit_value,
        "unit": event_unit(raised.code),
        "active": alarm.is_active,
        "since": utc_text_or_none(raised.measured_at_s),
        "time_quality": time_word(raised),
        "time_error_s": time_error_s(raised),
        "raised_received_at": utc_text_ms(raised.received_at_ms),
        "cleared_at": utc_text_or_none(alarm.cleared_at_s),
        "cleared_received_at": None if cleared_ms is None else utc_text_ms(cleared_ms),
        "cleared_value": alarm.cleared_value,
        "acknowledged": _acknowledgement(alarm),
    }


def alarm_state_document(meter_id: int, state: AlarmState) -> AlarmStateDocument:
    return {
        "meter_id": meter_id,
        "active_count": len(state.active),
        "unacknowledged_count": sum(one.made_at_ms is None for one in state.active),
        "missing_event_count": state.missing_event_count,
        "active": [alarm_document(one) for one in state.active],
    }


def _source(event: StoredEvent) -> str:
    return "gateway" if event.epoch == GATEWAY_EPOCH else "meter"


def _alarm_id(event: StoredEvent) -> str | None:
    if event.alarm_epoch is None or event.alarm_sequence is None:
        return None
    return event_id(event.meter_id, event.alarm_epoch, event.alarm_sequence)


def _acknowledgement(alarm: StoredAlarm) -> AcknowledgementDocument | None:
    if alarm.made_at_ms is None or alarm.made_by is None or alarm.note is None:
        return None
    return {"by": alarm.made_by, "at": utc_text_ms(alarm.made_at_ms), "note": alarm.note}
