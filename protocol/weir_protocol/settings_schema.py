"""JSON schema of what is published to ``.../config/set`` on MQTT."""

from typing import Any, Final

from weir_protocol.number_pattern import number_pattern
from weir_protocol.setting import AUTOMATIC, Kind, Role, Setting
from weir_protocol.setting_text import AUTOMATIC_WORD, SECONDS_OF, SWITCH_WORDS, written
from weir_protocol.settings import SETTINGS

REQUEST_ID_LENGTH_MAX: Final = 200
"""Characters."""
EXPIRES_S_MAX: Final = 366 * 86_400


def json_schema() -> dict[str, Any]:
    """Return the schema. A technician's settings are not in it: MQTT never changes them."""
    operable = [setting for setting in SETTINGS if setting.role is Role.OPERATOR]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a Weir meter, changed over MQTT",
        "type": "object",
        "required": ["settings"],
        "additionalProperties": False,
        "properties": {
            "settings": {
                "description": "New values by name; null: again as the meter was provisioned.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {setting.name: _value(setting) for setting in operable},
            },
            **_ENVELOPE,
        },
    }


_ENVELOPE: Final[dict[str, Any]] = {
    "request_id": {
        "description": "Any text; the result repeats it.",
        "type": "string",
        "maxLength": REQUEST_ID_LENGTH_MAX,
    },
    "force": {
        "description": "Take a change although it shortens the battery's life too much.",
        "type": "boolean",
        "default": False,
    },
    "expires_s": {
        "description": "Give the change up when the meter has not taken it for so long.",
        "type": "integer",
        "minimum": 1,
        "maximum": EXPIRES_S_MAX,
    },
    "by": {
        "description": "Who asks for the change; it is kept with it.",
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
    },
    "dry_run": {
        "description": "Say what would change, and change nothing.",
        "type": "boolean",
        "default": False,
    },
}


def _value(setting: Setting) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": setting.meaning, **_type(setting)}
    schema["default"] = _default(setting)
    return schema


def _type(setting: Setting) -> dict[str, Any]:
    if setting.kind is Kind.SWITCH:
        return {"enum": [True, False, *SWITCH_WORDS, 0, 1, None]}
    if setting.kind is Kind.CHOICE:
        return {"enum": [*setting.choices, *range(len(setting.choices)), None]}
    low = 0 if setting.may_be_automatic else setting.low
    number = {"type": "integer", "minimum": low, "maximum": setting.high}
    text = {"type": "string", "pattern": _pattern(low, setting.high, setting.unit)}
    words = [AUTOMATIC_WORD, AUTOMATIC] if setting.may_be_automatic else []
    return {"anyOf": [number, text, {"enum": [*words, None]}]}


def _pattern(low: int, high: int, unit: str) -> str:
    """Match the text of a number in range, with its unit behind it or without."""
    ways = [f"{number_pattern(low, high)}(?: ?{unit})?" if unit else number_pattern(low, high)]
    if unit == "s":
        for larger, seconds in SECONDS_OF.items():
            first, last = -(-low // seconds), high // seconds
            if larger != unit and first <= last:
                ways.append(f"{number_pattern(first, last)} ?{larger}")
    return f"^(?:{'|'.join(ways)})$"


def _default(setting: Setting) -> int | bool | str:
    if setting.kind is Kind.SWITCH:
        return bool(setting.default)
    if setting.kind is Kind.CHOICE or setting.default == AUTOMATIC:
        return written(setting, setting.default)
    return setting.default
