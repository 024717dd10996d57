"""The values of a CSV file: times, flows, pulses and pressures, each in its stated range."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from weir_tools import messages

NOTHING_RECORDED = {"", "nan", "null", "-"}
FLOW_PARTS = 10**9  # a flow is read to the billionth of its unit
FLOW_MAX = 10**9  # either way; its billionths fit 64 bits
PULSES_MAX = 2**32  # of one row, either way
PRESSURE_MAX_KPA = 32_767  # either way; what a record of a meter holds
TIME_MAX_S = 2**32 - 1  # what a meter's clock holds, until 2106
TIME_AS_NUMBER = re.compile(r"[+-]?[\d.]+(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)


class BadValue(Exception):
    """`sentence` says what is wrong with a value, with room for its place."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def is_counted(text: str) -> bool:
    """Whether a time is a number of seconds, not a date."""
    return TIME_AS_NUMBER.fullmatch(text) is not None


def counted_time_ms(text: str) -> int:
    seconds = _decimal(text, messages.CSV_BAD_TIME)
    if not 0 <= seconds <= TIME_MAX_S:
        raise BadValue(messages.CSV_TIME_RANGE)
    return int(seconds * 1000)


def dated_time_ms(text: str) -> int:
    """A time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(messages.CSV_BAD_TIME) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        time_ms = round(moment.timestamp() * 1000)
    except OverflowError:
        raise BadValue(messages.CSV_TIME_RANGE) from None
    if not 0 <= time_ms <= TIME_MAX_S * 1000:
        raise BadValue(messages.CSV_TIME_RANGE)
    return time_ms


def flow_parts(text: str) -> int | None:
    """A flow in billionths of its unit, None when nothing was recorded."""
    flow = _number(text)
    if flow is None:
        return None
    if not -FLOW_MAX <= flow <= FLOW_MAX:
        raise BadValue(messages.CSV_FLOW_RANGE)
    return round(flow * FLOW_PARTS)


def pulses(text: str) -> int | None:
    """A count of pulses, None when nothing was recorded."""
    count = _number(text)
    if count is None:
        return None
    if not -PULSES_MAX <= count <= PULSES_MAX or count != int(count):
        raise BadValue(messages.CSV_BAD_PULSES)
    return int(count)


def pressure_kpa(text: str, kpa: Decimal) -> int | None:
    """A pressure in whole kPa, None when nothing was recorded. `kpa`: of one of its units."""
    pressure = _number(text)
    if pressure is None:
        return None
    limit = PRESSURE_MAX_KPA / kpa
    if not -limit <= pressure <= limit:
        raise BadValue(messages.CSV_PRESSURE_RANGE)
    return round(pressure * kpa)


def _number(text: str) -> Decimal | None:
    if text.lower() in NOTHING_RECORDED:
        return None
    return _decimal(text, messages.CSV_BAD_NUMBER)


def _decimal(text: str, sentence: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadValue(sentence) from None
    if not number.is_finite():
        raise BadValue(sentence)
    return number
