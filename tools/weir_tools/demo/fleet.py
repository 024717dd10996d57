"""The demo's meters: who they are, what they are fed, and by which cable they call."""

from collections.abc import Sequence
from pathlib import Path

from weir_tools.demo.plan import PULSE_WEIGHT_ML, STARTS_AT, DemoPlan, MeterPlan
from weir_tools.simulator.bench import Bench
from weir_tools.simulator.cable import open_pty_cable
from weir_tools.simulator.districts import HOUR_MS, read_districts
from weir_tools.simulator.identity import Identity, new_key
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pressure import pressure_for
from weir_tools.simulator.waveform import Waveform


def read_inputs(meters: Sequence[MeterPlan]) -> list[RecordedInputs]:
    """The recorded inflow of each meter's district from the demo's first instant on."""
    inputs = []
    for recording in read_districts([meter.district for meter in meters]):
        assert recording.starts_at_s is not None
        offset_ms = (int(STARTS_AT.timestamp()) - recording.starts_at_s) * 1000
        waveform = Waveform(recording.since(offset_ms // HOUR_MS * HOUR_MS), PULSE_WEIGHT_ML)
        inputs.append(RecordedInputs(waveform, pressure_for(waveform)))
    return inputs


def identities_of(meters: Sequence[MeterPlan], plan: DemoPlan) -> list[Identity]:
    return [
        Identity(
            meter.meter_id,
            new_key(),
            PULSE_WEIGHT_ML,
            sample_interval_s=plan.sample_interval_s,
            store_interval_s=plan.store_interval_s,
            send_interval_s=plan.store_interval_s,
            settings={"leak_on": 0},  # the inflow of a whole district never rests
        )
        for meter in meters
    ]


def seat_fleet(
    bench: Bench,
    planned: Sequence[tuple[MeterPlan, Identity, RecordedInputs]],
    *,
    homes: Path,
    gateway: str,
) -> list[str]:
    """Seat the meters and lay their cables; those without one call the gateway at HOST:PORT.

    Return the serial devices that the gateway is to read.
    """
    devices = []
    for meter, identity, inputs in planned:
        link = f"tcp:{gateway}"
        if meter.link == "serial":
            cable, path, device = open_pty_cable()
            bench.lay(cable)
            devices.append(device)
            link = f"pty:{path}"
        bench.add(identity, inputs, home=homes / str(meter.meter_id), link=link)
    return devices
