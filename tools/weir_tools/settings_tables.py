"""Settings as tables for the terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from weir_protocol.setting import SettingRefused
from weir_protocol.settings import format_value, parse_value
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


def differences_table(differences: Document) -> Table:
    table = _table("setting", "from", "to")
    for name, one in differences.items():
        table.add_row(name, value_text(name, one["from"]), value_text(name, one["to"]))
    return table


def values_table(values: Document) -> Table:
    """What is somewhere not at its default."""
    table = _table("setting", "desired", "reported", "default")
    for name, one in values.items():
        reported = NOTHING if one["reported"] is None else value_text(name, one["reported"])
        table.add_row(
            name, value_text(name, one["desired"]), reported, value_text(name, one["default"])
        )
    return table


def history_table(history: Iterable[Document]) -> Table:
    table = _table("version", "state", "asked (UTC)", "ended (UTC)", "by", "settings")
    for one in history:
        ended_at = one["ended_at"] or one["applied_at"]
        changes = [f"{name}={value_text(name, value)}" for name, value in one["settings"].items()]
        reasons = [reason_text(*reason) for reason in (one["reasons"] or {}).items()]
        table.add_row(
            str(one["version"]),
            one["state"],
            moment(one["made_at"]),
            moment(ended_at),
            one["by"],
            "\n".join([", ".join(changes), *reasons]),
        )
    return table


def fleet_table(results: Iterable[Document]) -> Table:
    """What a fleet file changes, meter by meter."""
    table = _table("meter", "version", "settings", "battery years")
    for result in results:
        change = result["change"]
        version = NOTHING if change is None else f"{change['version']} {change['state']}"
        changes = [
            f"{name}: {value_text(name, one['from'])} -> {value_text(name, one['to'])}"
            for name, one in result["differences"].items()
        ]
        years = result["battery_years"]
        table.add_row(
            str(result["meter_id"]),
            version if result["is_new"] or change is not None else NOTHING,
            "\n".join(changes) if changes else "as they are",
            f"{years['before']} -> {years['after']}",
        )
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title)
    return table
