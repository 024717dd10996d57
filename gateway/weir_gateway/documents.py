"""The JSON documents of readings and meters. Volumes in them are exact."""

import json
from functools import lru_cache
from typing import TypedDict

from weir_gateway.clock import utc_text, utc_text_ms
from weir_gateway.known_times import time_error_s, time_word
from weir_gateway.store.rows import StoredGap, StoredMeter, StoredReading
from weir_gateway.store.sequences import reading_id, wrap
from weir_protocol.records import REGISTER_MODULUS, Status

_NO_PRESSURE_KPA = -32768  # stands for "no valid sample" in STATUS
_STATUS_BITS = 16
_COMPACT = json.JSONEncoder(separators=(",", ":"))


class ReadingDocument(TypedDict):
    """One interval record. What cannot be known is None, never 0.

    historical: False only for the newest of its meter when the document was made.
    """

    id: str
    meter_id: int
    epoch: str
    sequence: int
    measured_at: str | None
    interval_s: int | None
    time_quality: str
    time_error_s: float | None
    forward_pulses: int
    reverse_pulses: int
    pulse_weight_ml: int
    forward_volume_l: float
    reverse_volume_l: float
    interval_forward_volume_l: float | None
    interval_reverse_volume_l: float | None
    flow_mean_l_per_h: float | None
    flow_peak_l_per_h: float | None
    pressure_mean_kpa: int | None
    pressure_min_kpa: int | None
    pressure_max_kpa: int | None
    quality: list[str]
    historical: bool
    received_at: str


class MeasurementDocument(TypedDict):
    """The newest flow and pressure. reading_id: None when they are from a STATUS."""

    measured_at: str | None
    flow_l_per_h: float | None
    pressure_kpa: int | None
    quality: list[str]
    reading_id: str | None


class StateDocument(MeasurementDocument):
    """The newest that is known of a meter. The registers are of ``register_at``."""

    meter_id: int
    last_seen: str
    register_at: str
    forward_volume_l: float
    reverse_volume_l: float
    battery_mv: int | None
    firmware: str
    settings_version: int
    send_interval_s: int


GapDocument = TypedDict(
    "GapDocument",
    {
        "id": str,
        "meter_id": int,
        "epoch": str,
        "first_sequence": int,
        "last_sequence": int,
        "count": int,
        "state": str,
        "noticed_at": str,
        "from": str | None,
        "to": str | None,
    },
)
"""A range of readings that did not come in order, between two that are held (from, to)."""


def json_bytes(document: object) -> bytes:
    """Return a document as it goes out on MQTT."""
    return _COMPACT.encode(document).encode()


def litres(volume_ml: int) -> float:
    """Return litres that JSON shows exactly: whole ones as integers, else with 1 to 3 decimals.

    Exact up to 2**32 pulses of 1000 L: doubles are less than a millilitre apart up to there.
    """
    return volume_ml // 1000 if volume_ml % 1000 == 0 else volume_ml / 1000


