"""Those who listen at the broker: they write down what they see, and what of it is wrong."""

from collections.abc import Callable
from typing import Any

from weir_tools.virtual.ledger import SEQUENCE_MASK, Arrival, Key, Ledger, Values
from weir_tools.virtual.publication import check_publication
from weir_tools.virtual.trace import Trace

Document = dict[str, Any]

SHOWN = (
    "forward_pulses",
    "reverse_pulses",
    "pressure_mean_kpa",
    "pressure_min_kpa",
    "pressure_max_kpa",
)
"""Fields of a publication that every repeat shows alike."""

EVENT_SHOWN = ("code", "phase", "value", "limit", "measured_at", "alarm")
"""The same of an event."""

_PHASES = ("note", "raise", "clear")


class Consumers:
    """Each message that the broker takes is seen at once."""

    def __init__(self, ledger: Ledger, trace: Trace) -> None:
        self._ledger = ledger
        self._trace = trace
        self._gap_states: dict[str, set[str]] = {}  # what was told, by id
        self._of_kind: dict[str, Callable[[Document], None]] = {
            "reading": self._see_reading,
            "gap": self._see_gap,
            "event": self._see_event,
        }

    def see(self, topic: str, document: Document, *, is_retained: bool) -> None:
        """See a message that the broker has taken."""
        see = self._of_kind.get(_kind(topic))
        if is_retained and see is not None:
            meter_id = document["meter_id"]
            self._ledger.breach(meter_id, None, f"{topic} was published as a retained message")
        if is_retained:
            self._ledger.retained[topic] = document
        if see is not None:
            see(document)

    def miss(self, topic: str, document: Document) -> None:
        """See that the broker refused a message."""
        if _kind(topic) == "reading":
            self._ledger.denied.add(_key(document))
        elif _kind(topic) == "event" and document["epoch"] is not None:
            self._ledger.events.denied.add(_key(document))

    def _see_reading(self, document: Document) -> None:
        ledger, key = self._ledger, _key(document)
        meter_id = key[0]
        self._trace.note("published", meter_id, document["id"].encode())
        ledger.arrival_count += 1
        if document["id"] != f"{meter_id}-{key[1]:08x}-{key[2]}":
            ledger.breach(meter_id, key[2], f"was published under the id {document['id']}")
        check_publication(ledger, key, document)
        shown = tuple(document[name] for name in SHOWN)
        historical = bool(document.get("historical"))
        ledger.arrive(key, Arrival(ledger.arrival_count, document["id"], historical, shown))

    def _see_event(self, document: Document) -> None:
        """An event of the gateway itself has no epoch; it is only traced."""
        meter_id = document["meter_id"]
        self._trace.note("event", meter_id, document["id"].encode())
        if document["epoch"] is None:
            return
        ledger, key = self._ledger, _key(document)
        events = ledger.events
        events.arrival_count += 1
        if document["id"] != f"{meter_id}-{key[1]:08x}-e{key[2]}":
            ledger.breach(meter_id, key[2], f"is an event told under the id {document['id']}")
        taken = ledger.books[meter_id].events.taken.get(key[1:])
        said = (document["code"], document["phase"], document["value"], document["limit"])
        if taken is not None and said != (
            taken.values[2],
            _PHASES[taken.values[3]],
            *taken.values[4:],
        ):
            ledger.breach(meter_id, key[2], f"is an event told as {said}")
        shown = (document["id"], *(document[name] for name in EVENT_SHOWN))
        events.places.setdefault(key, events.arrival_count)
        if events.shown.setdefault(key, shown) != shown and key not in events.withdrawn:
            ledger.breach(meter_id, key[2], "is an event told twice with different values")

    def _see_gap(self, document: Document) -> None:
        ledger = self._ledger
        meter_id, epoch = document["meter_id"], int(document["epoch"], 16)
        first, last = document["first_sequence"], document["last_sequence"]
        self._trace.note("gap", meter_id, f"{document['id']} {document['state']}".encode())
        count = (last - first + 1) & SEQUENCE_MASK
        name = f"{meter_id}-{epoch:08x}-{first}-{last}"
        if (document["id"], document["count"]) != (name, count):
            ledger.breach(meter_id, first, f"a gap was told under the id {document['id']}")
        keys = [(meter_id, epoch, (first + step) & SEQUENCE_MASK) for step in range(count)]
        states = self._gap_states.setdefault(name, set())
        if document["state"] == "lost":
            ledger.told_lost.update(keys)
        elif document["state"] == "closed" and states - {"closed"} != {"open"}:
            ledger.told_lost.difference_update(keys)  # else parts of it may be lost
        states.add(document["state"])


def _said(values: Values) -> tuple[object, ...]:
    """Return what a document says of an event: code, phase, value and limit."""
    return values[2], _PHASES[values[3]], *values[4:]


def _kind(topic: str) -> str:
    """Return what a message of a meter is about."""
    return topic.split("/", 2)[2]


def _key(document: Document) -> Key:
    return document["meter_id"], int(document["epoch"], 16), document["sequence"]
