"""Readings at a moment and dial checks, as tables for the terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from weir_tools.quantities import (
    NOTHING,
    cubic_metres,
    cubic_metres_per_h,
    moment,
    whole,
    with_unit,
)

Document = Mapping[str, Any]


def read_table(reading: Document) -> Table:
    """One reading, one quantity a line."""
    quality = ", ".join(reading["quality"]) or "nothing special"
    rows = (
        ("meter", str(reading["meter_id"])),
        ("measured at", f"{moment(reading['measured_at'])} UTC, {_bound(reading)}"),
        ("forward register", with_unit(cubic_metres(reading["forward_volume_l"]), "m³")),
        ("reverse register", with_unit(cubic_metres(reading["reverse_volume_l"]), "m³")),
        ("flow", with_unit(cubic_metres_per_h(reading["flow_l_per_h"]), "m³/h")),
        ("pressure", with_unit(whole(reading["pressure_kpa"]), "kPa")),
        ("battery", with_unit(whole(reading["battery_mv"]), "mV")),
        ("quality", quality),
    )
    return _pairs(rows)


def reads_table(reads: Iterable[Document]) -> Table:
    table = _table(
        ("no.", "right"),
        ("made (UTC)", "left"),
        ("by", "left"),
        ("state", "left"),
        ("measured at (UTC)", "left"),
        ("forward m³", "right"),
        ("reverse m³", "right"),
        ("flow m³/h", "right"),
        ("kPa", "right"),
        ("mV", "right"),
    )
    for read in reads:
        reading = read["reading"] or {}
        table.add_row(
            str(read["number"]),
            moment(read["made_at"]),
            read["by"] or "at the meter",
            _state(read),
            moment(reading.get("measured_at")),
            cubic_metres(reading.get("forward_volume_l")),
            cubic_metres(reading.get("reverse_volume_l")),
            cubic_metres_per_h(reading.get("flow_l_per_h")),
            whole(reading.get("pressure_kpa")),
            whole(reading.get("battery_mv")),
        )
    return table


def check_table(check: Document) -> Table:
    """One dial check, one quantity a line."""
    rows = [
        ("meter", str(check["meter_id"])),
        ("dial", with_unit(cubic_metres(check["dial_volume_l"]), "m³")),
        ("register", with_unit(cubic_metres(check["register_volume_l"]), "m³")),
        ("register of", f"{moment(check['register_at'])} UTC ({check['register_source']})"),
        ("difference", with_unit(_signed(check["difference_l"]), "m³")),
    ]
    if check["change_l"] is not None:
        change = with_unit(_signed(check["change_l"]), "m³")
        rows.append(("since last check", change))
    return _pairs(rows)


def checks_table(checks: Iterable[Document]) -> Table:
    table = _table(
        ("no.", "right"),
        ("made (UTC)", "left"),
        ("by", "left"),
        ("dial m³", "right"),
        ("register m³", "right"),
        ("register of (UTC)", "left"),
        ("difference m³", "right"),
        ("since last m³", "right"),
    )
    table.add_column("note", overflow="fold")
    for check in checks:
        table.add_row(
            str(check["number"]),
            moment(check["made_at"]),
            check["by"],
            cubic_metres(check["dial_volume_l"]),
            cubic_metres(check["register_volume_l"]),
            moment(check["register_at"]),
            _signed(check["difference_l"]),
            _signed(check["change_l"]),
            check["note"] or "",
        )
    return table


def _bound(reading: Document) -> str:
    if reading["time_quality"] == "placed":
        return "when it arrived: the meter's clock is not set"
    error_s = reading["time_error_s"]
    return "no bound is known" if error_s is None else f"within {error_s:g} s"


def _state(read: Document) -> str:
    if read["expected_at"] is None:
        return str(read["state"])
    return f"{read['state']}, expected {moment(read['expected_at'])}"


def _signed(litres: float | None) -> str:
    return NOTHING if litres is None else f"{litres / 1000:+,.3f}"


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, text in rows:
        table.add_row(name, text)
    return table


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading, justify in columns:
        table.add_column(heading, justify=justify, no_wrap=True)
    return table
