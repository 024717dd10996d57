"""Who can be reached now: over which open link each meter spoke last, and what was answered there.

A meter listens on a link only in its session, so what is written to it is heard or lost: whoever
writes keeps what it wrote until the meter shows that it came.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from weir_protocol.frames import peek_header

_HEAD_BYTES = 14  # a header, its epoch included, is not longer
_METER_AT = slice(1, 5)  # where a frame names its meter (WL-HDR-01)


class Channel(Protocol):
    """An open link that belongs to somebody.

    is_flooded: more comes by it than its meter may bring; nothing is written that was not asked
    for. outlasts_sessions: it is open also while its meter sleeps, as a serial port is.
    """

    is_flooded: bool
    outlasts_sessions: bool

    async def push(self, compose: Callable[[], bytes]) -> None:
        """Write what ``compose`` returns once nothing else is being written.

        Raise LinkClosed when it does not get away.
        """


@dataclass(frozen=True, slots=True)
class Contact:
    """head: the beginning of the frame that was answered last."""

    channel: Channel
    head: bytes

    @property
    def answered_counter(self) -> int:
        """The counter of the uplink that was acknowledged last."""
        return peek_header(self.head).counter


class Reach:
    """Knows of each meter the channel that it used last, until that closes."""

    def __init__(self) -> None:
        self._contacts: dict[int, Contact] = {}
        self._meters: dict[Channel, set[int]] = {}

    def note(self, frame: bytes, channel: Channel) -> None:
        """Take note that a meter's frame came by this channel and was answered there."""
        meter_id = int.from_bytes(frame[_METER_AT], "little")
        self._meters.setdefault(channel, set()).add(meter_id)
        self._contacts[meter_id] = Contact(channel, frame[:_HEAD_BYTES])

    def forget(self, channel: Channel) -> None:
        """Take note that a channel closed."""
        for meter_id in self._meters.pop(channel, ()):
            contact = self._contacts.get(meter_id)
            if contact is not None and contact.channel is channel:
                del self._contacts[meter_id]

    def of(self, meter_id: int) -> Contact | None:
        """Return how to reach a meter, None when no link to it is open."""
        return self._contacts.get(meter_id)
