"""What an event says, in the words of docs/alarms.md."""

from collections.abc import Mapping
from typing import Any

from weir_tools.quantities import whole, with_unit

Document = Mapping[str, Any]

RAISED = {
    "flow_high": "flow above its high limit: {value}, limit {limit}",
    "flow_low": "flow below its low limit: {value}, limit {limit}",
    "pressure_high": "pressure above its high limit: {value}, limit {limit}",
    "pressure_low": "pressure below its low limit: {value}, limit {limit}",
    "reverse_flow": "water flows back: {value}, limit {limit}",
    "leak": "water never stops flowing: for {value}, limit {limit}",
    "burst": "a pipe may have burst: {value}, limit {limit}",
    "no_consumption": "no water used for {value}, limit {limit}",
    "tamper_cover": "cover opened",
    "tamper_magnet": "strong magnet at the meter",
    "tamper_cable": "pulse cable cut or disturbed: {value}, limit {limit}",
    "battery_low": "battery low: {value}, limit {limit}",
    "silence": "missed {value}",
    "register": "register disagrees with its records: by {value}, limit {limit}",
    "clock": "clock off by more than it claims: {value}, limit {limit}",
    "energy": "sessions cost more than planned: {value}, limit {limit}",
}
CLEARED = {
    "flow_high": "high flow cleared: {value}",
    "flow_low": "low flow cleared: {value}",
    "pressure_high": "high pressure cleared: {value}",
    "pressure_low": "low pressure cleared: {value}",
    "reverse_flow": "reverse flow cleared: {value} at most",
    "leak": "leak cleared: it lasted {value}",
    "burst": "burst cleared: {value}",
    "no_consumption": "no consumption cleared: it lasted {value}",
    "tamper_cover": "open cover cleared",
    "tamper_magnet": "magnet cleared",
    "tamper_cable": "pulse cable cleared",
    "battery_low": "low battery cleared: {value}",
    "silence": "silence cleared",
    "register": "register cleared",
    "clock": "clock cleared",
    "energy": "energy cleared",
}
NOTED = {
    "clock_stepped": "clock set by {value}",
    "settings_applied": "settings version {number} in force",
    "settings_rolled_back": "settings version {number} given up, version {former} in force again",
    "triggered": "triggered by a person",
}
_RESTARTED = ("", " (power on)", " (watchdog)", " (on request)", " (wake from sleep)")
_PHASES = {"raise": RAISED, "clear": CLEARED, "note": NOTED}
_PHASE_WORDS = {"raise": "raised", "clear": "cleared", "note": "noted"}


def event_words(event: Document) -> str:
    """Return what happened, without when and where. One of a newer gateway is told by its name."""
    name, value = event["name"], event["value"]
    if name == "restarted":
        return f"restarted{_RESTARTED[value] if 0 <= value < len(_RESTARTED) else ''}"
    words = _PHASES.get(event["phase"], {}).get(name)
    if words is None:
        phase = _PHASE_WORDS.get(event["phase"], event["phase"])
        words = f"{name} {phase}: {{value}}, limit {{limit}}"
    return words.format(
        value=quantity(value, event["unit"]),
        limit=quantity(event["limit"], event["unit"]),
        number=value,
        former=event["limit"],
    )


def quantity(value: int, unit: str | None) -> str:
    return with_unit(whole(value), unit) if unit else whole(value)
