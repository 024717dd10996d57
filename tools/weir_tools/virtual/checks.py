"""What must hold once everything has drained."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from weir_gateway.store import outbox
from weir_tools.virtual.bounds import check_wear
from weir_tools.virtual.gateway import VirtualGateway
from weir_tools.virtual.ledger import SEQUENCE_MASK, Ledger, MeterBook, Name, Values
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.order import check_order
from weir_tools.virtual.volume import check_volume

NEVER = ("fault", "conflict", "unanswerable", "unsupported")
"""Reasons for which the gateway must not have refused anything: each would be a defect."""

_NO_PRESSURE_KPA = -32768


@dataclass(slots=True)
class Tally:
    taken: int = 0
    stored: int = 0
    lost_named: int = 0
    lost_unnamed: int = 0
    pulses_vanished: int = 0


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


def is_settled(ledger: Ledger, database: sqlite3.Connection, book: MeterBook) -> bool:
    """Return whether all that a meter took is stored or named lost."""
    missing = _missing(ledger, book)
    if not missing:
        return True
    losses = Losses(database, book.meter_id)
    return all(losses.has(name) for name in missing)


def untold_count(database: sqlite3.Connection) -> int:
    """Return how many readings and news of gaps are still to go out."""
    news = database.execute("SELECT COUNT(*) FROM gap_news WHERE published = 0").fetchone()
    return outbox.unpublished_count(database) + int(news[0])


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
    _check_published(ledger)
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
    for key, arrival in ledger.arrivals.items():
        taken = ledger.books[key[0]].taken.get(key[1:])
        if taken is not None and arrival.values != _shown(taken.values):
            ledger.breach(key[0], key[2], f"was published as {arrival.values}")


def _shown(values: Values) -> tuple[int | None, ...]:
    """Return what a publication shows of a record, see weir_tools.virtual.broker.SHOWN."""
    return tuple(None if value == _NO_PRESSURE_KPA else value for value in values[1:6])
