"""What the publication of a reading must say, worked out from its record without the gateway."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from weir_tools.virtual.ledger import SEQUENCE_MASK, Key, Ledger, Taken, Values
from weir_tools.virtual.times import check_told

_NO_PRESSURE_KPA = -32768
_CLOCK_STEPPED = 4
_WORDS = (
    "pressure_fault",
    "register_gap",
    "clock_stepped",
    "restarted",
    "reverse_flow",
    "tamper",
    "leak",
    "burst",
    "battery_low",
    "short_interval",
)
_REGISTER_BACK = "register_back"
_MENDED = (
    "forward_volume_l",
    "reverse_volume_l",
    "interval_forward_volume_l",
    "interval_reverse_volume_l",
    "flow_peak_l_per_h",
)


def check_publication(ledger: Ledger, key: Key, document: dict[str, Any]) -> None:
    """Enter into the ledger what a publication says otherwise than its record.

    Volumes may be wrong until the gateway has learned what a pulse was worth; then it tells again.
    """
    book = ledger.books[key[0]]
    taken = book.taken.get(key[1:])
    if taken is None:
        return
    before_key = (key[0], key[1], (key[2] - 1) & SEQUENCE_MASK)
    before = book.taken.get(before_key[1:])
    expected = {
        **_own(taken),
        **dict(_of_time(taken.values, document)),
    }
    if before is not None and (
        (before_key in ledger.arrivals and before_key not in ledger.withdrawn)
        or document["interval_forward_volume_l"] is not None
    ):
        expected |= _since(before, taken)
    check_told(ledger, key, taken, document)
    document = {**document, "quality": [w for w in document["quality"] if w != _REGISTER_BACK]}
    ledger.misstated.pop(key, None)
    for name, value in expected.items():
        if document[name] == value:
            continue
        what = f"was published with {name} {document[name]}, which is {value}"
        if name in _MENDED:
            ledger.misstated[key] = what
        else:
            ledger.breach(key[0], key[2], what)


def _own(taken: Taken) -> dict[str, Any]:
    _, forward, reverse, mean, low, high, peak, status, _ = taken.values
    weight_ml, sample_interval_s = taken.shape
    return {
        "forward_pulses": forward,
        "reverse_pulses": reverse,
        "forward_volume_l": forward * weight_ml / 1000,
        "reverse_volume_l": reverse * weight_ml / 1000,
        "pressure_mean_kpa": None if mean == _NO_PRESSURE_KPA else mean,
        "pressure_min_kpa": None if low == _NO_PRESSURE_KPA else low,
        "pressure_max_kpa": None if high == _NO_PRESSURE_KPA else high,
        "flow_peak_l_per_h": _flow_l_per_h(peak * weight_ml, sample_interval_s),
        "quality": [word for bit, word in enumerate(_WORDS) if status >> bit & 1],
    }


def _flow_l_per_h(volume_ml: int, span_s: int) -> float:
    """Return a flow, rounded to 1 ml/h."""
    return (volume_ml * 7200 + span_s) // (2 * span_s) / 1000


def _of_time(values: Values, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A time that the meter knew is never stamped anew; one it did not know is told as such."""
    if values[8]:
        yield "measured_at", datetime.fromtimestamp(values[0], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        yield "time_quality", "unset" if document["measured_at"] is None else "placed"


def _since(before: Taken, taken: Taken) -> dict[str, Any]:
    """What the interval between two records held, where no register went back."""
    forward, reverse = (
        (taken.values[side] - before.values[side]) & SEQUENCE_MASK for side in (1, 2)
    )
    if max(forward, reverse) >= 1 << 31:
        return {}
    weight_ml = taken.shape[0]
    found = {
        "interval_forward_volume_l": forward * weight_ml / 1000,
        "interval_reverse_volume_l": reverse * weight_ml / 1000,
    }
    span_s = taken.values[0] - before.values[0]
    if taken.values[8] and before.values[8]:
        known = span_s > 0 and not taken.values[7] & _CLOCK_STEPPED
        return {**found, "interval_s": span_s if known else None}
    return found