def flow_l_per_h(volume_ml: int, interval_s: int) -> float:
    """Return the mean flow, rounded to 1 ml/h. ``interval_s`` is above 0."""
    return litres((volume_ml * 7200 + interval_s) // (2 * interval_s))


@lru_cache(maxsize=1024)
def status_words(status: int) -> tuple[str, ...]:
    """Return the quality words of a status; a bit without a name is told by its number."""
    words = []
    for bit in range(_STATUS_BITS):
        if status & 1 << bit:
            name = Status(1 << bit).name
            words.append(name.lower() if name else f"bit_{bit}")
    return tuple(words)


def reading_document(reading: StoredReading, *, historical: bool) -> ReadingDocument:
    weight_ml = reading.pulse_weight_ml
    forward, reverse = _interval_pulses(reading)
    interval_s = _interval_s(reading)
    net_ml = None if forward is None or reverse is None else (forward - reverse) * weight_ml
    peak_ml = reading.peak_flow_pulses * weight_ml
    quality = [*status_words(reading.status)]
    if forward is None and reading.before_forward_pulses is not None:
        quality.append("register_back")
    return {
        "id": reading_id(reading.meter_id, reading.epoch, reading.sequence),
        "meter_id": reading.meter_id,
        "epoch": f"{reading.epoch:08x}",
        "sequence": wrap(reading.sequence),
        "measured_at": utc_text_or_none(reading.measured_at_s),
        "interval_s": interval_s,
        "time_quality": time_word(reading),
        "time_error_s": time_error_s(reading),
        "forward_pulses": reading.forward_pulses,
        "reverse_pulses": reading.reverse_pulses,
        "pulse_weight_ml": weight_ml,
        "forward_volume_l": litres(reading.forward_pulses * weight_ml),
        "reverse_volume_l": litres(reading.reverse_pulses * weight_ml),
        "interval_forward_volume_l": None if forward is None else litres(forward * weight_ml),
        "interval_reverse_volume_l": None if reverse is None else litres(reverse * weight_ml),
        "flow_mean_l_per_h": (
            None if net_ml is None or interval_s is None else flow_l_per_h(net_ml, interval_s)
        ),
        "flow_peak_l_per_h": (
            flow_l_per_h(peak_ml, reading.sample_interval_s) if reading.sample_interval_s else None
        ),
        "pressure_mean_kpa": reading.pressure_mean_kpa,
        "pressure_min_kpa": reading.pressure_min_kpa,
        "pressure_max_kpa": reading.pressure_max_kpa,
        "quality": quality,
        "historical": historical,
        "received_at": utc_text_ms(reading.received_at_ms),
    }


def state_document(meter: StoredMeter, pulse_weight_ml: int | None) -> StateDocument:
    """pulse_weight_ml: the operator's, None for the meter's own."""
    weight_ml = pulse_weight_ml or meter.hello["pulse_weight_ml"]
    register_at_s, forward_pulses, reverse_pulses = _newest_registers(meter)
    hello = meter.hello
    version = [str(hello[f"firmware_{part}"]) for part in ("major", "minor", "patch")]
    return {
        "meter_id": meter.meter_id,
        "last_seen": utc_text_ms(meter.last_seen_ms),
        "register_at": utc_text(register_at_s),
        "forward_volume_l": litres(forward_pulses * weight_ml),
        "reverse_volume_l": litres(reverse_pulses * weight_ml),
        **_newest_measurement(meter),
        "battery_mv": (meter.status or hello)["battery_mv"] or None,
        "firmware": ".".join(version),
        "settings_version": hello["settings_version"],
        "send_interval_s": hello["send_interval_s"],
    }


def gap_document(gap: StoredGap) -> GapDocument:
    first, last = wrap(gap.first_sequence), wrap(gap.last_sequence)
    return {
        "id": f"{gap.meter_id}-{gap.epoch:08x}-{first}-{last}",
        "meter_id": gap.meter_id,
        "epoch": f"{gap.epoch:08x}",
        "first_sequence": first,
        "last_sequence": last,
        "count": gap.last_sequence - gap.first_sequence + 1,
        "state": gap.state,
        "noticed_at": utc_text_ms(gap.noticed_at_ms),
        "from": utc_text_or_none(gap.before_s),
        "to": utc_text_or_none(gap.after_s),
    }


def _interval_s(reading: StoredReading) -> int | None:
    """Return the time since the reading before, where both times are of one clock."""
    end_s, start_s = reading.measured_at_s, reading.before_measured_at_s
    if end_s is None or start_s is None or reading.status & Status.CLOCK_STEPPED:
        return None
    return end_s - start_s if end_s > start_s else None


def _interval_pulses(reading: StoredReading) -> tuple[int | None, int | None]:
    """Return forward and reverse pulses since the reading before, None where it is not held.

    Registers count modulo 2**32. A step of more than half of that is a register that went back.
    """
    if reading.before_forward_pulses is None or reading.before_reverse_pulses is None:
        return None, None
    forward = (reading.forward_pulses - reading.before_forward_pulses) % REGISTER_MODULUS
    reverse = (reading.reverse_pulses - reading.before_reverse_pulses) % REGISTER_MODULUS
    if max(forward, reverse) >= REGISTER_MODULUS // 2:
        return None, None
    return forward, reverse


def _newest_registers(meter: StoredMeter) -> tuple[int, int, int]:
    """Return when they were read, forward and reverse pulses.

    HELLO and STATUS are sent live, so they are as old as their arrival; readings may be backlog.
    """
    hello = meter.hello
    found = [(meter.hello_at_ms // 1000, hello["forward_pulses"], hello["reverse_pulses"])]
    if meter.status is not None and meter.status_at_ms is not None:
        status = meter.status
        at_s = meter.status_at_ms // 1000
        found.append((at_s, status["forward_pulses"], status["reverse_pulses"]))
    newest = meter.newest
    if newest is not None and newest.measured_at_s is not None:
        found.append((newest.measured_at_s, newest.forward_pulses, newest.reverse_pulses))
    return max(found, key=lambda one: one[0])


def _newest_measurement(meter: StoredMeter) -> MeasurementDocument:
    newest, status, status_at_ms = meter.newest, meter.status, meter.status_at_ms
    if status is not None and status_at_ms is not None:
        reading_at_s = newest.measured_at_s or 0 if newest is not None else 0
        if newest is None or status_at_ms // 1000 > reading_at_s:
            return _status_measurement(status, status_at_ms)
    if newest is not None:
        return _reading_measurement(newest)
    return {
        "measured_at": None,
        "flow_l_per_h": None,
        "pressure_kpa": None,
        "quality": [],
        "reading_id": None,
    }


def _status_measurement(status: dict[str, int], status_at_ms: int) -> MeasurementDocument:
    pressure_kpa = status["pressure_kpa"]
    return {
        "measured_at": utc_text(status_at_ms // 1000),
        "flow_l_per_h": status["flow_l_per_h"],
        "pressure_kpa": None if pressure_kpa == _NO_PRESSURE_KPA else pressure_kpa,
        "quality": [*status_words(status["status"])],
        "reading_id": None,
    }


def _reading_measurement(newest: StoredReading) -> MeasurementDocument:
    reading = reading_document(newest, historical=False)
    return {
        "measured_at": reading["measured_at"],
        "flow_l_per_h": reading["flow_mean_l_per_h"],
        "pressure_kpa": reading["pressure_mean_kpa"],
        "quality": reading["quality"],
        "reading_id": reading["id"],
    }


def utc_text_or_none(at_s: int | None) -> str | None:
    return None if at_s is None else utc_text(at_s)
