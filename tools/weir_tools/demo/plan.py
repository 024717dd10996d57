"""What the demo consists of, and how fast it goes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PULSE_WEIGHT_ML = 10_000
RECORD_WALL_S_MAX = 10.0  # so that a newcomer sees a record soon, at any speed
STORE_INTERVALS_S = (900, 300, 60, 30, 15, 5)
SAMPLES_A_RECORD = 15

# A Monday at dawn, before the morning peak; the chosen districts have no gap for six weeks.
STARTS_AT = datetime(2023, 1, 16, 4, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """The meter's number is chosen so that its send slot lies early in the interval."""

    meter_id: int
    district: int
    link: str  # "TCP" or "serial"


METERS = (
    MeterPlan(4303, 3, "TCP"),
    MeterPlan(4308, 8, "TCP"),
    MeterPlan(4309, 9, "serial"),
)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """`broker`: host and port of another broker, None for the embedded one.

    duration_s: how long it runs once all is up, None for until it is told to stop.
    keep: folder for its files, None for a temporary one.
    """

    speed: float
    duration_s: float | None = None
    broker: tuple[str, int] | None = None
    keep: Path | None = None

    @property
    def store_interval_s(self) -> int:
        """The longest usual interval that takes no more than RECORD_WALL_S_MAX on the wall."""
        fitting = (s for s in STORE_INTERVALS_S if s <= RECORD_WALL_S_MAX * self.speed)
        return next(fitting, STORE_INTERVALS_S[-1])

    @property
    def sample_interval_s(self) -> int:
        return max(self.store_interval_s // SAMPLES_A_RECORD, 1)
