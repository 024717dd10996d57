"""The adaptive model of a batch: contexts, their first estimates, and activity (WL-MOD).

Everything here is also what the meter's tables are generated from.
"""

from enum import IntEnum
from functools import cache

from weir_protocol.errors import CallerError, PeerError
from weir_protocol.priors import PRIOR_256THS, PRIOR_OF_COLUMN
from weir_protocol.rangecoder import Coder, context_state


class Column(IntEnum):
    """The columns of a batch. Each has contexts and an activity of its own (WL-MOD-01)."""

    TIME = 0
    FORWARD = 1
    FORWARD_CHANGE = 2
    REVERSE = 3
    MEAN = 4
    DROP = 5
    RISE = 6
    PEAK_OF_BURST = 7
    PEAK_OF_STEADY = 8


LEVELS = 8  # how many activity levels choose among a column's contexts
EXPONENTS = 12  # exponents from here on share the last context
EXPONENT_MAX = 33  # bit length of the largest magnitude: a change of a 32-bit difference
MANTISSAS = 8
SIGNS = 3

MANTISSA_OFFSET = LEVELS * EXPONENTS
SIGN_OFFSET = MANTISSA_OFFSET + MANTISSAS
COLUMN_CONTEXTS = SIGN_OFFSET + SIGNS
MORE_CONTEXT = len(Column) * COLUMN_CONTEXTS
SAME_STATUS_CONTEXT = MORE_CONTEXT + 1
SAME_QUALITY_CONTEXT = MORE_CONTEXT + 2
CONTEXT_COUNT = MORE_CONTEXT + 3

EVEN_STATE = context_state(2048, 0)
LIKELY_STATE = context_state(3840, 2)  # first estimate of "as before"

FIRST_ACTIVITY = (0, 32, 64, 0, 4, 8, 8, 0, 2)
"""Activity of each column before its first value (WL-MOD-05)."""


@cache
def first_contexts() -> tuple[int, ...]:
    """Return the contexts as every batch starts with them."""
    contexts: list[int] = []
    for table in PRIOR_OF_COLUMN:
        contexts += [context_state(prior << 4, 1) for row in PRIOR_256THS[table] for prior in row]
        contexts += [EVEN_STATE] * (MANTISSAS + SIGNS)
    return (*contexts, EVEN_STATE, LIKELY_STATE, LIKELY_STATE)


def level(magnitude: int) -> int:
    """Return the activity level of a magnitude, 0 to LEVELS - 1."""
    return min(magnitude.bit_length(), LEVELS - 1)


class Model:
    """What both sides know after the same values: contexts, activity, and last signs."""

    def __init__(self, coder: Coder) -> None:
        self._coder = coder
        self._contexts = list(first_contexts())
        self._last_sign = [0] * len(Column)
        self.activity = list(FIRST_ACTIVITY)

    def flag(self, context: int, bit: int) -> int:
        """Code one yes or no with a context that belongs to no column."""
        return self._coder.bit(self._contexts, context, bit)

    def remember(self, column: Column, magnitude: int) -> None:
        """Let the activity of a column follow its magnitudes; it tends to twice their mean."""
        self.activity[column] += magnitude - (self.activity[column] >> 1)

    def unsigned(self, column: Column, at_level: int, value: int) -> int:
        """Code a value of 0 to 2**33 - 1: bit length in unary, one modelled bit, the rest raw."""
        if value < 0:
            raise CallerError(f"{column.name} is {value}, below 0")
        base = column * COLUMN_CONTEXTS
        length = self._length(base + at_level * EXPONENTS, value.bit_length())
        if length < 2:
            return length
        bit = self._coder.bit(
            self._contexts,
            base + MANTISSA_OFFSET + min(length, MANTISSAS - 1),
            value >> length - 2 & 1,
        )
        rest = self._coder.raw(length - 2, value & (1 << length - 2) - 1)
        return (2 | bit) << length - 2 | rest

    def signed(self, column: Column, at_level: int, value: int) -> int:
        """Code a value of magnitude up to 2**33 - 1: magnitude, then the sign unless it is 0."""
        magnitude = self.unsigned(column, at_level, abs(value))
        if magnitude == 0:
            return 0
        context = column * COLUMN_CONTEXTS + SIGN_OFFSET + self._last_sign[column]
        negative = self._coder.bit(self._contexts, context, int(value < 0))
        self._last_sign[column] = 1 + negative
        return -magnitude if negative else magnitude

    def _length(self, context: int, wanted: int) -> int:
        if wanted > EXPONENT_MAX:
            raise CallerError(f"a magnitude of {wanted} bits; {EXPONENT_MAX} is the longest")
        length = 0
        while self._coder.bit(
            self._contexts, context + min(length, EXPONENTS - 1), int(length < wanted)
        ):
            length += 1
            if length > EXPONENT_MAX:
                raise PeerError("WL-MOD-03", f"a magnitude longer than {EXPONENT_MAX} bits")
        return length
