"""What must hold of events and alarms once everything has drained."""

import sqlite3
from dataclasses import dataclass

from weir_gateway.store.rows import GATEWAY_EPOCH
from weir_tools.virtual.ledger import SEQUENCE_MASK, Key, Ledger, Name, RingBook, Values
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.outgoing import TOPICS

_IN_ORDER = (
    "SELECT epoch, sequence, taken_at_s, time_quality, code, phase, value, limit_value "
    "FROM events WHERE meter_id = ? AND epoch < ? ORDER BY number"
)
_GAPS = "SELECT epoch, first_sequence, last_sequence FROM event_gaps WHERE meter_id = ?"
_ACTIVE = "SELECT code FROM alarms WHERE meter_id = ? AND epoch < ? AND cleared_sequence IS NULL"
_UNTOLD = "SELECT COUNT(*) FROM events WHERE published = 0"


@dataclass(slots=True)
class EventTally:
    taken: int = 0
    stored: int = 0
    lost_named: int = 0
    lost_unnamed: int = 0


def untold_count(database: sqlite3.Connection) -> int:
    """Return how many events are still to go out."""
    return int(database.execute(_UNTOLD).fetchone()[0])


def is_settled(ledger: Ledger, database: sqlite3.Connection, book: RingBook) -> bool:
    """Return whether all events that a meter noted are stored or named lost."""
    stored = ledger.events.stored
    missing = {name for name in book.names() if (book.meter_id, *name) not in stored}
    return not missing or missing <= _lost(database, book.meter_id)


def check_events(
    ledger: Ledger, database: sqlite3.Connection, meter: VirtualMeter, tally: EventTally
) -> None:
    """Enter every broken promise of one meter into the ledger, and count what there was."""
    book, meter_id = meter.book.events, meter.meter_id
    held = _held(database, meter_id)
    lost, names = _lost(database, meter_id), book.names()
    tally.taken += len(names)
    tally.stored += len(held)
    for name in sorted(names - held.keys()):
        if name not in lost:
            tally.lost_unnamed += 1
            ledger.breach(meter_id, name[1], "is an event neither stored nor named lost")
            continue
        tally.lost_named += 1
        if name in book.taken and not book.may_lose(name):
            ledger.breach(meter_id, name[1], "is an event named lost, but the meter has it")
    for name in sorted(lost & held.keys()):
        ledger.breach(meter_id, name[1], "is an event stored and named lost")
    for name in book.twice:
        ledger.breach(meter_id, name[1], "names two events")
    for name, values in held.items():
        _check_values(ledger, book, name, values)
    _check_order(ledger, [(meter_id, *name) for name in held])
    _check_alarms(ledger, database, meter)


def check_told(ledger: Ledger) -> None:
    """Each event that is stored came to the consumers, and none that is not."""
    events = ledger.events
    for key in sorted(events.stored.keys() - events.places.keys()):
        ledger.breach(key[0], key[2], "is an event that was never published")
    for key in sorted(events.places.keys() - events.stored.keys() - events.withdrawn):
        ledger.breach(key[0], key[2], "is an event published but not stored")


def _held(database: sqlite3.Connection, meter_id: int) -> dict[Name, Values]:
    """Return a meter's events in the order in which the gateway took them."""
    rows = database.execute(_IN_ORDER, (meter_id, GATEWAY_EPOCH))
    return {(epoch, sequence & SEQUENCE_MASK): tuple(values) for epoch, sequence, *values in rows}


def _lost(database: sqlite3.Connection, meter_id: int) -> set[Name]:
    return {
        (epoch, sequence & SEQUENCE_MASK)
        for epoch, first, last in database.execute(_GAPS, (meter_id,))
        for sequence in range(first, last + 1)
    }


def _check_values(ledger: Ledger, book: RingBook, name: Name, values: Values) -> None:
    taken = book.taken.get(name)
    known = [taken] if taken is not None else book.doubtful.get(name, [])
    if all(one.values != values for one in known):
        what = f"is an event stored as {values}, which was never noted"
        ledger.breach(book.meter_id, name[1], what)


def _check_order(ledger: Ledger, keys: list[Key]) -> None:
    """What was stored first was published first, but for what was refused or withdrawn."""
    events = ledger.events
    latest = 0
    for key in keys:
        place = events.places.get(key, latest)
        if key in events.denied or key in events.withdrawn:
            continue
        if place < latest:
            ledger.breach(key[0], key[2], "is an event published before an older one")
        latest = max(latest, place)


def _check_alarms(ledger: Ledger, database: sqlite3.Connection, meter: VirtualMeter) -> None:
    """Meter, database and the retained document agree about what is active."""
    meter_id = meter.meter_id
    rows = database.execute(_ACTIVE, (meter_id, GATEWAY_EPOCH)).fetchall()
    stored = sorted(code for (code,) in rows)
    raised = sorted(meter.raised_codes)
    if stored != raised:
        what = f"has alarms {raised} raised, and the gateway has {stored} active"
        ledger.breach(meter_id, None, what)
    document = ledger.retained.get(TOPICS.alarms(meter_id), {"active": []})
    shown = sorted(one["code"] for one in document["active"] if one["source"] == "meter")
    if shown != stored:
        what = f"has alarms {stored} active, and the retained document shows {shown}"
        ledger.breach(meter_id, None, what)
