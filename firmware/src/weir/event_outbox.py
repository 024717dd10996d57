"""The events that the gateway does not hold yet, as bodies of EVENTS."""

from micropython import const
from weir.link import codec
from weir.link.dispatch import ahead
from weir.link.tables_gen import TYPE_EVENTS
from weir.store.slots import FlashWornOut

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.store.journal import Journal

_ITEM_SIZE = const(19)  # one event, in bytes
_VALUES = const(6)  # of an event, on the wire
_SKIP_MAX = const(1 << 20)  # sequences: what a gateway claims to hold beyond that is not believed
_MASK = const(0xFFFFFFFF)


class EventOutbox:
    """Events in order, from the oldest on until the gateway says where it stands.

    What the ring has lost is left out: the sequences tell the gateway of it.

    cursor: next event that the gateway has not taken note of.
    """

    def __init__(self, events: "Journal", body_size_max: int) -> None:
        self.cursor = events.sequence_oldest
        self._events = events
        self._count_max = (body_size_max - 1) // _ITEM_SIZE
        self._end = self.cursor  # sequence after the last one given out
        self._event = [0] * 7

    @property
    def pending(self) -> bool:
        return self.cursor != self._events.sequence_next

    def next_body(self, settings_version: int) -> "bytes | None":
        """Return a body with as many events as fit; None when none that is left can be read."""
        events = self._events
        if ahead(events.sequence_oldest, self.cursor) > 0:
            self.cursor = events.sequence_oldest
        sequence = self.cursor
        items: list[list[int]] = []
        while sequence != events.sequence_next and len(items) < self._count_max:
            if events.read_into(sequence, self._event):
                item = [sequence]
                item.extend(self._event[:_VALUES])
                items.append(item)
            sequence = (sequence + 1) & _MASK
        self._end = sequence
        if items:
            return codec.pack_body(TYPE_EVENTS, (settings_version & 0xFF,), items)
        self.cursor = sequence
        return None

    def delivered(self) -> None:
        """Take note that the gateway holds what was given out last."""
        self.cursor = self._end

    def resume_from(self, event_sequence: int) -> None:
        """Go on with the event that the gateway wants next.

        If that is beyond the newest, the gateway holds events that this meter has lost: the next
        one gets that sequence, so that no sequence names two.
        """
        events = self._events
        beyond = ahead(event_sequence, events.sequence_next)
        if 0 < beyond <= _SKIP_MAX:
            try:
                events.skip_to(event_sequence)
            except FlashWornOut:
                pass  # there will be no further event
        self.cursor = event_sequence if beyond <= 0 else events.sequence_next
        self._end = self.cursor
