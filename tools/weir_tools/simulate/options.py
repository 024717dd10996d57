"""From the options of `weir simulate` to meters, their keys, and the clock they live by."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weir_protocol.settings import BY_NAME
from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.simulate.gateway_file import GatewayClock, GatewayFile
from weir_tools.simulate.run import BenchTime, SimulatedMeter
from weir_tools.simulator.identity import Identity, key_in, new_key, read_keys
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.pressure import pressure_for
from weir_tools.simulator.recording import Recording
from weir_tools.simulator.waveform import Waveform

STARTS_AT_S = 1_609_459_200  # of a recording that does not say: 2021-01-01
KEYS_DEFAULT = Path("keys.txt")

_LEAK_GAP_S = BY_NAME["leak_gap_s"].default  # samples that are rarer show no pause


@dataclass(frozen=True, slots=True)
class Options:
    """The options by the names of the command line."""

    files: Sequence[Path]
    tcp: tuple[str, int] | None
    serial_ports: Sequence[str]
    baud: int
    config: Path | None
    meter_count: int | None
    meter_id: int
    keys_file: Path | None
    home: Path | None
    speed: float | None
    clock_source: str | None
    flow_unit: str | None
    pulse_weight_ml: int
    sample_interval_s: int
    store_interval_s: int
    send_interval_s: int
    pressure: str
    duration_s: float | None
    interpreter: str
    as_json: bool

    def meters(
        self, recordings: Sequence[Recording], file: GatewayFile, home: Path
    ) -> list[SimulatedMeter]:
        """The meters to run; the recordings are dealt out in turn."""
        count = self.meter_count or max(len(recordings), len(self.serial_ports))
        gateway = self._gateway(file)
        ports = self._ports(count, gateway)
        identities = self._identities(count, self.keys_beside(file), home)
        dealt = [self._inputs(recordings[index % len(recordings)]) for index in range(count)]
        return [
            SimulatedMeter(identity, inputs, gateway, port, self.baud)
            for identity, inputs, port in zip(identities, dealt, ports, strict=True)
        ]

    def keys_beside(self, file: GatewayFile) -> Path:
        return self.keys_file or file.keys or KEYS_DEFAULT

    def speed_beside(self, clock: GatewayClock | None) -> float:
        """Raise Misused when the option and the gateway's clock disagree."""
        if clock is None:
            return self.speed or 1.0
        if self.speed not in (None, clock.speed):
            raise Misused(messages.SPEEDS_DIFFER.format(speed=self.speed, clock=clock.speed))
        return clock.speed

    def _gateway(self, file: GatewayFile) -> str | None:
        if self.tcp is not None:
            host, port = self.tcp
            return f"{host}:{port}"
        return None if self.serial_ports else file.address

    def _ports(self, count: int, gateway: str | None) -> Sequence[str | None]:
        ports = self.serial_ports
        if (gateway is None) == (not ports):
            raise Misused(messages.ONE_KIND_OF_LINK)
        if ports and len(ports) != count:
            raise Misused(messages.PORT_FOR_EACH.format(ports=len(ports), meters=count))
        return ports or [None] * count

    def _inputs(self, recording: Recording) -> RecordedInputs:
        waveform = Waveform(recording, self.pulse_weight_ml)
        is_simulated = self.pressure == "simulated"
        return RecordedInputs(waveform, pressure_for(waveform) if is_simulated else None)

    def _identities(self, count: int, keys_file: Path, home: Path) -> list[Identity]:
        listed = read_keys(keys_file) if keys_file.exists() else {}
        return [
            Identity(
                meter_id,
                _key(meter_id, home / str(meter_id), listed.get(meter_id), keys_file),
                self.pulse_weight_ml,
                self.sample_interval_s,
                self.store_interval_s,
                self.send_interval_s,
                settings={} if self.sample_interval_s <= _LEAK_GAP_S else {"leak_on": 0},
            )
            for meter_id in range(self.meter_id, self.meter_id + count)
        ]


def _key(meter_id: int, home: Path, listed: bytes | None, keys_file: Path) -> bytes:
    """A meter that was here before, in its home or in the key file, keeps its key."""
    own = key_in(home)
    if own is None or listed is None:
        return own or listed or new_key()
    if not secrets.compare_digest(own, listed):
        sentence = messages.KEYS_DISAGREE
        raise Misused(sentence.format(meter_id=meter_id, home=home, file=keys_file))
    return own


def clock_of(recording: Recording, speed: float) -> GatewayClock:
    """The clock by which a recording takes place as it is dated, from now on."""
    starts_at_s = recording.starts_at_s
    start_s = STARTS_AT_S if starts_at_s is None else starts_at_s
    return GatewayClock(start_s, time.time(), speed)


def time_by(recordings: Sequence[Recording], clock: GatewayClock) -> BenchTime:
    """Time 0 of the bench is when the gateway's clock shows the start of the first recording.

    That of a recording without dates is when the meters are ready. Raise Misused when the clock
    is past the end of all recordings.
    """
    starts_at_s = recordings[0].starts_at_s
    if starts_at_s is None:
        return time_from_start(clock, clock.speed)
    pace = PacedTime(speed=clock.speed, origin_s=clock.origin_of(starts_at_s))
    if pace.now_ms() >= max(recording.ends_ms for recording in recordings):
        raise Misused(messages.RECORDING_IS_PAST)
    return BenchTime(pace, starts_at_s)


def time_from_start(clock: GatewayClock | None, speed: float) -> BenchTime:
    """Time 0 of the bench is when the meters are ready, whatever the gateway's clock shows then.

    clock: None for real time.
    """
    pace = PacedTime(speed=speed)
    pace.hold_at(0)
    return BenchTime(pace, None, (lambda unix_s: unix_s) if clock is None else clock.calendar_of)
