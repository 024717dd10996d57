"""Readings at a moment and dial checks, as tables for the terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from weir_tools.listing import Column, Listing, number, text
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


def reads_table(reads: Iterable[Document]) -> Listing:
    table = Listing(
        number("no."),
        Column("made (UTC)"),
        text("state"),
        Column("measured at (UTC)"),
        number("forward m³"),
        number("reverse m³"),
        number("flow m³/h"),
        number("kPa"),
        number("mV"),
        text("by"),
    )
    for read in reads:
        reading = read["reading"] or {}
        table.add_row(
            str(read["number"]),
            moment(read["made_at"]),
            _state(read),
            moment(reading.get("measured_at")),
            cubic_metres(reading.get("forward_volume_l")),
            cubic_metres(reading.get("reverse_volume_l")),
            cubic_metres_per_h(reading.get("flow_l_per_h")),
            whole(reading.get("pressure_kpa")),
            whole(reading.get("battery_mv")),
            read["by"] or "at the meter",
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


def checks_table(checks: Iterable[Document]) -> Listing:
    table = Listing(
        number("no."),
        Column("made (UTC)"),
        number("dial m³"),
        number("register m³"),
        number("difference m³"),
        number("since last m³"),
        Column("register of (UTC)"),
        text("by"),
        text("note"),
    )
    for check in checks:
        table.add_row(
            str(check["number"]),
            moment(check["made_at"]),
            cubic_metres(check["dial_volume_l"]),
            cubic_metres(check["register_volume_l"]),
            _signed(check["difference_l"]),
            _signed(check["change_l"]),
            moment(check["register_at"]),
            check["by"],
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
    table.add_column(overflow="fold")
    for name, words in rows:
        table.add_row(name, words)
    return table
