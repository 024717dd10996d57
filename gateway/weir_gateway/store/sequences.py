"""Sequences: 32 bits on the wire, unwrapped in the database so that order is plain order."""

_MODULUS = 1 << 32
_HALF = 1 << 31


def unwrap(wire: int, near: int) -> int:
    """Return the unwrapped sequence nearest to ``near`` that is ``wire`` modulo 2**32."""
    return near + (wire - near + _HALF) % _MODULUS - _HALF


def wrap(sequence: int) -> int:
    """Return a sequence as the wire carries it."""
    return sequence % _MODULUS


def reading_id(meter_id: int, epoch: int, sequence: int) -> str:
    """Return the stable name of a reading: the same in every repeat, for ever."""
    return f"{meter_id}-{epoch:08x}-{wrap(sequence)}"


def runs(sequences: list[int]) -> list[tuple[int, int]]:
    """Return the (first, last) of each unbroken run in ascending ``sequences``."""
    found: list[tuple[int, int]] = []
    for sequence in sequences:
        if found and sequence == found[-1][1] + 1:
            found[-1] = (found[-1][0], sequence)
        else:
            found.append((sequence, sequence))
    return found
