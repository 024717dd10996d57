"""What the meters made, what the gateway stored, what arrived on MQTT: the same, to the pulse."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MeterTotals:
    """The totals of one meter, each from whom it concerns.

    records_made: from the meter's flash. records_stored: from the gateway's database.
    records_published, records_duplicated, register_*: from the MQTT subscriber.
    fed_*: from the bench. recorded_volume_m3: from the recording.
    """

    meter_id: int
    district: str
    link: str
    epoch: str
    records_made: int
    records_stored: int
    records_published: int
    records_lost: int
    records_duplicated: int
    register_pulses: int | None
    fed_pulses: int
    register_reverse_pulses: int | None
    fed_reverse_pulses: int
    pulse_weight_l: float
    fed_volume_m3: float
    recorded_volume_m3: float
    missing_hours: int

    def differences(self) -> list[str]:
        """One phrase for each way in which the totals disagree."""
        counts = {
            "made": self.records_made,
            "stored": self.records_stored,
            "on MQTT": self.records_published,
        }
        found = []
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{count} {where}" for where, count in counts.items())
            found.append(f"meter {self.meter_id}: {listed} records")
        if self.records_duplicated:
            found.append(f"meter {self.meter_id}: {self.records_duplicated} records came twice")
        for way, register, fed in (
            ("forward", self.register_pulses, self.fed_pulses),
            ("reverse", self.register_reverse_pulses, self.fed_reverse_pulses),
        ):
            if register != fed:
                found.append(f"meter {self.meter_id}: {way} register {register}, fed {fed} pulses")
        return found


@dataclass(frozen=True, slots=True)
class DemoTotals:
    """The whole demo. Times are of the simulated calendar, ISO 8601."""

    speed: float
    wall_s: float
    simulated_from: str
    simulated_until: str
    flow_source: str
    pressure_source: str
    broker: str
    meters: Sequence[MeterTotals]

    def differences(self) -> list[str]:
        return [phrase for meter in self.meters for phrase in meter.differences()]

    def total(self, name: str) -> int:
        return sum(getattr(meter, name) for meter in self.meters)

    def as_json(self) -> dict[str, Any]:
        """What `weir demo --json FILE` writes; docs/commands.md explains each key."""
        names = ("made", "stored", "published", "lost", "duplicated")
        differences = self.differences()
        return {
            "agrees": not differences,
            "differences": differences,
            **{f"records_{name}": self.total(f"records_{name}") for name in names},
            "speed": self.speed,
            "wall_s": round(self.wall_s, 1),
            "simulated_from": self.simulated_from,
            "simulated_until": self.simulated_until,
            "flow_source": self.flow_source,
            "pressure_source": self.pressure_source,
            "broker": self.broker,
            "meters": [asdict(meter) for meter in self.meters],
        }
