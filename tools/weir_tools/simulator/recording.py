"""A recorded flow, held exactly: what flowed in each span of time, in integers."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd

ML_PER_MS = {  # how much one unit of flow lets through in a millisecond
    "l_s": Fraction(1),
    "m3_h": Fraction(5, 18),
    "l_h": Fraction(1, 3600),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Spans follow each other without a hole; `amounts` are signed, negative is reverse flow.

    span_starts_ms: start of each span, counted from the start of the recording.
    ends_ms: end of the last span.
    amounts: what flowed in each span, in units of which `units_per_ml` make a millilitre;
        when the recording counts pulses, `units_per_ml` is None and the unit is one pulse.
    starts_at_s: UTC seconds of the start, None when the recording does not say.
    pressures_kpa: recorded pressure of each span, None when none was recorded.
    missing_starts_ms: the spans without a value, by their start. Nothing flows in them.
    """

    name: str
    starts_at_s: int | None
    span_starts_ms: Sequence[int]
    ends_ms: int
    amounts: Sequence[int]
    units_per_ml: int | None
    pressures_kpa: Sequence[int | None] | None
    missing_starts_ms: Sequence[int]

    def since(self, offset_ms: int) -> "Recording":
        """The same recording from `offset_ms` on, which must be the start of a span."""
        first = self.span_starts_ms.index(offset_ms)
        pressures = self.pressures_kpa
        return Recording(
            name=self.name,
            starts_at_s=None if self.starts_at_s is None else self.starts_at_s + offset_ms // 1000,
            span_starts_ms=[start - offset_ms for start in self.span_starts_ms[first:]],
            ends_ms=self.ends_ms - offset_ms,
            amounts=self.amounts[first:],
            units_per_ml=self.units_per_ml,
            pressures_kpa=None if pressures is None else pressures[first:],
            missing_starts_ms=[
                start - offset_ms for start in self.missing_starts_ms if start >= offset_ms
            ],
        )


def whole_amounts(
    flows: Sequence[int], parts: int, spans_ms: Sequence[int], unit: str
) -> tuple[Sequence[int], int]:
    """Turn flows, in so many parts of their unit, into amounts without rounding.

    Return the amounts, and how many of their units make 1 ml.
    """
    ml_per_ms = ML_PER_MS[unit]
    units_per_ml = parts * ml_per_ms.denominator
    factor = ml_per_ms.numerator

    def amounts() -> Iterator[int]:
        return (flow * factor * span for flow, span in zip(flows, spans_ms, strict=True))

    common = reduce(gcd, amounts(), units_per_ml)
    return compact(lambda: (amount // common for amount in amounts())), units_per_ml // common


def compact(numbers: Callable[[], Iterable[int]]) -> Sequence[int]:
    """The numbers in 64 bits each where they fit, as they do for any flow of water."""
    try:
        return array("q", numbers())
    except OverflowError:
        return list(numbers())
