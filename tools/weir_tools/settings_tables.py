"""Settings as tables for the terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from weir_protocol.setting import SettingRefused
from weir_protocol.settings import format_value, parse_value
from weir_tools import messages
from weir_tools.listing import Column, Listing, number, text
from weir_tools.quantities import NOTHING, moment

PROVISIONED = "provisioned"
"""Stands for a setting that is as the meter was provisioned."""

Document = Mapping[str, Any]
_REASONS = {
    "unknown_key": "the meter does not know it",
    "out_of_range": "out of the meter's range",
    "breaks_rule": "does not go together with another setting",
}


def value_text(name: str, value: Any) -> str:
    """Write a value of a JSON document as people read it."""
    if value is None:
        return PROVISIONED
    try:
        return format_value(name, parse_value(name, value))
    except SettingRefused:  # of a newer gateway
        return str(value)


def reason_text(name: str, reason: str) -> str:
    return f"{name}: {_REASONS.get(reason, reason)}"


def differences_table(differences: Document) -> Listing:
    table = Listing(Column("setting"), Column("from"), Column("to"))
    for name, one in differences.items():
        table.add_row(name, value_text(name, one["from"]), value_text(name, one["to"]))
    return table


def values_table(values: Document) -> Listing:
    """What is somewhere not at its default."""
    table = Listing(Column("setting"), Column("desired"), Column("reported"), Column("default"))
    for name, one in values.items():
        reported = NOTHING if one["reported"] is None else value_text(name, one["reported"])
        table.add_row(
            name, value_text(name, one["desired"]), reported, value_text(name, one["default"])
        )
    return table


def history_table(history: Iterable[Document]) -> Listing:
    table = Listing(
        number("version"),
        Column("state"),
        Column("asked (UTC)"),
        Column("ended (UTC)"),
        text("by"),
        text("settings"),
    )
    for one in history:
        ended_at = one["ended_at"] or one["applied_at"]
        changes = [f"{name}={value_text(name, value)}" for name, value in one["settings"].items()]
        reasons = [reason_text(*reason) for reason in (one["reasons"] or {}).items()]
        carrier = one.get("carried_by")
        table.add_row(
            str(one["version"]),
            one["state"] if carrier is None else f"{one['state']} by {carrier}",
            moment(one["made_at"]),
            moment(ended_at),
            one["by"],
            "\n".join([", ".join(changes), *reasons]),
        )
    return table


def fleet_table(results: Iterable[Document], *, dry_run: bool) -> Listing:
    """What a fleet file changes, meter by meter, or would change."""
    table = Listing(number("meter"), Column("version"), Column("battery years"), text("settings"))
    for result in results:
        changes = [
            f"{name}: {value_text(name, one['from'])} -> {value_text(name, one['to'])}"
            for name, one in result["differences"].items()
        ]
        years = result["battery_years"]
        table.add_row(
            str(result["meter_id"]),
            _next_version(result["change"]) if dry_run else _version(result["change"]),
            f"{years['before']} -> {years['after']}",
            "\n".join(changes) if changes else "as they are",
        )
    return table


def _version(change: Document | None) -> str:
    return NOTHING if change is None else f"{change['version']} {change['state']}"


def _next_version(current: Document | None) -> str:
    if current is None:
        return messages.FLEET_NEW
    return messages.FLEET_AFTER.format(version=current["version"])
