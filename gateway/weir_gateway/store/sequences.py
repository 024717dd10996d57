"""Sequences: 32 bits on the wire, unwrapped in the database so that order is plain order."""

from collections.abc import Iterable

_MODULUS = 1 << 32
_HALF = 1 << 31
_EPOCH_MAX = _MODULUS - 1

Range = tuple[int, int]
"""First and last of an unbroken run of unwrapped sequences."""


def unwrap(wire: int, near: int) -> int:
    """Return the unwrapped sequence nearest to ``near`` that is ``wire`` modulo 2**32."""
    return near + (wire - near + _HALF) % _MODULUS - _HALF


def wrap(sequence: int) -> int:
    """Return a sequence as the wire carries it."""
    return sequence % _MODULUS


def reading_id(meter_id: int, epoch: int, sequence: int) -> str:
    """Return the stable name of a reading: the same in every repeat, for ever."""
    return f"{meter_id}-{epoch:08x}-{wrap(sequence)}"


def event_id(meter_id: int, epoch: int, sequence: int) -> str:
    """Return the stable name of an event. Those of the gateway have its name for an epoch."""
    source = "gateway" if epoch > _EPOCH_MAX else f"{epoch:08x}"
    return f"{meter_id}-{source}-e{wrap(sequence)}"


def runs(sequences: list[int]) -> list[Range]:
    """Return the (first, last) of each unbroken run in ascending ``sequences``."""
    found: list[Range] = []
    for sequence in sequences:
        if found and sequence == found[-1][1] + 1:
            found[-1] = (found[-1][0], sequence)
        else:
            found.append((sequence, sequence))
    return found


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return what is left of ``ranges``, in their order, when ``taken`` is cut out of each."""
    left = list(ranges)
    for taken_first, taken_last in taken:
        pieces: list[Range] = []
        for first, last in left:
            if taken_last < first or last < taken_first:
                pieces.append((first, last))
                continue
            if first < taken_first:
                pieces.append((first, taken_first - 1))
            if taken_last < last:
                pieces.append((taken_last + 1, last))
        left = pieces
    return left
