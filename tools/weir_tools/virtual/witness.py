"""Sees what the gateway's database really takes, whatever the code above it believes.

Triggers of the writing connection tell of each row as it changes.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from weir_tools.virtual.ledger import SEQUENCE_MASK, Key, Ledger

_TRIGGERS = (
    "CREATE TEMP TRIGGER witness_insert AFTER INSERT ON readings BEGIN "
    "SELECT witness('stored', NEW.meter_id, NEW.epoch, NEW.sequence); END",
    "CREATE TEMP TRIGGER witness_mark AFTER UPDATE OF published ON readings "
    "WHEN NEW.published = 1 AND OLD.published = 0 BEGIN "
    "SELECT witness('marked', NEW.meter_id, NEW.epoch, NEW.sequence); END",
    "CREATE TEMP TRIGGER witness_uplink AFTER UPDATE OF uplink_counter ON custody BEGIN "
    "SELECT witness('uplink', NEW.meter_id, NEW.epoch, NEW.uplink_counter); END",
    "CREATE TEMP TRIGGER witness_lost AFTER INSERT ON gaps WHEN NEW.state = 'lost' BEGIN "
    "SELECT witness('lost', NEW.meter_id, NEW.epoch, NEW.first_sequence, NEW.last_sequence); END",
    "CREATE TEMP TRIGGER witness_event AFTER INSERT ON events WHEN NEW.epoch < 4294967296 BEGIN "
    "SELECT witness('event', NEW.meter_id, NEW.epoch, NEW.sequence); END",
    "CREATE TEMP TRIGGER witness_event_mark AFTER UPDATE OF published ON events "
    "WHEN NEW.published = 1 AND OLD.published = 0 AND NEW.epoch < 4294967296 BEGIN "
    "SELECT witness('event_marked', NEW.meter_id, NEW.epoch, NEW.sequence); END",
)

Sight = tuple[Any, ...]
"""What was seen, meter_id, epoch, and a sequence or a counter; of a range both ends."""


class Witness:
    """Writes into the ledger what became durable."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: list[Sight] = []
        self.commit_count = 0

    def attend(self, connection: sqlite3.Connection) -> None:
        """Watch a connection from now on."""
        connection.create_function("witness", -1, lambda *sight: self._seen.append(sight))
        for trigger in _TRIGGERS:
            connection.execute(trigger)

    def begin(self) -> list[Sight]:
        """Return the list that all goes to which is seen from now on."""
        self._seen = []
        return self._seen

    def confirm(self, requests: Iterable[list[Sight]]) -> None:
        """Take note that a transaction with these requests was committed."""
        self.commit_count += 1
        for seen in requests:
            for sight in seen:
                self._enter(*sight)

    def _enter(self, what: str, meter_id: int, epoch: int, number: int, last: int = 0) -> None:
        ledger = self._ledger
        key = (meter_id, epoch, number & SEQUENCE_MASK)
        if what == "uplink":
            ledger.uplink_counters[meter_id, epoch] = number
        elif what == "marked":
            if key not in ledger.arrivals:
                ledger.breach(meter_id, key[2], "was marked published before it arrived")
        elif what == "lost":
            self._check_lost(meter_id, epoch, range(number, last + 1))
        elif what == "event_marked":
            if key not in ledger.events.places:
                ledger.breach(meter_id, key[2], "is an event marked before it arrived")
        else:
            self._enter_stored(key, ledger.stored if what == "stored" else ledger.events.stored)

    def _enter_stored(self, key: Key, stored: dict[Key, int]) -> None:
        if key in stored:
            self._ledger.breach(key[0], key[2], "was stored twice")
        else:
            stored[key] = self.commit_count

    def _check_lost(self, meter_id: int, epoch: int, sequences: range) -> None:
        book = self._ledger.book(meter_id)
        for sequence in sequences:
            name = (epoch, sequence & SEQUENCE_MASK)
            if name in book.taken and not book.may_lose(name):
                what = "was named lost while the meter had it"
                self._ledger.breach(meter_id, name[1], what)
