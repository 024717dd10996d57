"""Contract of the pressure input."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Analog(Protocol):
    """A pressure sensor with its supply, warm-up and median already taken care of."""

    def pressure_kpa(self) -> "int | None":
        """Measure once; return gauge pressure in kPa, or None when the sensor is at fault."""
