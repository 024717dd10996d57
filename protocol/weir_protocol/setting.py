"""What a setting is: one value of a meter that can be changed from afar, and what it may be."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from weir_protocol.errors import LinkError
from weir_protocol.frames import Reason

UNIT_OF_ENDING = {
    "_l_per_h": "l/h",
    "_kpa": "kPa",
    "_ppb": "ppb",
    "_ppm": "ppm",
    "_ml": "ml",
    "_mm": "mm",
    "_ms": "ms",
    "_mv": "mV",
    "_l": "l",
    "_s": "s",
}


class Kind(Enum):
    INTEGER = "integer"
    SWITCH = "switch"  # 0 off, 1 on
    CHOICE = "choice"  # the number of one of the setting's choices


class Role(Enum):
    """Who may change a setting."""

    OPERATOR = "operator"  # from afar
    TECHNICIAN = "technician"  # it alters what a register means: who has seen the meter


AUTOMATIC = -1
"""Value of a setting whose lowest value is this: the meter finds the value itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the settings table.

    key: its number on the wire, 1 to 250, never used twice.
    low, high, default: of the value, an i32; choices: their names, by value.
    meaning: for operators, in words that need no other page.
    """

    key: int
    name: str
    kind: Kind
    low: int
    high: int
    default: int
    meaning: str
    choices: tuple[str, ...] = ()
    role: Role = Role.OPERATOR

    @property
    def unit(self) -> str:
        """How the unit is written; the name ends in it."""
        found = (unit for ending, unit in UNIT_OF_ENDING.items() if self.name.endswith(ending))
        return next(found, "")

    @property
    def may_be_automatic(self) -> bool:
        return self.low == AUTOMATIC

    def holds(self, value: int) -> bool:
        """Return whether the value is in range."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule between two settings: ``lower`` is at most ``upper``, below it where ``strict``.

    when: switches; the rule counts only while all of them are on.
    text: the rule as one sentence for operators.
    """

    lower: Setting
    upper: Setting
    strict: bool
    text: str
    when: tuple[Setting, ...] = ()

    def is_kept(self, value_of: Callable[[Setting], int]) -> bool:
        if not all(value_of(switch) for switch in self.when):
            return True
        lower, upper = value_of(self.lower), value_of(self.upper)
        return lower < upper or (lower == upper and not self.strict)


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together, for the tables that people read."""

    title: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a setting is refused: what the meter would report, and a sentence for people.

    name: the setting to blame; of a broken rule, the one that must be lower.
    """

    name: str
    reason: Reason
    sentence: str


class SettingRefused(LinkError):
    """A name or a value that no meter would take; the text is one sentence for people."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


Span = tuple[int, int]


def number(
    key: int,
    name: str,
    span: Span,
    default: int,
    meaning: str,
    role: Role = Role.OPERATOR,
) -> Setting:
    return Setting(key, name, Kind.INTEGER, *span, default, meaning, role=role)


def switch(key: int, name: str, default: int, meaning: str) -> Setting:
    return Setting(key, name, Kind.SWITCH, 0, 1, default, meaning)


def choice(
    key: int,
    name: str,
    choices: tuple[str, ...],
    default: int,
    meaning: str,
    role: Role = Role.OPERATOR,
) -> Setting:
    return Setting(key, name, Kind.CHOICE, 0, len(choices) - 1, default, meaning, choices, role)
