"""What the fields of a frame mean, in words."""

from collections.abc import Callable
from datetime import UTC, datetime

from weir_protocol.frames import NO_PRESSURE_KPA, AcknowledgeFlag, Medium
from weir_protocol.records import Status, TimeQuality
from weir_tools.decode.item_meanings import (
    NOT_KNOWN,
    Before,
    argument_words,
    code_words,
    key_words,
    limit_words,
    value_words,
)

_UNITS = {  # the last words of a field's name: how its unit is written
    "_l_per_h": "l/h",
    "_pulses": "pulses",
    "_kpa": "kPa",
    "_ms": "ms",
    "_mv": "mV",
    "_ml": "ml",
    "_s": "s",
}
_NOTHING_BEFORE: Before = {}
_TIMES = {"taken_at_s", "clock_s", "time_s"}
_RESET_CAUSES = ("not known", "power on", "watchdog", "on request", "wake from sleep")
_PHASES = ("note", "raised", "cleared")
_OUTCOMES = ("applied", "refused; each value is the reason", "rolled back")


def unit_of(name: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "")


def meaning_of(name: str, value: int, before: Before = _NOTHING_BEFORE) -> str:
    """One phrase on this value of this field, where it needs them from the fields before it."""
    if name in _TIMES:
        return _time(value)
    if name in _SPEAKERS_OF_ITEMS:
        return _SPEAKERS_OF_ITEMS[name](value, before)
    speaker = _SPEAKERS.get(name)
    return speaker(value) if speaker is not None else _MEANINGS.get(name, "")


def status_words(value: int) -> str:
    words = [(flag.name or "").lower() for flag in Status if flag & value]
    unknown = value & ~sum(Status)
    return ", ".join(words + ([f"reserved bits {unknown:#06x}"] if unknown else [])) or "nothing"


def quality_words(value: int) -> str:
    try:
        quality = TimeQuality(value)
    except ValueError:
        return "not a time quality"
    if quality is TimeQuality.UNSET:
        return "clock never set: seconds since the meter started"
    error_s = quality.error_s
    return "clock off by more than 512 s" if error_s is None else f"clock right to {error_s:g} s"


def _time(value: int) -> str:
    if value < 365 * 86_400:
        return "since the meter started, if its clock was never set"
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _medium(value: int) -> str:
    return Medium(value).name.lower() if value in tuple(Medium) else NOT_KNOWN


def _flags(value: int) -> str:
    names = [
        (flag.name or "").lower().replace("_", " ") for flag in AcknowledgeFlag if flag & value
    ]
    return ", ".join(names) or "nothing more"


def _pressure(value: int) -> str:
    return "no valid sample" if value == NO_PRESSURE_KPA else "gauge pressure"


def _one_of(words: tuple[str, ...]) -> Callable[[int], str]:
    return lambda value: words[value] if value < len(words) else NOT_KNOWN


_SPEAKERS: dict[str, Callable[[int], str]] = {
    "status": status_words,
    "time_quality": quality_words,
    "medium": _medium,
    "flags": _flags,
    "pressure_kpa": _pressure,
    "reset_cause": _one_of(_RESET_CAUSES),
    "phase": _one_of(_PHASES),
    "outcome": _one_of(_OUTCOMES),
    "battery_mv": lambda value: "" if value else "not measured",
}

_SPEAKERS_OF_ITEMS: dict[str, Callable[[int, Before], str]] = {
    "argument": argument_words,
    "code": code_words,
    "key": key_words,
    "limit": limit_words,
    "value": value_words,
}

_MEANINGS = {
    "answers": "counter of the uplink that this answers",
    "boot_sequence": "first record of this start of the meter",
    "event_sequence": "number of the event",
    "first_sequence": "first record of a range",
    "flow_l_per_h": "negative is reverse flow",
    "forward_pulses": "forward register",
    "frame_size_max": "longest downlink the meter takes, in bytes",
    "last_sequence": "last record of a range",
    "pulse_weight_ml": "volume of one pulse",
    "request": "number of the request, 0 when nobody asked",
    "resume_at": "next record that the gateway wants in order",
    "reverse_pulses": "reverse register",
    "sample_interval_s": "between two samples",
    "send_interval_s": "between two sessions",
    "sequence_next": "the record that comes next",
    "sequence_oldest": "oldest record that the meter still has",
    "settings_version": "settings in force",
    "store_interval_s": "between two records",
}
