"""Contract of the inputs that feel what is done to the meter."""

from micropython import const

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

COVER = const(1)  # the cover is open
MAGNET = const(2)  # a strong magnet is near
LOOP_OPEN = const(4)  # the pulse cable is cut or unplugged
TRIGGER = const(8)  # a person asks for a reading: a button, or a magnet at its place


class Senses(Protocol):
    """Latched by hardware, or by the port, also while the meter sleeps.

    A sense that comes or goes wakes the meter from its sleep at once.
    """

    def sensed(self) -> int:
        """Return the bits that are set, or were at any time since the last call."""

    def illegal_transitions(self) -> int:
        """Return how often the pulse inputs changed as no meter can change them.

        Since this boot, modulo 2**32; 0 where the pulse mode cannot tell.
        """
