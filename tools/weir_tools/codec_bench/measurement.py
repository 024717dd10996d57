"""Count what the codec needs, on one or more recordings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from weir.link.tables_gen import COLUMNS_PRESSURE
from weir_protocol.framing import MESSAGE_FRAME_SIZE_MAX, STREAM_FRAME_SIZE_MAX
from weir_tools.codec_bench.entropy import entropy_bits
from weir_tools.codec_bench.meter_frames import Traffic, deliver
from weir_tools.codec_bench.meter_records import Pressure, days_of
from weir_tools.simulator.waveform import Waveform

SINGLE_DAYS = 3  # days of which every record is also sent alone


@dataclass(frozen=True, slots=True)
class Spread:
    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        ordered = sorted(values)
        return cls(ordered[0], median(ordered), ordered[-1])


@dataclass(frozen=True, slots=True)
class Measurement:
    """Bytes on the wire for the records of some days of one recording.

    The sizes of a day are bytes per record. `message`: in frames that fit an
    SMS instead of those for a byte stream. `lean`: volume and mean pressure alone.
    `continuing`: single readings as they usually are, `alone`: those after a frame was lost.
    pulse_weight_l: None when the recording counts pulses and does not say how much one is.
    """

    name: str
    pulse_weight_l: float | None
    pressure_is_simulated: bool
    day_count: int
    record_count: int
    day_bytes: int
    message_bytes: int
    lean_bytes: int
    downlink_bytes: int
    frame_count: int
    day_sizes: tuple[float, ...]
    continuing_sizes: tuple[int, ...]
    alone_sizes: tuple[int, ...]
    entropy_bits: dict[str, float]

    def per_record(self, total: float) -> float:
        return total / self.record_count


def measure(waveform: Waveform, pressure: Pressure, days_max: int) -> Measurement | None:
    """Measure one recording; None when it has not one day without a gap."""
    recording = waveform.recording
    counts_pulses = recording.units_per_ml is None
    days = [day for day in days_of(waveform, pressure, days_max) if len(day) > 1]
    if not days:
        return None
    usual = [deliver(day, frame_size_max=STREAM_FRAME_SIZE_MAX) for day in days]
    message = [deliver(day, frame_size_max=MESSAGE_FRAME_SIZE_MAX) for day in days]
    lean = [
        deliver(day, frame_size_max=STREAM_FRAME_SIZE_MAX, columns=COLUMNS_PRESSURE)
        for day in days
    ]
    return Measurement(
        name=recording.name,
        pulse_weight_l=None if counts_pulses else waveform.pulse_weight_ml / 1000,
        pressure_is_simulated=recording.pressures_kpa is None,
        day_count=len(days),
        record_count=sum(len(traffic.records) for traffic in usual),
        day_bytes=_uplink_bytes(usual),
        message_bytes=_uplink_bytes(message),
        lean_bytes=_uplink_bytes(lean),
        downlink_bytes=sum(traffic.downlink_bytes for traffic in usual),
        frame_count=sum(len(traffic.uplink_sizes) for traffic in usual),
        day_sizes=tuple(traffic.uplink_bytes / len(traffic.records) for traffic in usual),
        continuing_sizes=_single_sizes(days, leans=True),
        alone_sizes=_single_sizes(days, leans=False),
        entropy_bits=entropy_bits(days),
    )


def _uplink_bytes(days: Iterable[Traffic]) -> int:
    return sum(traffic.uplink_bytes for traffic in days)


def _single_sizes(days: Sequence[Sequence[Sequence[int]]], *, leans: bool) -> tuple[int, ...]:
    return tuple(
        deliver(day[at : at + 2], frame_size_max=STREAM_FRAME_SIZE_MAX, leans=leans).uplink_bytes
        for day in days[:SINGLE_DAYS]
        for at in range(len(day) - 1)
    )
