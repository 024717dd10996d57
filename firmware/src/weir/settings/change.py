"""A change of settings on its way into the meter: gathered, then checked as a whole."""

from micropython import const
from weir.link import tables_gen as t
from weir.settings import table
from weir.settings import table_gen as g

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence

    from weir.settings.in_force import Settings


class Draft:
    """One version as its frames come in: every setting that is not as provisioned.

    overrides: values by key.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        self.overrides: dict[int, int] = {}
        self._count = -1

    def take(self, items: "Sequence[tuple[int, ...]]") -> bool:
        """Take the items of one frame, again or not; return whether the version is whole.

        Another count is of another change, whatever its number (WL-SET-04).
        """
        for key, value in items:
            if key == t.KEY_COUNT:
                if value != self._count >= 0:
                    self.overrides = {}
                self._count = value
            else:
                self.overrides[key] = value
        return len(self.overrides) == self._count

    def faults(self, settings: "Settings") -> "dict[int, int]":
        """Return the reason against each key to blame; none when the version may be applied.

        A broken rule blames those of its keys that the version sets.
        """
        found = self._faults_of_values()
        for lower, upper, strict, switches in g.RULES:
            if found.get(lower) or found.get(upper):
                continue
            if all(self._value(settings, key) for key in switches):
                above = self._value(settings, lower) - self._value(settings, upper)
                if above > 0 or (strict and not above):
                    self._blame(found, lower, upper)
        return found

    def _faults_of_values(self) -> "dict[int, int]":
        found = {}
        for key, value in self.overrides.items():
            if table.row_of(key) < 0:
                found[key] = t.REASON_UNKNOWN_KEY
            elif not table.holds(key, value):
                found[key] = t.REASON_OUT_OF_RANGE
        return found

    def _value(self, settings: "Settings", key: int) -> int:
        return settings.value_under(self.overrides, key)

    def _blame(self, found: "dict[int, int]", lower: int, upper: int) -> None:
        ours = [key for key in (lower, upper) if key in self.overrides]
        for key in ours or (lower, upper):
            found[key] = t.REASON_BREAKS_RULE
