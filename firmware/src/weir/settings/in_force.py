"""The settings in force: as provisioned, changed by the overrides of one version, kept in flash.

A version that has just come into force is on trial, and what worked before is kept beside it. So
wrong settings of the link cannot cut a meter off for good.
"""

import struct
from array import array

from micropython import const
from weir.settings import table
from weir.settings import table_gen as g

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Vault(Protocol):
        """See weir.store.vault."""

        def load(self) -> "bytes | None": ...
        def store(self, blob: bytes) -> bool: ...


TRIAL_CALLS_MAX = 2  # in a row without an answer: they end a trial

_NOT_ON_TRIAL = const(0xFF)
_STATE = const(
    "<HB"
)  # version given up, calls of the trial; then the set in force, then the one before
_STATE_SIZE = const(3)
_SET = const("<HIB")  # version, sequence of its first record, overrides
_SET_SIZE = const(7)
_ITEM = const("<Bi")
_ITEM_SIZE = const(5)


def _pack_set(version: int, first_sequence: int, overrides: "Mapping[int, int]") -> bytes:
    packed = struct.pack(_SET, version, first_sequence, len(overrides))
    for key, value in overrides.items():
        packed += struct.pack(_ITEM, key, value)
    return packed


def _unpack_set(packed: bytes, offset: int) -> "tuple[int, int, dict[int, int], int]":
    """Return version, sequence, overrides, and where the set ends."""
    version, first_sequence, count = struct.unpack_from(_SET, packed, offset)
    offset += _SET_SIZE
    overrides = {}
    for _ in range(count):
        key, value = struct.unpack_from(_ITEM, packed, offset)
        overrides[key] = value
        offset += _ITEM_SIZE
    return version, first_sequence, overrides, offset


class Settings:
    """Values by key; see weir.settings.table_gen.

    version: in force, 0 as provisioned.
    first_sequence: of the first record taken under it.
    given_up: version that was rolled back, refused until another is applied; 0 for none.
    """

    def __init__(self, provisioned: "Mapping[int, int]", vault: "Vault") -> None:
        """provisioned: values by key, each in range. The vault says what was changed since."""
        self._provisioned = provisioned
        self._vault = vault
        self._values = array("i", [0] * (g.KEYS[-1] + 1))  # in force, by key: asked all the time
        self._overrides: dict[int, int] = {}
        self._fallback = b""  # the set that worked before, while another is on trial
        self._trial_calls = _NOT_ON_TRIAL
        self.version = self.first_sequence = self.given_up = 0
        blob = vault.load()
        if blob is not None:
            self.given_up, self._trial_calls = struct.unpack_from(_STATE, blob, 0)
            self.version, self.first_sequence, self._overrides, end = _unpack_set(
                blob, _STATE_SIZE
            )
            self._fallback = blob[end:]
        self._take_values()

    @property
    def on_trial(self) -> bool:
        """Whether no session begun under this version has been answered yet."""
        return self._trial_calls != _NOT_ON_TRIAL

    @property
    def trial_is_lost(self) -> bool:
        """Whether all the calls of the trial were begun, and none of them was answered."""
        return self.on_trial and self._trial_calls >= TRIAL_CALLS_MAX

    def value(self, key: int) -> int:
        """Return the value in force."""
        return self._values[key]

    def value_under(self, overrides: "Mapping[int, int]", key: int) -> int:
        """Return the value under other overrides; what this firmware does not take is ignored."""
        value = overrides.get(key)
        if value is not None and table.holds(key, value):
            return value
        return self.provisioned(key)

    def provisioned(self, key: int) -> int:
        """Return the value as provisioned."""
        value = self._provisioned.get(key)
        return table.default_of(key) if value is None else value

    def changed_keys(self) -> bytes:
        """Return the keys whose value differs from the default of the table."""
        return bytes([key for key in g.KEYS if self.value(key) != table.default_of(key)])

    def apply(self, version: int, overrides: "Mapping[int, int]", first_sequence: int) -> bool:
        """Put a checked version into force, on trial. Durable in whole when it returns True.

        Nothing changes when it returns False: flash takes no more. What is on trial already is
        not what is gone back to.
        """
        fallback = self._fallback or self._packed()
        state = struct.pack(_STATE, 0, 0)
        if not self._vault.store(state + _pack_set(version, first_sequence, overrides) + fallback):
            return False
        self.version, self.first_sequence = version, first_sequence
        self._overrides = dict(overrides)
        self._take_values()
        self._fallback = fallback
        self.given_up = self._trial_calls = 0
        return True

    def confirm(self) -> None:
        """End the trial: a session begun under this version was answered."""
        self._trial_calls = _NOT_ON_TRIAL
        self._fallback = b""
        self._store()

    def begin_trial_call(self) -> None:
        """Count a call before it is made, so that a reset in it counts. ``confirm`` undoes it."""
        self._trial_calls += 1
        self._store()

    def roll_back(self, first_sequence: int) -> None:
        """Give the version on trial up; go back to the settings that worked before."""
        self.given_up = self.version
        self._trial_calls = _NOT_ON_TRIAL
        self.version, _, self._overrides, _ = _unpack_set(self._fallback, 0)
        self.first_sequence = first_sequence
        self._take_values()
        self._fallback = b""
        self._store()

    def overrides_before(self) -> "dict[int, int]":
        """Return the overrides that ``roll_back`` would bring back."""
        return _unpack_set(self._fallback, 0)[2]

    def _take_values(self) -> None:
        for key in g.KEYS:
            self._values[key] = self.value_under(self._overrides, key)

    def _packed(self) -> bytes:
        return _pack_set(self.version, self.first_sequence, self._overrides)

    def _store(self) -> None:
        """Keep what has become of a trial. Flash that takes no more repeats it at a start."""
        state = struct.pack(_STATE, self.given_up, self._trial_calls)
        self._vault.store(state + self._packed() + self._fallback)
