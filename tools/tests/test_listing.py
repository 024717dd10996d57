"""Lists lose nothing, however narrow the terminal is: what they show can be read and pasted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from weir_tools.alarm_tables import alarms_table
from weir_tools.demo.live_table import MeterView, Scene, draw
from weir_tools.listing import Column, Listing, number, text
from weir_tools.meter_tables import backfills_table, gaps_table, meters_table, readings_table
from weir_tools.read_tables import checks_table, reads_table
from weir_tools.settings_tables import fleet_table, history_table

WIDTHS = (40, 80, 100, 120, 160)
AT = "2023-01-17T15:55:32Z"
SHOWN_AT = "2023-01-17 15:55:32"
NOTE = (
    "seen [twice]; the valve in the cellar stays shut until the plumber has been there on Monday"
)
WORDS = {"by": "Zoë", "at": AT, "note": NOTE}


def drawn(what: RenderableType, width: int) -> list[str]:
    console = Console(width=width, highlight=False, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(what)
    return captured.get().splitlines()


def alarm(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"4303-1f19f524-e{number}",
        "meter_id": 4303,
        "name": name,
        "since": AT,
        "value": 170_830,
        "limit": 86_400,
        "unit": "l",
        "active": True,
        "acknowledged": None,
        **more,
    }


ALARMS = [
    alarm(8, "reverse_flow", acknowledged=WORDS),
    alarm(4, "tamper_magnet", active=False, cleared_at=AT),
    alarm(9, "no_consumption"),
]
READING = {
    "measured_at": AT,
    "forward_volume_l": 123_456_789.0,
    "reverse_volume_l": 1_234_567.0,
    "flow_l_per_h": 12_345.0,
    "pressure_kpa": 412,
    "battery_mv": 3612,
}
READS = [
    {
        "number": 12,
        "made_at": AT,
        "by": "the night shift",
        "state": "answered",
        "expected_at": None,
        "reading": READING,
    },
    {
        "number": 11,
        "made_at": AT,
        "by": None,
        "state": "pending",
        "expected_at": AT,
        "reading": None,
    },
]
CHECKS = [
    {
        "number": 7,
        "made_at": AT,
        "by": "Zoë",
        "dial_volume_l": 123_456_000.0,
        "register_volume_l": 123_457_000.0,
        "register_at": AT,
        "difference_l": 1000.0,
        "change_l": -2000.0,
        "note": NOTE,
    }
]
GAPS = [
    {
        "state": "recovering",
        "first_sequence": 4_294_967_290,
        "last_sequence": 4_294_967_295,
        "count": 6,
        "from": AT,
        "to": AT,
        "noticed_at": AT,
        "epoch": epoch,
    }
    for epoch in ("1f19f524", "989bd1df")
]
BACKFILLS = [
    {
        "number": 3,
        "made_at": AT,
        "first_sequence": 4_294_960_000,
        "last_sequence": 4_294_967_295,
        "asked": 7296,
        "returned": 7001,
        "lost": 22,
        "remaining": 273,
        "conflicts": 14,
    }
]
HISTORY = [
    {
        "version": 41_234,
        "state": "rolled_back",
        "made_at": AT,
        "ended_at": AT,
        "applied_at": None,
        "by": "operator@example",
        "settings": {"flow_high_hysteresis_l_per_h": 250, "burst_on": True},
        "reasons": {"burst_l_per_h": "out_of_range"},
    }
]
FLEET = [
    {
        "meter_id": 4_294_967_295,
        "is_new": True,
        "dry_run": False,
        "change": {"version": 41_234, "state": "pending"},
        "differences": {"no_consumption_duration_s": {"from": 604_800, "to": 1_209_600}},
        "battery_years": {"before": 13.1, "after": 12.9},
    }
]
METERS = [
    {
        "meter_id": 4_294_967_295,
        "availability": "unreachable",
        "last_seen": AT,
        "state": READING,
        "stored_count": 1_234_567,
    }
]
READINGS = [
    {
        "id": "4294967295-1f19f524-4294967290",
        "measured_at": AT,
        "forward_volume_l": 123_456_789.0,
        "reverse_volume_l": 1_234_567.0,
        "flow_mean_l_per_h": 12_345.0,
        "flow_peak_l_per_h": 98_765.0,
        "pressure_mean_kpa": 412,
        "pressure_min_kpa": 398,
        "pressure_max_kpa": 433,
        "quality": ["clock_step", "restarted"],
    }
]
SCENE = Scene(
    datetime(2023, 1, 17, tzinfo=UTC),
    900.0,
    "Ctrl-C ends the demo.",
    [MeterView(4303, "Wilhelmsburg", "serial", 123_456_789.0, 12_345.0, 412.0, AT, 12.0, 12_345)],
    [],
    900,
)

VOLUMES = ("123,456.789", "1,234.567")
LISTS = {
    "alarms": (
        alarms_table(ALARMS, past=True),
        ["4303-1f19f524-e8", "4303-1f19f524-e4", "170,830 l", "86,400 l", "tamper_magnet", "NO"],
    ),
    "active alarms": (alarms_table(ALARMS, past=False), ["4303-1f19f524-e9", "NO", "Zoë"]),
    "reads": (reads_table(READS), ["12", *VOLUMES, "12.345", "412", "3,612", "answered"]),
    "checks": (checks_table(CHECKS), ["7", "123,456.000", "123,457.000", "+1.000", "-2.000"]),
    "gaps": (gaps_table(GAPS), ["4294967290", "4294967295", "1f19f524", "989bd1df"]),
    "backfills": (backfills_table(BACKFILLS), ["4294960000", "7,296", "7,001", "22", "273", "14"]),
    "history": (
        history_table(HISTORY),
        ["41234", "rolled_back", "operator@example", "burst_on=on", "burst_l_per_h: out of"],
    ),
    "fleet": (
        fleet_table(FLEET, dry_run=False),
        ["4294967295", "41234 pending", "13.1 -> 12.9", "1209600 s"],
    ),
    "meters": (meters_table(METERS), ["4294967295", *VOLUMES, "unreachable", "1,234,567"]),
    "readings": (
        readings_table(READINGS),
        ["4294967295-1f19f524-4294967290", *VOLUMES, "98.765", "398", "433", "clock_step"],
    ),
    "demo": (draw(SCENE), ["4303", "Wilhelmsburg", "123,456.789", "12,345", "15:55:32", "12 s"]),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", LISTS)
def test_whatever_the_width_every_value_is_there_whole(name: str, width: int) -> None:
    table, values = LISTS[name]
    lines = drawn(table, width)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    found = "\n".join(lines)
    assert [value for value in values if value not in found] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("table", [alarms_table(ALARMS, past=True), checks_table(CHECKS)])
def test_a_note_is_broken_into_lines_and_keeps_all_its_words(table: Listing, width: int) -> None:
    words = " ".join(drawn(table, width)).split()
    assert [word for word in NOTE.split() if word not in words] == []


def listed(width: int, cells: Sequence[str] = ("4303-e8", "10 l", "ok")) -> list[str]:
    table = Listing(Column("alarm"), number("limit"), text("note"))
    table.add_row(*cells)
    return [line.rstrip() for line in drawn(table, width)]


def test_where_there_is_room_all_stands_side_by_side() -> None:
    assert listed(80) == ["alarm    limit  note", "4303-e8   10 l  ok"]


def test_what_does_not_fit_stands_below_its_row_with_its_heading() -> None:
    assert listed(14) == ["alarm    limit", "4303-e8   10 l", "    note ok"]
    assert listed(10, ("4303-e8", "10 l", "")) == ["alarm", "4303-e8", "    limit", "    10 l"]
