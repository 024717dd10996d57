"""Contract of the pulse inputs."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class PulseCounter(Protocol):
    """Pulses counted by hardware, or by the port, also while the meter sleeps."""

    def count_as(self, mode: int, debounce_close_ms: int, debounce_open_ms: int) -> None:
        """Count as these settings say from now on, see docs/settings.md; totals go on."""

    def forward_pulses(self) -> int:
        """Return forward pulses since this boot, modulo 2**32."""

    def reverse_pulses(self) -> int:
        """Return reverse pulses since this boot, modulo 2**32."""
