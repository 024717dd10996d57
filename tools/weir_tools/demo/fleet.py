"""The demo's meters: who they are, what they are fed, and how they are brought to rest."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weir_tools import messages
from weir_tools.demo.plan import PULSE_WEIGHT_ML, STARTS_AT, DemoPlan, MeterPlan
from weir_tools.demo.waiting import until
from weir_tools.errors import Failed
from weir_tools.firmware_on_host import make_importable
from weir_tools.simulator.cable import Cable, open_pty_cable
from weir_tools.simulator.channel import BenchChannel, Seat
from weir_tools.simulator.districts import HOUR_MS, read_districts
from weir_tools.simulator.identity import Identity, new_key
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.pressure import pressure_for
from weir_tools.simulator.unix_meter import Launch, UnixMeter
from weir_tools.simulator.waveform import Waveform

if TYPE_CHECKING:
    from weir_tools.simulator.ring_reader import RingContents

REST_TIMEOUT_S = 30.0


@dataclass(slots=True)
class DemoMeter:
    plan: MeterPlan
    identity: Identity
    inputs: RecordedInputs
    seat: Seat
    unix: UnixMeter
    powered_at_ms: int = 0

    @property
    def fed_volume_m3(self) -> float:
        return sum(self.seat.fed_pulses) * PULSE_WEIGHT_ML / 1e6

    def ring(self) -> "RingContents":
        """What the meter's flash holds."""
        make_importable()
        from weir_tools.simulator.ring_reader import read_ring

        return read_ring(self.unix.home / "flash.bin")

    def missing_hours(self) -> int:
        """Hours passed in which nothing was recorded, and so nothing fed."""
        missing = self.inputs.waveform.recording.missing_starts_ms
        return sum(self.powered_at_ms <= start_ms < self.seat.now_ms for start_ms in missing)

    def recorded_volumes_m3(self) -> tuple[float, float]:
        """What the recording says flowed while the meter was on, forward and in reverse."""
        before = self.inputs.volumes_ml_at(self.powered_at_ms)
        now = self.inputs.volumes_ml_at(self.seat.now_ms)
        return (now[0] - before[0]) / 1e6, (now[1] - before[1]) / 1e6


def read_inputs(meters: Sequence[MeterPlan]) -> list[RecordedInputs]:
    """The recorded inflow of each meter's district from the demo's first instant on."""
    inputs = []
    for recording in read_districts([meter.district for meter in meters]):
        assert recording.starts_at_s is not None
        offset_ms = (int(STARTS_AT.timestamp()) - recording.starts_at_s) * 1000
        waveform = Waveform(recording.since(offset_ms // HOUR_MS * HOUR_MS), PULSE_WEIGHT_ML)
        inputs.append(RecordedInputs(waveform, pressure_for(waveform)))
    return inputs


class Fleet:
    """The meters on one bench."""

    def __init__(self, plan: DemoPlan, pace: PacedTime, folder: Path) -> None:
        self.meters: list[DemoMeter] = []
        self._plan = plan
        self._pace = pace
        self._folder = folder
        self._channel = BenchChannel(pace)
        self._cables: list[Cable] = []
        self._serial_paths: dict[int, str] = {}
        self._bench = ""

    @property
    def data_ends_ms(self) -> int:
        return min(meter.inputs.waveform.ends_ms for meter in self.meters)

    async def prepare(self, meters: Sequence[MeterPlan]) -> list[tuple[Identity, str | None]]:
        """Lay the cables and make the identities.

        Return each identity with the device that the gateway reads it from, None for TCP.
        """
        self._bench = await self._channel.open()
        prepared: list[tuple[Identity, str | None]] = []
        for meter in meters:
            identity = Identity(
                meter.meter_id,
                new_key(),
                PULSE_WEIGHT_ML,
                sample_interval_s=self._plan.sample_interval_s,
                store_interval_s=self._plan.store_interval_s,
                send_interval_s=self._plan.store_interval_s,
            )
            device = None
            if meter.link == "serial":
                cable, self._serial_paths[meter.meter_id], device = open_pty_cable()
                self._cables.append(cable)
            prepared.append((identity, device))
        return prepared

    async def start(
        self,
        planned: Sequence[tuple[MeterPlan, Identity, RecordedInputs]],
        gateway: str,
        died: Callable[[UnixMeter], None],
    ) -> None:
        """Power all meters on; those without a cable call the gateway at HOST:PORT."""
        for plan, identity, inputs in planned:
            home = self._folder / str(plan.meter_id)
            home.mkdir(parents=True)
            identity.write_into(home)
            path = self._serial_paths.get(plan.meter_id)
            link = f"tcp:{gateway}" if path is None else f"pty:{path}"
            seat = self._channel.add_seat(plan.meter_id, inputs)
            unix = UnixMeter(seat, Launch(home, self._bench, link), died=died)
            self.meters.append(DemoMeter(plan, identity, inputs, seat, unix))
        await asyncio.gather(*(meter.unix.start() for meter in self.meters))
        for meter in self.meters:
            meter.powered_at_ms = meter.seat.powered_at_ms

    def shut_taps(self) -> int:
        """Let nothing flow any more; return the first instant by which each record says so.

        It is the end of a store interval, a little later than the next one when that is near,
        because the meters' clocks differ from the bench's by seconds.
        """
        now_ms = self._pace.now_ms()
        for meter in self.meters:
            meter.inputs.shut_at(now_ms)
        interval_ms = self._plan.store_interval_s * 1000
        return (now_ms + interval_ms // 10) // interval_ms * interval_ms + interval_ms

    async def hold_after(self, record_ms: int) -> None:
        """Let time run until the record and the session after it, and stand still before the next.

        Return when every meter sleeps beyond that. Raise Failed when one does not get there.
        """
        hold_ms = record_ms + self._plan.store_interval_s * 1000 * 7 // 8
        self._pace.hold_at(hold_ms)

        async def all_rest() -> bool:
            return all((meter.seat.sleeps_until_ms or 0) > hold_ms for meter in self.meters)

        timeout_s = self._pace.wall_s_until(hold_ms) + REST_TIMEOUT_S
        if not await until(all_rest, timeout_s=timeout_s):
            raise Failed(messages.METERS_RESTLESS.format(timeout_s=timeout_s))

    async def stop(self) -> None:
        await asyncio.gather(*(meter.unix.stop() for meter in self.meters))
        await self._channel.close()
        for cable in self._cables:
            cable.close()
        self._cables.clear()
