"""The truth, kept outside of everything that is tested: what was taken, stored and published."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weir_tools.virtual.changes import Change

Name = tuple[int, int]
"""Epoch and sequence of a record, as on the wire."""

Key = tuple[int, int, int]
"""meter_id, epoch and sequence, as on the wire."""

Values = tuple[int, ...]
"""A record as the meter keeps it: nine integers, see weir.store.journal."""

SEQUENCE_MASK = 0xFFFF_FFFF

HOPELESS = 200
"""Broken promises after which a world need not go on."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken. sequence: None where it concerns no single record."""

    meter_id: int
    sequence: int | None
    what: str


@dataclass(slots=True)
class Taken:
    """A record as it was given to a ring, in which boot, and what was true at that moment.

    true_s: since the world began. shape: pulse weight in ml and sample interval in s, then;
    version: of the settings in force.
    """

    sequence: int
    values: Values
    boot: int
    true_totals: tuple[int, int]
    true_s: float
    shape: tuple[int, int]
    version: int


@dataclass(slots=True)
class BootSpan:
    """The true totals when power came and when it went."""

    began: tuple[int, int]
    ended: tuple[int, int] | None = None


@dataclass(slots=True)
class RingBook:
    """One ring of a meter. doubtful: records whose append a power cut interrupted, whole or not.

    rotten: what was in cells that stick. ring_keeps: how many of the newest records a ring of its
    size must have, whatever it says.
    """

    meter_id: int
    taken: dict[Name, Taken] = field(default_factory=dict)
    doubtful: dict[Name, list[Taken]] = field(default_factory=dict)
    in_order: list[Taken] = field(default_factory=list)
    twice: list[Name] = field(default_factory=list)
    rotten: set[Name] = field(default_factory=set)
    ring_keeps: int = 0
    sequence_next: int = 0
    epoch: int = 0

    def take(self, name: Name, taken: Taken) -> None:
        """Note a record whose append has returned."""
        if name in self.taken:
            self.twice.append(name)
        self.taken[name] = taken
        self.in_order.append(taken)

    def names(self) -> set[Name]:
        """Return what must be stored or named lost: all taken, and what a cut has used up."""
        return set(self.taken) | {name for name in self.doubtful if self._is_used_up(name)}

    def _is_used_up(self, name: Name) -> bool:
        """Return whether the ring has gone past a sequence."""
        ahead = (self.sequence_next - name[1]) & SEQUENCE_MASK
        return name[0] != self.epoch or 0 < ahead < 1 << 31

    def may_lose(self, name: Name) -> bool:
        """Return whether a record may be overwritten, or rotted in a bad place of the flash."""
        return name in self.rotten or self._may_be_overwritten(name)

    def _may_be_overwritten(self, name: Name) -> bool:
        behind = (self.sequence_next - name[1]) & SEQUENCE_MASK
        return name[0] != self.epoch or self.ring_keeps < behind < 1 << 31


@dataclass(slots=True)
class MeterBook(RingBook):
    """One meter, with its ring of readings. events: its other ring.

    registers: what they showed when the world began. measured: when each STATUS was measured
    last, by its values after the settings version, in seconds since the world began.
    settings_stores: how often settings were written.
    """

    boots: list[BootSpan] = field(default_factory=list)
    registers: tuple[int, int] = (0, 0)
    events: RingBook = field(init=False)
    measured: dict[Values, float] = field(default_factory=dict)
    settings_stores: int = 0

    def __post_init__(self) -> None:
        self.events = RingBook(self.meter_id)


@dataclass(slots=True)
class Arrival:
    """The first arrival of a reading at the consumers. place: in the order of all arrivals.

    name: the id it came under."""

    place: int
    name: str
    historical: bool
    values: tuple[int | None, ...]


def _ignore() -> None:
    """What nobody asked to hear of."""


@dataclass(slots=True)
class EventLedger:
    """Events of meters. stored: the commit that each became durable with.

    places: of the first arrival of each at the consumers, in the order of all arrivals.
    denied: what the broker refused at least once.
    """

    stored: dict[Key, int] = field(default_factory=dict)
    places: dict[Key, int] = field(default_factory=dict)
    shown: dict[Key, tuple[object, ...]] = field(default_factory=dict)
    withdrawn: set[Key] = field(default_factory=set)
    denied: set[Key] = field(default_factory=set)
    arrival_count: int = 0


@dataclass(frozen=True, slots=True)
class DatabaseCopy:
    """What a copy of the gateway's database holds."""

    stored: dict[Key, int]
    events: dict[Key, int]
    uplink_counters: dict[tuple[int, int], int]


@dataclass(slots=True)
class Ledger:
    """stored: the commit that each reading became durable with. arrivals: by key.

    withdrawn: was stored until the database was restored from a copy without it.
    clock_jumps: the clock may stand where a restored database has been before; then the gateway
        does not promise that its frame counters are new. on_hopeless: told of too many breaches.
    began_s: UTC when the world began.
    backfills: requests for holes that the gateway sent. told_lost: what the consumers were told is
        lost, and not that it came after all. retained: the newest document of each topic.
    misstated: readings whose newest publication has wrong volumes.
    changes: of settings, by request id. asked: when a reading was asked for, by request id, in
        seconds since the world began.
    """

    books: dict[int, MeterBook] = field(default_factory=dict)
    stored: dict[Key, int] = field(default_factory=dict)
    uplink_counters: dict[tuple[int, int], int] = field(default_factory=dict)
    arrivals: dict[Key, Arrival] = field(default_factory=dict)
    denied: set[Key] = field(default_factory=set)
    arrival_count: int = 0
    told_lost: set[Key] = field(default_factory=set)
    duplicates: int = 0
    restores: int = 0
    backfills: int = 0
    withdrawn: set[Key] = field(default_factory=set)
    clock_jumps: bool = False
    began_s: int = 0
    events: EventLedger = field(default_factory=EventLedger)
    misstated: dict[Key, str] = field(default_factory=dict)
    retained: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    on_hopeless: Callable[[], None] = _ignore

    def book(self, meter_id: int) -> MeterBook:
        return self.books.setdefault(meter_id, MeterBook(meter_id))

    def stored_by(self, meter_id: int) -> list[tuple[Key, int]]:
        """Return what a meter has in custody, each with its commit."""
        return [(key, commit) for key, commit in self.stored.items() if key[0] == meter_id]

    def arrive(self, key: Key, arrival: Arrival) -> None:
        """Note an arrival at the consumers. A repeat must say the same."""
        first = self.arrivals.setdefault(key, arrival)
        if first.name != arrival.name:
            self.duplicates += 1
            self.breach(key[0], key[2], f"was published as {first.name} and {arrival.name}")
        if first.values != arrival.values:
            self.breach(key[0], key[2], "was published twice with different values")

    def copy(self) -> "DatabaseCopy":
        """Return what the database holds now."""
        return DatabaseCopy(
            dict(self.stored), dict(self.events.stored), dict(self.uplink_counters)
        )

    def restore(self, copy: "DatabaseCopy") -> None:
        """The database holds again what it held when the copy was made, and nothing else."""
        self.restores += 1
        self.withdrawn |= self.stored.keys() - copy.stored.keys()
        self.stored, self.uplink_counters = dict(copy.stored), dict(copy.uplink_counters)
        self.events.withdrawn |= self.events.stored.keys() - copy.events.keys()
        self.events.stored = dict(copy.events)

    def breach(self, meter_id: int, sequence: int | None, what: str) -> None:
        self.violations.append(Violation(meter_id, sequence, what))
        if len(self.violations) == HOPELESS:
            self.on_hopeless()
