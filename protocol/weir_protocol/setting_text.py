"""The value of a setting as people write it: ``15 min``, ``on``, ``quadrature``, ``automatic``."""

import re
from typing import Final

from weir_protocol.frames import Reason
from weir_protocol.setting import AUTOMATIC, Fault, Kind, Setting, SettingRefused

AUTOMATIC_WORD: Final = "automatic"
SWITCH_WORDS: Final = ("off", "on")
_SWITCH_VALUES = {"off": 0, "on": 1, "false": 0, "true": 1, "no": 0, "yes": 1, "0": 0, "1": 1}
SECONDS_OF: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_NUMBER = re.compile(r"([+-]?[0-9]{1,12}) ?([a-z/]*)", re.ASCII | re.IGNORECASE)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,12}[.,][0-9]{1,12}", re.ASCII)


def written(setting: Setting, value: int) -> str:
    """Write a value with its unit or by its word; one out of range as the number it is."""
    if not setting.holds(value):
        return str(value)
    if setting.kind is Kind.SWITCH:
        return SWITCH_WORDS[value]
    if setting.kind is Kind.CHOICE:
        return setting.choices[value]
    if value == AUTOMATIC and setting.may_be_automatic:
        return AUTOMATIC_WORD
    return f"{value} {setting.unit}".rstrip()


def parsed(setting: Setting, given: str | int | bool) -> int:
    """Return the value that was given. Raise SettingRefused with what would be right."""
    value = _read(setting, given)
    if value is None:
        raise SettingRefused(_not_understood(setting, given))
    if not setting.holds(value):
        raise SettingRefused(out_of_range(setting, value))
    return value


def _read(setting: Setting, given: str | int | bool) -> int | None:
    """Return what was given as a number, None when it says none."""
    if isinstance(given, bool):
        return int(given) if setting.kind is Kind.SWITCH else None
    if isinstance(given, int):
        return given
    text = given.strip().lower()
    if setting.kind is Kind.SWITCH:
        return _SWITCH_VALUES.get(text)
    if text in setting.choices:
        return setting.choices.index(text)
    if text == AUTOMATIC_WORD and setting.may_be_automatic:
        return AUTOMATIC
    return _number(setting, text)


def _number(setting: Setting, text: str) -> int | None:
    number = _NUMBER.fullmatch(text)
    if number is None:
        return None
    unit = number[2]
    if unit in ("", setting.unit.lower()):
        return int(number[1])
    factor = SECONDS_OF.get(unit) if setting.unit == "s" else None
    return None if factor is None else int(number[1]) * factor


def allowed(setting: Setting) -> str:
    """Say which values a setting takes."""
    if setting.kind is Kind.SWITCH:
        return "on or off"
    if setting.kind is Kind.CHOICE:
        return f"{', '.join(setting.choices[:-1])} or {setting.choices[-1]}"
    if setting.may_be_automatic:
        return f"{AUTOMATIC_WORD}, or 0 to {setting.high} {setting.unit}".rstrip()
    return f"{setting.low} to {setting.high} {setting.unit}".rstrip()


def out_of_range(setting: Setting, value: int) -> Fault:
    sentence = f"{setting.name} cannot be {value}: it takes {allowed(setting)}."
    return Fault(setting.name, Reason.OUT_OF_RANGE, sentence)


def _not_understood(setting: Setting, given: str | int | bool) -> Fault:
    shown = repr(given)
    if isinstance(given, bool):
        shown = "true" if given else "false"
    elif isinstance(given, str) and _DECIMAL.fullmatch(given):
        shown = given
    sentence = f"{setting.name} cannot be {shown}: it takes {_wanted(setting)}."
    return Fault(setting.name, Reason.OUT_OF_RANGE, sentence)


def _wanted(setting: Setting) -> str:
    """Say which values a setting takes to somebody who has not given a whole number."""
    if setting.kind is not Kind.INTEGER:
        return allowed(setting)
    automatic = f"{AUTOMATIC_WORD}, or " if setting.may_be_automatic else ""
    low = 0 if setting.may_be_automatic else setting.low
    return f"{automatic}a whole number, {low} to {setting.high} {setting.unit}".rstrip()
