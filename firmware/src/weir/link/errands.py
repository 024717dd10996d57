"""What goes over a link beside records: settings, readings at once, commands; reports, events."""

from micropython import const
from weir.link.sealing import TAG_SIZE

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Errands(Protocol):
        """The mailbox between a session and the rest of the meter. Nothing of it ever fails.

        pending: something is still to be delivered, be it that its body is not ready yet.
        """

        @property
        def pending(self) -> bool: ...

        def take_settings(self, version: int, items: "Sequence[tuple[int, ...]]") -> None:
            """Take one SETTINGS frame: (key, value) each."""

        def take_read(self, request: int) -> None:
            """Take a READ_NOW."""

        def take_command(self, request: int, code: int, argument: int) -> None:
            """Take a COMMAND. An unknown code is ignored."""

        def next_body(self) -> "tuple[int, bytes] | None":
            """Return type and body of the next uplink, None when there is none or not yet.

            The same again until it is delivered or overtaken by what was taken meanwhile.
            """

        def delivered(self) -> None:
            """Take note that the gateway holds the body given last."""


_HEADER_SIZE_MAX = const(10)


def body_size_max(frame_size_max: int) -> int:
    """Return the longest body of a frame of at most ``frame_size_max`` bytes before COBS."""
    return frame_size_max - _HEADER_SIZE_MAX - TAG_SIZE


class NoErrands:
    """Of a meter that has nothing to tell but its records, and follows nothing it is told."""

    pending = False

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
    """Gives out one errand at a time, and knows whether an answer is to that one.

    number: of the body given last; another body has another number.
    """

    def __init__(self, errands: "Errands") -> None:
        self.number = 0
        self._errands = errands
        self._given: tuple[int, bytes] | None = None

    def next_body(self) -> "tuple[int, bytes] | None":
        given = self._errands.next_body()
        if given != self._given:
            self._given = given
            self.number += 1
        return given

    def answered(self, number: int) -> bool:
        """Take an answer to the body with this number; return whether it is delivered by it."""
        if number != self.number or self._given is None:
            return False
        self._given = None
        self._errands.delivered()
        return True
