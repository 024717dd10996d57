"""What fields mean that only the fields before them explain: settings, events, commands."""

from collections.abc import Mapping
from enum import IntEnum

from weir_protocol.alarms import BY_CODE
from weir_protocol.frames import (
    KEY_COUNT,
    KEY_SEQUENCE,
    KEY_VERSION,
    CommandCode,
    Outcome,
    Reason,
)
from weir_protocol.records import EventCode
from weir_protocol.setting_text import allowed, written
from weir_protocol.settings import BY_KEY

Before = Mapping[str, int]
"""The fields of the body and of the item so far, by name."""

NOT_KNOWN = "not known"

_NAMES_OF_KEYS = {
    KEY_VERSION: "no setting: the version that this is about",
    KEY_SEQUENCE: "no setting: the first record under that version",
    KEY_COUNT: "no setting: how many the version has in all",
}
_NOTE_WORDS: dict[int, tuple[str, str]] = {  # of value and limit
    EventCode.CLOCK_STEPPED: ("seconds that the clock was set by", ""),
    EventCode.SETTINGS_APPLIED: ("version in force from now on", ""),
    EventCode.SETTINGS_ROLLED_BACK: ("version given up", "version in force again"),
}
_ARGUMENT_WORDS: dict[int, str] = {CommandCode.EVENTS_FROM: "next event that is wanted"}


def key_words(key: int, _before: Before) -> str:
    setting = BY_KEY.get(key)
    return _NAMES_OF_KEYS.get(key, NOT_KNOWN) if setting is None else setting.name


def code_words(code: int, before: Before) -> str:
    """Name an event, or in a COMMAND what is asked for."""
    kind: type[IntEnum] = EventCode if "event_sequence" in before else CommandCode
    return _member_words(kind, code)


def argument_words(argument: int, before: Before) -> str:
    words = _ARGUMENT_WORDS.get(before["code"])
    return "of the command" if words is None else f"{words}: {argument & 0xFFFF_FFFF}"


def value_words(value: int, before: Before) -> str:
    if "key" in before:
        return _setting_value(before["key"], value, before.get("outcome"))
    return _event_words(value, before, 0)


def limit_words(value: int, before: Before) -> str:
    return _event_words(value, before, 1)


def _setting_value(key: int, value: int, outcome: int | None) -> str:
    if key == KEY_SEQUENCE:
        return f"record {value & 0xFFFF_FFFF}"
    if outcome == Outcome.REFUSED and key != KEY_VERSION:
        return _member_words(Reason, value)
    setting = BY_KEY.get(key)
    if setting is None:
        return ""
    if not setting.holds(value):
        return f"out of range: {allowed(setting)}"
    return written(setting, value)


def _event_words(value: int, before: Before, place: int) -> str:
    """Explain the value (place 0) or the limit (place 1) of an event."""
    code = before["code"]
    alarm = BY_CODE.get(code)
    if alarm is None:
        return _NOTE_WORDS.get(code, ("", ""))[place]
    amount = f"{value} {alarm.unit}".rstrip()
    return f"{amount}: {alarm.value.rstrip('.').lower()}" if place == 0 else f"{amount} in force"


def _member_words(kind: type[IntEnum], value: int) -> str:
    try:
        return kind(value).name.lower().replace("_", " ")
    except ValueError:
        return NOT_KNOWN
