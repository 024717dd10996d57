"""Options that several sub-commands share."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

from weir_gateway.request_fields import DIAL_FORM
from weir_tools import messages
from weir_tools.simulator.recording import ML_PER_MS

PULSE_WEIGHT_ML_MAX = 1_000_000

DURATION_S_MAX = 366 * 86_400

Decorator = Callable[[Any], Any]


class FiniteRange(click.FloatRange):
    """A number in a range. What is not a number is in none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not in the range {self._describe_range()}.", param, ctx)
        return number


def _whole_ml(_ctx: click.Context, _param: click.Parameter, litres: str) -> int:
    """A volume in litres as whole millilitres."""
    try:
        ml = Decimal(litres) * 1000
    except ArithmeticError:
        raise click.BadParameter(f"{litres!r} is not a number of litres") from None
    if not ml.is_finite() or ml != int(ml) or not 1 <= ml <= PULSE_WEIGHT_ML_MAX:
        raise click.BadParameter(f"{litres} L is not 0.001 to 1000 L in whole millilitres")
    return int(ml)


def pulse_weight_option(default: str) -> Decorator:
    return click.option(
        "--pulse-weight-l",
        "pulse_weight_ml",
        metavar="LITRES",
        callback=_whole_ml,
        default=default,
        show_default=True,
        help="Volume of one pulse.",
    )


flow_unit_option: Decorator = click.option(
    "--flow-unit",
    type=click.Choice(sorted(ML_PER_MS)),
    help="Unit of a column `flow` that does not say its own.",
)


def _is_short_number(text: str) -> bool:
    """Digits, few enough for any number that is wanted somewhere."""
    return text.isascii() and text.isdecimal() and len(text) <= 20


def whole_number(what: str, low: int, high: int) -> Callable[..., int | None]:
    """A callback that turns an argument into a whole number in bounds."""

    def convert(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        if not _is_short_number(text) or not low <= int(text) <= high:
            raise click.BadParameter(
                f"{text!r} is not {what}, a whole number from {low} to {high}"
            )
        return int(text)

    return convert


meter_id_argument: Decorator = click.argument(
    "meter_id", metavar="ID", callback=whole_number("a meter's number", 0, 2**32 - 1)
)


def utc_time(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    """A callback that checks a time; UTC is taken where it does not say."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(messages.NOT_A_TIME.format(text=text)) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


_SECONDS_OF = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,9}) ?(s|min|h|d)")


def duration_s(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    """A callback that turns a time such as 90min or 7d into seconds."""
    if text is None:
        return None
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _SECONDS_OF[found[2]] if found else 0
    if not 0 < seconds <= DURATION_S_MAX:
        raise click.BadParameter(messages.NOT_A_DURATION.format(text=text))
    return seconds


def dial_text(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    """A callback that checks what a dial shows, before a meter is read for it."""
    if not DIAL_FORM.fullmatch(text):
        raise click.BadParameter(messages.NOT_A_DIAL.format(text=text[:40]))
    return text


def one_line(length_max: int) -> Callable[..., str | None]:
    """A callback that checks text which is kept for others to read."""

    def check(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
        if text is None or (text.strip() and len(text) <= length_max and text.isprintable()):
            return text
        raise click.BadParameter(messages.NOT_ONE_LINE.format(limit=length_max))

    return check


def host_and_port(
    _ctx: click.Context, _param: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    """A callback that splits HOST:PORT; the host may be an IPv6 address in brackets."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not _is_short_number(port) or not 0 < int(port) < 2**16:
        raise click.BadParameter(f"{text!r} is not HOST:PORT, such as 127.0.0.1:1883")
    return host.strip("[]"), int(port)
