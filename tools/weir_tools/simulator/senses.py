"""What a simulated meter feels of what is done to it, set by a test, a bench or a demo."""

from collections.abc import Callable
from enum import IntFlag


class Sense(IntFlag):
    """As weir.hal.senses has them."""

    COVER = 1  # the cover is open
    MAGNET = 2  # a strong magnet is near
    LOOP_OPEN = 4  # the pulse cable is cut or unplugged
    TRIGGER = 8  # a person asks for a reading


def _nobody() -> None:
    """Who is woken as long as no meter is there."""


class Senses:
    """Latched as hardware does it: a meter hears even of what lasted a moment only.

    Everything here is for the event loop of the meter's bench.

    battery_mv: 0 for a battery that is not measured.
    illegal_transitions: of the pulse inputs, since the bench's time began. They never fall.
    wake: called when the meter would feel something new.
    """

    def __init__(self, *, battery_mv: int = 0) -> None:
        self.battery_mv = battery_mv
        self.illegal_transitions = 0
        self.wake: Callable[[], None] = _nobody
        self._present = Sense(0)
        self._latched = Sense(0)  # was there since the meter was told
        self._told = Sense(0)

    @property
    def present(self) -> Sense:
        return self._present

    def apply(self, sense: Sense) -> None:
        """Let a sense be there until it is released."""
        self._present |= sense
        self._latched |= sense
        self._wake()

    def release(self, sense: Sense) -> None:
        self._present &= ~sense
        self._wake()

    def touch(self, sense: Sense) -> None:
        """Let a sense be there for a moment, as the press of a button."""
        self.apply(sense)
        self.release(sense)

    @property
    def is_news(self) -> bool:
        """Whether the meter would feel something else than it was told last."""
        return (self._present | self._latched) != self._told

    def take(self) -> int:
        """What to tell the meter now."""
        self._told = self._present | self._latched
        self._latched = Sense(0)
        return int(self._told)

    def forget(self) -> None:
        """The meter was switched off: it knows of nothing, and what is past is past."""
        self._told = self._latched = Sense(0)

    def _wake(self) -> None:
        if self.is_news:
            self.wake()
