"""The fields of requests, over MQTT and over the local interface: checked one by one."""

import re
from collections.abc import Mapping

from weir_gateway import messages
from weir_gateway.errors import Refusal

NAME_MAX = 100
"""Characters of a person's or a program's name."""

NOTE_MAX = 500
DIAL_FORM = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
"""What a dial shows, in cubic metres."""

_SHOWN_MAX = 40


def refuse_unknown(fields: Mapping[str, object], *known: str) -> None:
    for name in fields:
        if name not in known:
            raise Refusal(400, messages.UNKNOWN_FIELD.format(name=name[:_SHOWN_MAX]))


def text(fields: Mapping[str, object], name: str, limit: int) -> str | None:
    """Return a text, None when it is not given. Raise Refusal for what is none."""
    given = fields.get(name)
    if given is None:
        return None
    if isinstance(given, str) and 0 < len(given) <= limit and given.isprintable():
        return given
    raise Refusal(400, messages.WRONG_TEXT.format(name=name, limit=limit))


def whole(fields: Mapping[str, object], name: str, low: int, high: int) -> int | None:
    """Return a whole number in bounds, None when it is not given. Raise Refusal otherwise."""
    given = fields.get(name)
    if given is None:
        return None
    if type(given) is int and low <= given <= high:
        return given
    raise Refusal(400, messages.WRONG_WHOLE.format(name=name, low=low, high=high))
