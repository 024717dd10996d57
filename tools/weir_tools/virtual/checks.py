"""What must hold once everything has drained."""

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from weir.link.tables_gen import EVENT_SETTINGS_ROLLED_BACK, STATUS_SHORT_INTERVAL
from weir_gateway.store import outbox
from weir_gateway.store.settings import rows
from weir_tools.virtual import event_checks, settings_checks
from weir_tools.virtual.bounds import check_wear
from weir_tools.virtual.event_checks import EventTally
from weir_tools.virtual.gateway import VirtualGateway
from weir_tools.virtual.ledger import SEQUENCE_MASK, Ledger, MeterBook, Name, Taken, Values
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.order import check_order
from weir_tools.virtual.volume import check_volume

NEVER = ("fault", "conflict", "unanswerable", "unsupported")
"""Reasons for which the gateway must not have refused anything: each would be a defect."""

MISSTATED_MAX = 3
"""Readings that may have been on their way to the broker when their pulse weight became known."""

_NO_PRESSURE_KPA = -32768


@dataclass(slots=True)
class Tally:
    """meter_events: what they noted. changes: how many changes of settings ended in which state.

    reads_asked: requests for a reading that the gateway took.
    """

    taken: int = 0
    stored: int = 0
    lost_named: int = 0
    lost_unnamed: int = 0
    pulses_vanished: int = 0
    meter_events: EventTally = field(default_factory=EventTally)
    changes: Counter[str] = field(default_factory=Counter)
    reads_asked: int = 0
    reads_answered: int = 0


class Losses:
    """The ranges that the gateway has named lost, by meter and epoch."""

    def __init__(self, database: sqlite3.Connection, meter_id: int) -> None:
        self._ranges: dict[int, list[tuple[int, int]]] = {}
        rows = database.execute(
            "SELECT epoch, first_sequence, last_sequence FROM gaps "
            "WHERE meter_id = ? AND state = 'lost' ORDER BY epoch, first_sequence",
            (meter_id,),
        )
        for epoch, first, last in rows:
            self._ranges.setdefault(epoch, []).append((first, last))

    def names(self) -> Iterator[Name]:
        for epoch, ranges in self._ranges.items():
            for first, last in ranges:
                for sequence in range(first, last + 1):
                    yield epoch, sequence & SEQUENCE_MASK

    def has(self, name: Name) -> bool:
        ranges = self._ranges.get(name[0], [])
        for sequence in (name[1], name[1] + SEQUENCE_MASK + 1):  # as wire and as unwrapped
            place = bisect_right(ranges, (sequence, 1 << 62))
            if place and ranges[place - 1][1] >= sequence:
                return True
        return False


def is_settled(ledger: Ledger, database: sqlite3.Connection, meter: VirtualMeter) -> bool:
    """Return whether all that a meter took is stored or named lost, and nothing waits for it."""
    missing = _missing(ledger, meter.book)
    if missing:
        losses = Losses(database, meter.meter_id)
        if not all(losses.has(name) for name in missing):
            return False
    events = event_checks.is_settled(ledger, database, meter.book.events)
    return events and settings_checks.is_settled(database, meter)


def untold_count(database: sqlite3.Connection) -> int:
    """Return how many readings, events and news of gaps and settings are still to go out."""
    news = database.execute(
        "SELECT (SELECT COUNT(*) FROM gap_news WHERE published = 0) + "
        "(SELECT COUNT(*) FROM settings_news)"
    ).fetchone()
    return outbox.unpublished_count(database) + event_checks.untold_count(database) + int(news[0])


def check_all(
    ledger: Ledger,
    database: sqlite3.Connection,
    meters: list[VirtualMeter],
    gateway: VirtualGateway,
    frames: int,
) -> Tally:
    """Enter every broken promise into the ledger; return what there was."""
    tally = Tally()
    for meter in meters:
        _check_custody(ledger, database, meter.book, tally)
        _check_registers(ledger, database, meter.meter_id)
        tally.pulses_vanished += check_volume(ledger, meter.book)
        check_order(ledger, meter.meter_id)
        check_wear(ledger, meter, frames)
        event_checks.check_events(ledger, database, meter, tally.meter_events)
        tally.changes += settings_checks.check_settings(ledger, database, meter)
        asked, answered = settings_checks.check_reads(ledger, database, meter)
        tally.reads_asked += asked
        tally.reads_answered += answered
    _check_published(ledger)
    event_checks.check_told(ledger)
    for reason in NEVER:
        if gateway.rejects[reason]:
            ledger.breach(0, None, f"the gateway refused {gateway.rejects[reason]} as {reason}")
    return tally


def _missing(ledger: Ledger, book: MeterBook) -> set[Name]:
    stored, meter_id = ledger.stored, book.meter_id
    return {name for name in book.names() if (meter_id, *name) not in stored}


