"""What a gateway says of its meters, as tables for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from weir_tools.listing import Column, Listing, number, text
from weir_tools.quantities import (
    NOTHING,
    cubic_metres,
    cubic_metres_per_h,
    minute,
    moment,
    whole,
    with_unit,
)

Document = Mapping[str, Any]


def meters_table(meters: Iterable[Document]) -> Listing:
    table = Listing(
        number("meter"),
        Column("availability"),
        Column("last seen (UTC)"),
        number("forward m³"),
        number("reverse m³"),
        number("flow m³/h"),
        number("pressure kPa"),
        number("readings"),
    )
    for meter in meters:
        state = meter["state"] or {}
        table.add_row(
            str(meter["meter_id"]),
            meter["availability"],
            moment(meter["last_seen"]),
            cubic_metres(state.get("forward_volume_l")),
            cubic_metres(state.get("reverse_volume_l")),
            cubic_metres_per_h(state.get("flow_l_per_h")),
            whole(state.get("pressure_kpa")),
            whole(meter["stored_count"]),
        )
    return table


def meter_table(meter: Document) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in (*_identity_rows(meter), *_state_rows(meter["state"] or {})):
        table.add_row(name, value)
    for gap in meter["gaps"]:
        run = f"{gap['first_sequence']} to {gap['last_sequence']} of epoch {gap['epoch']}"
        table.add_row("gap", f"records {run}: {gap['state']}")
    return table


def readings_table(readings: Iterable[Document]) -> Listing:
    table = Listing(
        Column("reading"),
        Column("measured at (UTC)"),
        number("forward m³"),
        number("reverse m³"),
        number("flow m³/h"),
        number("peak m³/h"),
        number("mean kPa"),
        number("min"),
        number("max"),
        text("quality"),
    )
    for reading in readings:
        table.add_row(
            reading["id"],
            moment(reading["measured_at"]),
            cubic_metres(reading["forward_volume_l"]),
            cubic_metres(reading["reverse_volume_l"]),
            cubic_metres_per_h(reading["flow_mean_l_per_h"]),
            cubic_metres_per_h(reading["flow_peak_l_per_h"]),
            whole(reading["pressure_mean_kpa"]),
            whole(reading["pressure_min_kpa"]),
            whole(reading["pressure_max_kpa"]),
            ", ".join(reading["quality"]),
        )
    return table


def gaps_table(gaps: Sequence[Document]) -> Listing:
    """Times are those of the readings held on either side, and when it was first missed."""
    has_epochs = len({gap["epoch"] for gap in gaps}) > 1
    table = Listing(
        Column("state"),
        number("first"),
        number("last"),
        number("count"),
        Column("after (UTC)"),
        Column("before (UTC)"),
        Column("noticed (UTC)"),
        *([Column("epoch")] if has_epochs else []),
    )
    for gap in gaps:
        table.add_row(
            gap["state"],
            str(gap["first_sequence"]),
            str(gap["last_sequence"]),
            whole(gap["count"]),
            *(minute(gap[name]) for name in ("from", "to", "noticed_at")),
            *([gap["epoch"]] if has_epochs else []),
        )
    return table


def backfills_table(backfills: Iterable[Document]) -> Listing:
    table = Listing(
        number("no."),
        Column("made (UTC)"),
        number("first"),
        number("last"),
        number("asked"),
        number("returned"),
        number("lost"),
        number("to come"),
        number("differ"),
    )
    counts = ("asked", "returned", "lost", "remaining", "conflicts")
    for one in backfills:
        table.add_row(
            str(one["number"]),
            minute(one["made_at"]),
            str(one["first_sequence"]),
            str(one["last_sequence"]),
            *(whole(one[name]) for name in counts),
        )
    return table


def _identity_rows(meter: Document) -> Sequence[tuple[str, str]]:
    return (
        ("meter", str(meter["meter_id"])),
        ("registered", "yes" if meter["registered"] else "no"),
        ("availability", meter["availability"]),
        ("first seen", moment(meter["first_seen"])),
        ("last seen", moment(meter["last_seen"])),
        ("epoch", meter["epoch"] or NOTHING),
        ("readings stored", whole(meter["stored_count"])),
        ("next wanted", whole(meter["resume_at"])),
    )


def _state_rows(state: Document) -> Sequence[tuple[str, str]]:
    if not state:
        return ()
    return (
        ("forward register", with_unit(cubic_metres(state["forward_volume_l"]), "m³")),
        ("reverse register", with_unit(cubic_metres(state["reverse_volume_l"]), "m³")),
        ("registers read at", moment(state["register_at"])),
        ("flow", with_unit(cubic_metres_per_h(state["flow_l_per_h"]), "m³/h")),
        ("pressure", with_unit(whole(state["pressure_kpa"]), "kPa")),
        ("measured at", moment(state["measured_at"])),
        ("quality", ", ".join(state["quality"]) or "nothing special"),
        ("battery", with_unit(whole(state["battery_mv"]), "mV")),
        ("firmware", state["firmware"]),
        ("send interval", with_unit(whole(state["send_interval_s"]), "s")),
    )
