"""A regular expression for the whole numbers from one to another, as JSON schemas need it."""

from collections.abc import Iterator


def number_pattern(low: int, high: int) -> str:
    """Return a pattern that matches the decimal numbers low to high and no other, unanchored.

    It is of what Python and ECMA-262 have in common, and to be put between anchors or brackets.
    """
    return f"(?:{'|'.join(_ways(low, high))})"


def _ways(low: int, high: int) -> Iterator[str]:
    if low < 0:
        yield f"-{number_pattern(max(1, -high), -low)}"
    low = max(0, low)
    for length in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 0 if length == 1 else 10 ** (length - 1))
        last = min(high, 10**length - 1)
        if first <= last:
            yield "|".join(_digits(str(first), str(last)))


def _digits(low: str, high: str) -> Iterator[str]:
    """The ways to write the numbers low to high, which have the same length."""
    rest = len(low) - 1
    if not rest:
        yield _digit(low, high)
        return
    first, last = int(low[0]), int(high[0])
    if first == last:
        yield low[0] + _either(low[1:], high[1:])
        return
    if low[1:] != "0" * rest:
        yield low[0] + _either(low[1:], "9" * rest)
        first += 1
    if high[1:] != "9" * rest:
        last -= 1
    if first <= last:
        yield f"{_digit(str(first), str(last))}[0-9]{{{rest}}}"
    if last < int(high[0]):
        yield high[0] + _either("0" * rest, high[1:])


def _digit(low: str, high: str) -> str:
    return low if low == high else f"[{low}-{high}]"


def _either(low: str, high: str) -> str:
    ways = list(_digits(low, high))
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
