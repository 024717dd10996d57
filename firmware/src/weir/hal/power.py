"""Contract of the supply: sleeping, the battery, and why the meter started."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Power(Protocol):
    """Owner of the time between two steps."""

    def sleep(
        self, wake_at_ms: int, link_wake_at_ms: "int | None", *, pressure_wanted: bool
    ) -> None:
        """Sleep until the clock's ``now_ms`` or ``link_ms`` has reached what is given.

        Returns earlier when the link has something to say; may return early for no reason, and
        late after trouble. ``pressure_wanted``: pressure is measured at ``wake_at_ms``, so the
        port may warm the sensor up for it. Raises SystemExit when power is switched off in order.
        """

    def battery_mv(self) -> int:
        """Return the battery voltage in millivolts; 0 where it cannot be measured."""

    def reset_cause(self) -> int:
        """Return why this boot began: 0 unknown, 1 power on, 2 watchdog, 3 software, 4 wake."""
