"""What the meters made, what the gateway stored, what arrived on MQTT: the same, to the pulse."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from weir_tools.demo.plan import MeterPlan
from weir_tools.demo.subscriber import MeterTally
from weir_tools.simulator.bench import BenchMeter
from weir_tools.simulator.districts import DISTRICTS

if TYPE_CHECKING:
    from weir_tools.simulator.ring_reader import RingContents

COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class MeterTotals:
    """The totals of one meter, each from whom it concerns.

    records_made: from the meter's flash. records_stored: from the gateway's database.
    records_published, records_duplicated, register_*: from the MQTT subscriber.
    fed_*: from the bench. recorded_volume_m3: from the recording.
    What cannot be known is None: of a demo that ended early, or of a meter that said nothing.
    """

    meter_id: int
    district: str
    link: str
    epoch: str | None
    records_made: int | None
    records_stored: int | None
    records_published: int
    records_lost: int | None
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
    """The whole demo. Times are of the simulated calendar, ISO 8601.

    ended: COMPLETE, or the sentence that says why it came to its end before its time.
    """

    speed: float
    wall_s: float
    simulated_from: str | None
    simulated_until: str | None
    flow_source: str
    pressure_source: str
    broker: str
    meters: Sequence[MeterTotals]
    ended: str = COMPLETE

    def differences(self) -> list[str]:
        """Of a demo that ended early, nothing could be expected to agree."""
        if self.ended != COMPLETE:
            return []
        return [phrase for meter in self.meters for phrase in meter.differences()]

    def total(self, name: str) -> int | None:
        """The sum over the meters, None when it is not known of all."""
        counts = [getattr(meter, name) for meter in self.meters]
        return sum(counts) if counts and None not in counts else None

    def as_json(self) -> dict[str, Any]:
        """What `weir demo --json FILE` writes; docs/commands.md explains each key."""
        names = ("made", "stored", "published", "lost", "duplicated")
        differences = self.differences()
        return {
            "agrees": self.ended == COMPLETE and not differences,
            "ended": self.ended,
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


def meter_totals(
    plan: MeterPlan, meter: BenchMeter, stored: Mapping[int, int] | None, tally: MeterTally
) -> MeterTotals:
    """Collect what each side says of one meter. stored: None when the gateway is gone."""
    ring = _ring(meter)
    district = DISTRICTS[plan.district]
    published = 0 if ring is None else _published_count(plan.meter_id, ring.epoch, tally)
    latest = tally.latest or {}
    weight_ml = meter.identity.pulse_weight_ml
    return MeterTotals(
        meter_id=plan.meter_id,
        district=f"DMA {plan.district}, {district.description}",
        link=plan.link,
        epoch=None if ring is None else f"{ring.epoch:08x}",
        records_made=None if ring is None else ring.records_made,
        records_stored=None if stored is None else stored.get(plan.meter_id, 0),
        records_published=published,
        records_lost=None if ring is None else ring.records_made - published,
        records_duplicated=tally.repeat_count,
        register_pulses=latest.get("forward_pulses"),
        fed_pulses=meter.seat.fed_pulses[0],
        register_reverse_pulses=latest.get("reverse_pulses"),
        fed_reverse_pulses=meter.seat.fed_pulses[1],
        pulse_weight_l=weight_ml / 1000,
        fed_volume_m3=meter.seat.fed_pulses[0] * weight_ml / 1e6,
        recorded_volume_m3=round(meter.volumes_ml()[0] / 1e6, 6),
        missing_hours=meter.missing_spans(),
    )


def _ring(meter: BenchMeter) -> "RingContents | None":
    """What its flash holds, None when a meter that was killed left nothing to read."""
    try:
        return meter.ring()
    except (OSError, LookupError, ValueError):
        return None


def _published_count(meter_id: int, epoch: int, tally: MeterTally) -> int:
    return sum(each.startswith(f"{meter_id}-{epoch:08x}-") for each in tally.ids)
