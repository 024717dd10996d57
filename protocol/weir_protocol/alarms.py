"""The alarms of a meter: which settings rule them, when they are raised and cleared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from weir_protocol.records import EventCode, Status
from weir_protocol.setting import Setting
from weir_protocol.settings import BY_NAME


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of a meter.

    switch: whether it is watched for. limit: what its value is held against; None where a state
    is watched and not a quantity: the event's limit is then 1.
    hysteresis, duration: as named, None where the alarm has none.
    clear: how long or how much of the good clears it, None where hysteresis alone does.
    unit: of the value and the limit of its events; value: what it is, for operators.
    status: the bit it sets in records while it is raised, None for none.
    raised_when, cleared_when: the rules, for operators.
    """

    code: EventCode
    meaning: str
    unit: str
    value: str
    switch: Setting
    limit: Setting | None
    hysteresis: Setting | None
    duration: Setting | None
    clear: Setting | None
    status: Status | None
    raised_when: str
    cleared_when: str

    @property
    def name(self) -> str:
        return self.code.name.lower()

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings that rule it, its switch first."""
        parts = (self.switch, self.limit, self.hysteresis, self.duration, self.clear)
        return tuple(part for part in parts if part is not None)


def _alarm(
    code: EventCode,
    meaning: str,
    value: tuple[str, str],
    endings: str,
    raised_when: str,
    cleared_when: str,
    status: Status | None = None,
) -> Alarm:
    """Make an alarm. endings: of the names of limit, hysteresis, duration, clear; - for none.

    value: its unit, and what it is.
    """
    name = code.name.lower()
    limit, hysteresis, duration, clear = (
        None if ending == "-" else BY_NAME[f"{name}_{ending}"] for ending in endings.split()
    )
    return Alarm(
        code,
        meaning,
        *value,
        BY_NAME[f"{name}_on"],
        limit,
        hysteresis,
        duration,
        clear,
        status,
        raised_when,
        cleared_when,
    )


_FLOW = ("l/h", "Forward flow of the sample in litres an hour.")
_PRESSURE = ("kPa", "Pressure of the sample in kilopascal.")
_STATE = ("", "1 when it is raised, 0 when it is cleared.")

ALARMS: Final[tuple[Alarm, ...]] = (
    _alarm(
        EventCode.FLOW_HIGH,
        "Forward flow is above its high limit.",
        _FLOW,
        "l_per_h hysteresis_l_per_h duration_s -",
        "The forward flow of every sample is above the limit, for the duration.",
        "The forward flow of a sample is at or below the limit less the hysteresis (0 at least).",
    ),
    _alarm(
        EventCode.FLOW_LOW,
        "Forward flow is below its low limit.",
        _FLOW,
        "l_per_h hysteresis_l_per_h duration_s -",
        "The forward flow of every sample is below the limit, for the duration.",
        "The forward flow of a sample is at or above the limit plus the hysteresis.",
    ),
    _alarm(
        EventCode.PRESSURE_HIGH,
        "The pressure is above its high limit.",
        _PRESSURE,
        "kpa hysteresis_kpa duration_s -",
        "The pressure of every sample is above the limit, for the duration."
        " A sample without a valid pressure changes nothing.",
        "The pressure of a sample is at or below the limit less the hysteresis.",
    ),
    _alarm(
        EventCode.PRESSURE_LOW,
        "The pressure is below its low limit.",
        _PRESSURE,
        "kpa hysteresis_kpa duration_s -",
        "The pressure of every sample is below the limit, for the duration."
        " A sample without a valid pressure changes nothing.",
        "The pressure of a sample is at or above the limit plus the hysteresis.",
    ),
    _alarm(
        EventCode.REVERSE_FLOW,
        "Water flows back through the meter.",
        ("l", "The most that has flowed back since it began, in litres."),
        "l - duration_s quiet_s",
        "At least the limit has flowed back since the first reverse pulse, less what has flowed"
        " forward since (never below 0), and that pulse is as long ago as the duration.",
        "No reverse pulse has come for the quiet time.",
        Status.REVERSE_FLOW,
    ),
    _alarm(
        EventCode.LEAK,
        "Water never stops flowing.",
        ("s", "How long water has flowed without a pause, in seconds, up to the last pulse."),
        "duration_s - - gap_s",
        "Forward pulses have come for the duration, never so far apart as the gap.",
        "No forward pulse has come for the gap.",
        Status.LEAK,
    ),
    _alarm(
        EventCode.BURST,
        "So much water flows for so long that a pipe may have burst.",
        _FLOW,
        "l_per_h hysteresis_l_per_h duration_s -",
        "The forward flow of every sample is above the limit, for the duration.",
        "The forward flow of a sample is at or below the limit less the hysteresis (0 at least).",
        Status.BURST,
    ),
    _alarm(
        EventCode.NO_CONSUMPTION,
        "No water has been used for long.",
        ("s", "How long no water had flowed, in seconds."),
        "duration_s - - clear_pulses",
        "No forward pulse has come for the duration.",
        "So many forward pulses have come since it was raised.",
    ),
    _alarm(
        EventCode.TAMPER_COVER,
        "The cover is open.",
        _STATE,
        "- - duration_s quiet_s",
        "The cover has been open for the duration.",
        "The cover has been closed for the quiet time.",
        Status.TAMPER,
    ),
    _alarm(
        EventCode.TAMPER_MAGNET,
        "A strong magnet is at the meter.",
        _STATE,
        "- - duration_s quiet_s",
        "The magnet has been there for the duration.",
        "There has been no magnet for the quiet time.",
        Status.TAMPER,
    ),
    _alarm(
        EventCode.TAMPER_CABLE,
        "The pulse cable is cut, or somebody interferes with it.",
        (
            "transitions",
            "Impossible changes of the pulse inputs since it began, 0 for an open loop alone.",
        ),
        "transitions - duration_s quiet_s",
        "The loop is open, or the pulse inputs have changed impossibly at least so often since"
        " it began, and it has gone on for the duration.",
        "The loop has been closed, without an impossible change, for the quiet time.",
        Status.TAMPER,
    ),
    _alarm(
        EventCode.BATTERY_LOW,
        "The battery runs low.",
        ("mV", "Battery voltage of the sample in millivolts."),
        "mv hysteresis_mv duration_s -",
        "The battery voltage of every sample is below the limit, for the duration."
        " A battery that is not measured changes nothing.",
        "The battery voltage of a sample is at or above the limit plus the hysteresis.",
        Status.BATTERY_LOW,
    ),
)
"""By rising code."""

BY_CODE: Final[Mapping[int, Alarm]] = {int(alarm.code): alarm for alarm in ALARMS}


@dataclass(frozen=True, slots=True)
class Note:
    """An event that happens at once: it is neither raised nor cleared."""

    code: EventCode
    meaning: str

    @property
    def name(self) -> str:
        return self.code.name.lower()


NOTES: Final[tuple[Note, ...]] = (
    Note(
        EventCode.RESTARTED,
        "The meter has started. The value is why: 0 not known, 1 power on, 2 watchdog,"
        " 3 on request, 4 wake from sleep.",
    ),
    Note(
        EventCode.CLOCK_STEPPED,
        "The clock was set. The value is by how many seconds, above 0 for forward.",
    ),
    Note(
        EventCode.SETTINGS_APPLIED,
        "New settings are in force. The value is their version.",
    ),
    Note(
        EventCode.SETTINGS_ROLLED_BACK,
        "The meter could not reach the gateway under new settings and went back. The value is the"
        " version given up, the limit the version in force again.",
    ),
    Note(EventCode.TRIGGERED, "A person asked for a reading at the meter."),
)
"""By rising code."""
