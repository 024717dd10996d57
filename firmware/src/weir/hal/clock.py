"""Contract of the clock that runs while the meter is powered."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Clock(Protocol):
    """Two counts of milliseconds. Both only grow within one boot and never wrap."""

    def now_ms(self) -> int:
        """Return milliseconds since an instant of the port's choice (not a calendar time)."""

    def link_ms(self) -> int:
        """Return milliseconds as the link sees them: the same count on boards.

        A bench may run the calendar faster than the wire; link time-outs count these.
        """
