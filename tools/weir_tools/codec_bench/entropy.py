"""Zero-order entropy: what a column would need at least, were each value coded by itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import log2

from weir.link.tables_gen import NO_PRESSURE_KPA

COLUMNS = ("forward", "reverse", "pressure_mean", "pressure_min", "pressure_max", "peak_flow")


def entropy_bits(days: Sequence[Sequence[Sequence[int]]]) -> dict[str, float]:
    """Bits a record in each column, over all days of one recording.

    A column counts as what is unknown of it when the columns before it are known: the pulses of
    the interval, the mean pressure's change, the distances of minimum and maximum from the mean,
    the peak's distance from an even flow. Of the pulses themselves and their change, and so on
    for every column, the cheaper of the two is taken.
    """
    return {
        name: min(_entropy(values), _entropy(_changes(values)))
        for name, values in zip(COLUMNS, _columns(days), strict=True)
    }


def _columns(days: Sequence[Sequence[Sequence[int]]]) -> list[list[list[int]]]:
    """For each column the values of each day."""
    columns: list[list[list[int]]] = [[] for _ in COLUMNS]
    for records in days:
        rows = [_residuals(before, record) for before, record in pairwise(records)]
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.append(list(values))
    return columns


def _residuals(before: Sequence[int], record: Sequence[int]) -> tuple[int, ...]:
    forward = (record[1] - before[1]) % 2**32
    reverse = (record[2] - before[2]) % 2**32
    mean, low, high = record[3:6]
    if mean == NO_PRESSURE_KPA:
        mean = low = high = 0
    return forward, reverse, mean, mean - low, high - mean, record[6] - -(-forward // 15)


def _changes(days: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[after - before for before, after in pairwise(day)] for day in days]


def _entropy(days: Iterable[Sequence[int]]) -> float:
    counts = Counter(value for day in days for value in day)
    total = sum(counts.values())
    return -sum(count / total * log2(count / total) for count in counts.values()) if total else 0.0
