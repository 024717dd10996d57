"""What goes over a link beside records: settings, readings at once, commands; reports, events."""

from micropython import const
from weir.link import tables_gen as t
from weir.link.sealing import TAG_SIZE

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from weir.link.envelope import Downlink

    class Errands(Protocol):
        """The mailbox between a session and the rest of the meter. Nothing of it ever fails.

        pending: something is still to be delivered, be it that its body is not ready yet.
        """

        @property
        def pending(self) -> bool: ...

        def begin(self) -> None:
            """Take note that a session begins: what was gathered of a change is forgotten."""

        def take_settings(self, version: int, items: "Sequence[tuple[int, ...]]") -> None:
            """Take one SETTINGS frame: (key, value) each."""

        def take_read(self, request: int) -> None:
            """Take a READ_NOW."""

        def take_command(self, request: int, code: int, argument: int) -> None:
            """Take a COMMAND. An unknown code is ignored."""

        def next_body(self) -> "tuple[int, bytes] | None":
            """Return type and body of the next uplink, None when there is none or not yet.

            The same again until it is delivered, overtaken by what was taken meanwhile, or
            another settings version is in force: each body names that of now.
            """

        def delivered(self) -> None:
            """Take note that the gateway holds the body given last."""


PATIENCE_MS = 15_000  # for a body that is not ready yet: a measurement, warm-up and all

_HEADER_SIZE_MAX = const(10)


def body_size_max(frame_size_max: int) -> int:
    """Return the longest body of a frame of at most ``frame_size_max`` bytes before COBS."""
    return frame_size_max - _HEADER_SIZE_MAX - TAG_SIZE


class NoErrands:
    """Of a meter that has nothing to tell but its records, and follows nothing it is told."""

    pending = False

    def begin(self) -> None:
        pass

    def take_settings(self, version: int, items: "Sequence[tuple[int, ...]]") -> None:
        pass

    def take_read(self, request: int) -> None:
        pass

    def take_command(self, request: int, code: int, argument: int) -> None:
        pass

    def next_body(self) -> "tuple[int, bytes] | None":
        return None

    def delivered(self) -> None:
        pass


class Courier:
    """Takes errands in while they are fresh, and gives them out one at a time.

    number: of the body given last; another body has another number.
    """

    def __init__(self, errands: "Errands") -> None:
        self.number = 0
        self._errands = errands
        self._given: tuple[int, bytes] | None = None
        self._taken_by = -1  # counter of the SETTINGS, READ_NOW or COMMAND taken last
        self._patience_ends_ms: int | None = None

    def begin(self) -> None:
        """Begin a session. Any counter is new: what is taken answers this session's frames."""
        self._taken_by = -1
        self._patience_ends_ms = None
        self._errands.begin()

    def take(self, downlink: "Downlink") -> bool:
        """Follow a downlink; return whether it was new (WL-SET-02)."""
        if downlink.counter <= self._taken_by:
            return False
        self._taken_by = downlink.counter
        values, errands = downlink.values, self._errands
        if downlink.type == t.TYPE_SETTINGS:
            errands.take_settings(values[1], downlink.items)
        elif downlink.type == t.TYPE_READ_NOW:
            errands.take_read(values[1])
        else:
            errands.take_command(values[1], values[2], values[3])
        return True

    def next_body(self) -> "tuple[int, bytes] | None":
        given = self._errands.next_body() if self._errands.pending else None
        if given is not None:
            self._patience_ends_ms = None
            if given != self._given:
                self._given = given
                self.number += 1
        return given

    def waits_until_ms(self, link_ms: int) -> "int | None":
        """Return up to when a body that is not ready yet is waited for; None for not at all."""
        if not self._errands.pending:
            return None
        if self._patience_ends_ms is None:
            self._patience_ends_ms = link_ms + PATIENCE_MS
        return self._patience_ends_ms if link_ms < self._patience_ends_ms else None

    def answered(self, number: int) -> bool:
        """Take an answer to the body with this number; return whether it is delivered by it."""
        if number != self.number or self._given is None:
            return False
        self._given = None
        self._errands.delivered()
        return True