def _check_custody(
    ledger: Ledger, database: sqlite3.Connection, book: MeterBook, tally: Tally
) -> None:
    held = _held(database, book.meter_id)
    _check_shapes(ledger, database, book)
    losses = Losses(database, book.meter_id)
    names = book.names()
    tally.taken += len(names)
    tally.stored += len(held)
    for name in sorted(names - held.keys()):
        if losses.has(name):
            tally.lost_named += 1
            if name in book.taken and not book.may_lose(name):
                ledger.breach(book.meter_id, name[1], "is named lost, but the meter has it")
        else:
            tally.lost_unnamed += 1
            ledger.breach(book.meter_id, name[1], "is neither stored nor named lost")
    _check_told(ledger, book.meter_id, losses)
    for name in book.twice:
        ledger.breach(book.meter_id, name[1], "names two records")
    for name, values in held.items():
        _check_reading(ledger, book, name, values)
        if losses.has(name):
            ledger.breach(book.meter_id, name[1], "is stored and named lost")


def _check_shapes(ledger: Ledger, database: sqlite3.Connection, book: MeterBook) -> None:
    """Each reading has the pulse weight and the sample interval that it was taken under.

    Not where a restored database knows nothing of the change, nor under one that the meter gave up
    before it could report it, nor for what it began after that and did not finish.
    """
    kept = rows.versions(database, book.meter_id, "state IN ('applied', 'superseded')")
    known = {0, *(one.version for one in kept)}
    found = database.execute(
        "SELECT epoch, sequence, pulse_weight_ml, sample_interval_s FROM readings "
        "WHERE meter_id = ?",
        (book.meter_id,),
    )
    went_back = any(one.values[2] == EVENT_SETTINGS_ROLLED_BACK for one in book.events.in_order)
    for epoch, sequence, *shape in found:
        taken = book.taken.get((epoch, sequence & SEQUENCE_MASK))
        if taken is None or taken.version not in known or (went_back and _is_short(taken)):
            ledger.misstated.pop((book.meter_id, epoch, sequence & SEQUENCE_MASK), None)
        elif taken.shape != tuple(shape):
            what = f"is stored with pulse weight and sample interval {shape}, not {taken.shape}"
            ledger.breach(book.meter_id, taken.sequence, what)


def _is_short(taken: Taken) -> bool:
    return bool(taken.values[7] & STATUS_SHORT_INTERVAL)


def _check_told(ledger: Ledger, meter_id: int, losses: Losses) -> None:
    """The consumers know of each loss, and of none that is not one."""
    lost = {(meter_id, *name) for name in losses.names()}
    told = {key for key in ledger.told_lost if key[0] == meter_id}
    for key in sorted(lost - told):
        ledger.breach(meter_id, key[2], "is named lost, but no message told of it")
    for key in sorted(told & ledger.stored.keys()):
        ledger.breach(meter_id, key[2], "was told as lost, but is stored")


def _check_reading(ledger: Ledger, book: MeterBook, name: Name, values: Values) -> None:
    taken = book.taken.get(name)
    known = [taken] if taken is not None else book.doubtful.get(name, [])
    if all(one.values != values for one in known):
        ledger.breach(book.meter_id, name[1], f"is stored as {values}, which was never taken")


def _held(database: sqlite3.Connection, meter_id: int) -> dict[Name, Values]:
    rows = database.execute(
        "SELECT epoch, sequence, taken_at_s, forward_pulses, reverse_pulses, pressure_mean_kpa, "
        "pressure_min_kpa, pressure_max_kpa, peak_flow_pulses, status, time_quality "
        "FROM readings WHERE meter_id = ?",
        (meter_id,),
    )
    return {
        (epoch, sequence & SEQUENCE_MASK): tuple(
            _NO_PRESSURE_KPA if value is None else value for value in values
        )
        for epoch, sequence, *values in rows
    }


def _check_registers(ledger: Ledger, database: sqlite3.Connection, meter_id: int) -> None:
    before: dict[int, tuple[int, int]] = {}
    rows = database.execute(
        "SELECT epoch, sequence, forward_pulses, reverse_pulses FROM readings "
        "WHERE meter_id = ? ORDER BY epoch, sequence",
        (meter_id,),
    )
    for epoch, sequence, *registers in rows:
        for now, was in zip(registers, before.get(epoch, registers), strict=True):
            if (now - was) & SEQUENCE_MASK >= 1 << 31:
                ledger.breach(meter_id, sequence, f"a register went back from {was} to {now}")
        before[epoch] = (registers[0], registers[1])


def _check_published(ledger: Ledger) -> None:
    for key in sorted(ledger.stored.keys() - ledger.arrivals.keys()):
        ledger.breach(key[0], key[2], "was never published")
    for key in sorted(ledger.arrivals.keys() - ledger.stored.keys() - ledger.withdrawn):
        ledger.breach(key[0], key[2], "was published but is not stored")
    if len(ledger.misstated) > MISSTATED_MAX:
        key, what = next(iter(ledger.misstated.items()))
        ledger.breach(key[0], key[2], what)
    for key, arrival in ledger.arrivals.items():
        taken = ledger.books[key[0]].taken.get(key[1:])
        if taken is not None and arrival.values != _shown(taken.values):
            ledger.breach(key[0], key[2], f"was published as {arrival.values}")


def _shown(values: Values) -> tuple[int | None, ...]:
    """Return what a publication shows of a record, see weir_tools.virtual.consumers.SHOWN."""
    return tuple(None if value == _NO_PRESSURE_KPA else value for value in values[1:6])
