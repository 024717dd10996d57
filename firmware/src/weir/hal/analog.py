"""Contract of the pressure input."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Analog(Protocol):
    """A pressure sensor with its supply, warm-up and median already taken care of."""

    def measure_with(self, sensor: int, range_kpa: int, warm_up_ms: int) -> None:
        """Measure with such a sensor from now on, see docs/settings.md; 0: there is none."""

    def pressure_kpa(self) -> "int | None":
        """Measure once; return gauge pressure in kPa; None without a sensor, or with a fault."""
