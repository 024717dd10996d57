"""Binary range coder with adaptive probabilities (WL-RNG).

A carry-propagating coder of 24 bits, so that every product stays below 2**30 and a meter
computes it in small integers. The principle is that of G. N. N. Martin, "Range encoding" (1979);
the adaptive step is a running estimate whose rate falls from 5/8 to 1/17 as evidence grows.

``Encoder`` and ``Decoder`` have the same two calls and both return the value, so one walk over a
batch serves packing and unpacking.
"""

from array import array
from collections.abc import Iterable
from functools import cache
from typing import Protocol

from weir_protocol.errors import CallerError, PeerError

TOP = 1 << 24
BOTTOM = 1 << 16
PROBABILITY_BITS = 12
PROBABILITY_ONE = 1 << PROBABILITY_BITS
PROBABILITY_MIN = 31
PROBABILITY_MAX = PROBABILITY_ONE - PROBABILITY_MIN
EVIDENCE_MAX = 15

RATES = tuple(10 * 65536 // (10 * evidence + 16) for evidence in range(EVIDENCE_MAX + 1))
"""Step of an estimate towards the bit just seen, in 1/65536, by how many bits it has seen."""


def context_state(probability: int, evidence: int) -> int:
    """Pack one context: estimate of a 1 in 1/4096, and how many bits stand behind it, 0 to 15."""
    return probability << 4 | evidence


class Coder(Protocol):
    """What a batch is walked with, in either direction."""

    def bit(self, contexts: list[int], index: int, bit: int) -> int:
        """Code one bit with the context at ``index`` and let that context learn."""

    def raw(self, bit_count: int, value: int) -> int:
        """Code ``bit_count`` bits (0 to 40) that no context predicts, most significant first."""


@cache
def _states_after() -> "tuple[array[int], array[int]]":
    """Return the state after a 0 and after a 1, for every state: learning is one look-up."""
    after = (array("H", bytes(2 << 16)), array("H", bytes(2 << 16)))
    for probability in range(PROBABILITY_MIN, PROBABILITY_MAX + 1):
        for evidence, rate in enumerate(RATES):
            state = context_state(probability, evidence)
            more = min(evidence + 1, EVIDENCE_MAX)
            down = max(probability - (probability * rate >> 16), PROBABILITY_MIN)
            step = (PROBABILITY_ONE - probability) * rate >> 16
            up = min(probability + step, PROBABILITY_MAX)
            after[0][state] = context_state(down, more)
            after[1][state] = context_state(up, more)
    return after


def _chunks(bit_count: int) -> Iterable[tuple[int, int]]:
    """Yield ``(shift, width)`` of pieces of at most 8 bits, most significant first."""
    while bit_count:
        width = min(bit_count, 8)
        bit_count -= width
        yield bit_count, width


class Encoder:
    """Writes bits; ``finish`` returns the shortest byte string that decodes to them."""

    def __init__(self) -> None:
        self._after = _states_after()
        self._low = 0
        self._range = TOP
        self._output = bytearray()

    def bit(self, contexts: list[int], index: int, bit: int) -> int:
        state = contexts[index]
        bound = (self._range >> PROBABILITY_BITS) * (state >> 4)
        contexts[index] = self._after[bit][state]
        if bit:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
        self._normalise()
        return bit

    def raw(self, bit_count: int, value: int) -> int:
        if value < 0 or value >> bit_count:
            raise CallerError(f"{value} does not fit {bit_count} bits")
        for shift, width in _chunks(bit_count):
            self._range >>= width
            self._low += self._range * (value >> shift & (1 << width) - 1)
            self._normalise()
        return value

    def finish(self) -> bytes:
        self._low += BOTTOM - 1
        self._carry()
        self._output.append(self._low >> 16)
        return bytes(self._output).rstrip(b"\x00")

    def _normalise(self) -> None:
        self._carry()
        while self._range < BOTTOM:
            self._output.append(self._low >> 16)
            self._low = (self._low & 0xFFFF) << 8
            self._range <<= 8

    def _carry(self) -> None:
        if self._low < TOP:
            return
        self._low -= TOP
        position = len(self._output) - 1
        while self._output[position] == 0xFF:
            self._output[position] = 0
            position -= 1
        self._output[position] += 1


class Decoder:
    """Reads bits; past the end of its input it reads zeros, as ``Encoder.finish`` relies on."""

    def __init__(self, encoded: bytes) -> None:
        self._after = _states_after()
        self._encoded = encoded
        self._position = 0
        self._code = 0
        self._range = TOP
        for _ in range(3):
            self._shift_in()

    def bit(self, contexts: list[int], index: int, bit: int = 0) -> int:
        state = contexts[index]
        bound = (self._range >> PROBABILITY_BITS) * (state >> 4)
        if self._code < bound:
            bit = 1
            self._range = bound
        else:
            bit = 0
            self._code -= bound
            self._range -= bound
        contexts[index] = self._after[bit][state]
        if self._range < BOTTOM:
            self._normalise()
        return bit

    def raw(self, bit_count: int, value: int = 0) -> int:
        value = 0
        for _, width in _chunks(bit_count):
            self._range >>= width
            piece = self._code // self._range
            if piece >> width:
                raise PeerError("WL-RNG-05", "no encoder makes this byte string")
            self._code -= piece * self._range
            value = value << width | piece
            self._normalise()
        return value

    def finish(self) -> None:
        """Raise PeerError when bytes are left over, or the last one could have been left out."""
        if len(self._encoded) > self._position - 2:
            raise PeerError("WL-RNG-05", "bytes after the end of the batch")
        if self._encoded.endswith(b"\x00"):
            raise PeerError("WL-RNG-05", "batch ends in a zero byte")

    def _normalise(self) -> None:
        while self._range < BOTTOM:
            self._range <<= 8
            self._shift_in()

    def _shift_in(self) -> None:
        byte = self._encoded[self._position] if self._position < len(self._encoded) else 0
        self._position += 1
        self._code = self._code << 8 | byte
