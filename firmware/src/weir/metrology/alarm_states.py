"""Which alarms are raised."""

from micropython import const
from weir.settings.table_gen import ALARMS

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[int, bool, int, int], None]
    ValueOf = Callable[[int], int]


class AlarmStates:
    """One bit for each alarm; every change is reported before anything else happens.

    raised: the alarms that are, a bit for each code.
    """

    def __init__(self, value_of: "ValueOf", report: "Report") -> None:
        """value_of: gives the value in force of a setting's key.

        report: called with code, whether it is raised, value and limit.
        """
        self.value_of = value_of
        self._report = report
        self.raised = 0

    def is_raised(self, code: int) -> bool:
        return bool(self.raised >> code & 1)

    def turn(self, code: int, is_raised: bool, value: int, limit: int) -> None:
        """Let an alarm be raised or not; nothing happens when it is so already."""
        if is_raised != self.is_raised(code):
            self.raised ^= 1 << code
            self._report(code, is_raised, value, limit)

    def restore(self, code: int) -> None:
        """Take an alarm for raised, as it was before a restart, without a report."""
        self.raised |= 1 << code

    @property
    def status(self) -> int:
        """The status bits of all that is raised."""
        bits = 0
        if not self.raised:
            return bits
        for row in ALARMS:
            if self.is_raised(row[0]):
                bits |= row[1]
        return bits
