"""The rows of the settings table that say when a meter raises and clears its alarms."""

from typing import Final

from weir_protocol.setting import Setting, number, switch

_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_MONTH_S = 31 * _DAY_S
_YEAR_S = 365 * _DAY_S

_TAMPER_QUIET_MIN_S = 10
"""A contact that chatters for years writes no more events than the flash of a meter takes."""


def _alarm_switch(key: int, name: str, default: int, what: str) -> Setting:
    return switch(key, name, default, f"Whether the meter raises an alarm {what}.")


def _flow(key: int, name: str, default: int, meaning: str, low: int = 1) -> Setting:
    return number(key, name, (low, 10_000_000), default, meaning)


def _flow_hysteresis(key: int, name: str, default: int, side_of_limit: str) -> Setting:
    meaning = f"The alarm clears once the flow is this much {side_of_limit}."
    return number(key, name, (0, 1_000_000), default, meaning)


def _pressure(key: int, name: str, default: int, meaning: str) -> Setting:
    return number(key, name, (-100, 10_000), default, meaning)


def _pressure_hysteresis(key: int, name: str, side_of_limit: str) -> Setting:
    meaning = f"The alarm clears once the pressure is this much {side_of_limit}."
    return number(key, name, (0, 1000), 20, meaning)


def _duration(key: int, name: str, default: int, what: str) -> Setting:
    meaning = f"How long {what} before the alarm is raised; 0 raises it at the first sample."
    return number(key, name, (0, _WEEK_S), default, meaning)


def _tamper_duration(key: int, name: str, what: str) -> Setting:
    meaning = f"How long {what} before the alarm is raised; 0 raises it at once."
    return number(key, name, (0, 3600), 0, meaning)


def _tamper_quiet(key: int, name: str, what: str) -> Setting:
    bounds = _TAMPER_QUIET_MIN_S, _DAY_S
    return number(key, name, bounds, 60, f"The alarm clears after {what} for so long.")


FLOW_ALARMS: Final = (
    _alarm_switch(20, "flow_high_on", 0, "on high forward flow"),
    _flow(21, "flow_high_l_per_h", 10_000, "Forward flow above this is high."),
    _flow_hysteresis(22, "flow_high_hysteresis_l_per_h", 500, "below flow_high_l_per_h"),
    _duration(23, "flow_high_duration_s", 300, "the flow must stay high"),
    _alarm_switch(24, "flow_low_on", 0, "on low forward flow"),
    _flow(25, "flow_low_l_per_h", 1, "Forward flow below this is low.", low=0),
    _flow_hysteresis(26, "flow_low_hysteresis_l_per_h", 1, "above flow_low_l_per_h"),
    _duration(27, "flow_low_duration_s", 3600, "the flow must stay low"),
    _alarm_switch(44, "burst_on", 0, "on a burst pipe: very high flow for long"),
    _flow(45, "burst_l_per_h", 20_000, "Forward flow above this is taken for a burst."),
    _flow_hysteresis(46, "burst_hysteresis_l_per_h", 1000, "below burst_l_per_h"),
    _duration(47, "burst_duration_s", 600, "the flow must stay above burst_l_per_h"),
    _alarm_switch(40, "leak_on", 1, "on a leak: flow that never stops"),
    number(
        41,
        "leak_duration_s",
        (600, _MONTH_S),
        _DAY_S,
        "How long water must flow without a pause before it is taken for a leak.",
    ),
    number(
        42,
        "leak_gap_s",
        (60, _DAY_S),
        1800,
        "So long without a pulse is a pause: it clears a leak, or begins the count anew. It must"
        " be longer than a pulse takes at the smallest leak to be found, and no shorter than"
        " sample_interval_s, or rests between samples are not seen.",
    ),
    _alarm_switch(48, "no_consumption_on", 0, "when no water is used"),
    number(
        49,
        "no_consumption_duration_s",
        (3600, _YEAR_S),
        _WEEK_S,
        "How long no water may flow before the alarm is raised.",
    ),
    number(
        50,
        "no_consumption_clear_pulses",
        (1, 1000),
        1,
        "So many forward pulses show that water is used again, and clear the alarm.",
    ),
    _alarm_switch(36, "reverse_flow_on", 1, "on water that flows back"),
    number(
        37,
        "reverse_flow_l",
        (0, 1_000_000),
        10,
        "So much water must have flowed back, less what flowed forward since it began, before"
        " the alarm is raised; 0 raises it at the first pulse.",
    ),
    number(
        38,
        "reverse_flow_duration_s",
        (0, _WEEK_S),
        0,
        "So long must water also have flowed back before the alarm is raised.",
    ),
    number(
        39,
        "reverse_flow_quiet_s",
        (1, _WEEK_S),
        600,
        "The alarm clears, and what flowed back is counted anew, after so long without a"
        " reverse pulse.",
    ),
)

PRESSURE_ALARMS: Final = (
    _alarm_switch(28, "pressure_high_on", 0, "on high pressure"),
    _pressure(29, "pressure_high_kpa", 1000, "Pressure above this is high."),
    _pressure_hysteresis(30, "pressure_high_hysteresis_kpa", "below pressure_high_kpa"),
    _duration(31, "pressure_high_duration_s", 60, "the pressure must stay high"),
    _alarm_switch(32, "pressure_low_on", 0, "on low pressure"),
    _pressure(33, "pressure_low_kpa", 100, "Pressure below this is low."),
    _pressure_hysteresis(34, "pressure_low_hysteresis_kpa", "above pressure_low_kpa"),
    _duration(35, "pressure_low_duration_s", 60, "the pressure must stay low"),
)

METER_ALARMS: Final = (
    _alarm_switch(51, "tamper_cover_on", 1, "when the cover is opened"),
    _tamper_duration(52, "tamper_cover_duration_s", "the cover must be open"),
    _tamper_quiet(53, "tamper_cover_quiet_s", "the cover has been closed"),
    _alarm_switch(54, "tamper_magnet_on", 1, "on a strong magnet at the meter"),
    _tamper_duration(55, "tamper_magnet_duration_s", "the magnet must be there"),
    _tamper_quiet(56, "tamper_magnet_quiet_s", "there has been no magnet"),
    _alarm_switch(57, "tamper_cable_on", 1, "when the pulse cable is cut or interfered with"),
    number(
        58,
        "tamper_cable_transitions",
        (1, 10_000),
        10,
        "So many impossible changes of the pulse inputs raise the alarm; an open loop counts"
        " without any.",
    ),
    _tamper_duration(59, "tamper_cable_duration_s", "it must go on"),
    _tamper_quiet(60, "tamper_cable_quiet_s", "the cable has been whole and its signals good"),
    _alarm_switch(61, "battery_low_on", 1, "when the battery runs low"),
    number(
        62,
        "battery_low_mv",
        (1000, 20_000),
        3300,
        "A battery voltage below this is low. A battery that is not measured is never low.",
    ),
    number(
        63,
        "battery_low_hysteresis_mv",
        (0, 2000),
        100,
        "The alarm clears once the voltage is this much above battery_low_mv.",
    ),
    _duration(64, "battery_low_duration_s", 3600, "the voltage must stay low"),
)

ALARM_CALLS: Final = (
    number(
        66,
        "alarm_call_interval_s",
        (0, _DAY_S),
        900,
        "An alarm calls the gateway at once, but calls opened by alarms are counted. After"
        " alarm_calls_max of them the next has to wait for so long, and each further one twice as"
        " long as the one before, up to a day; each day makes good one call. What cannot call"
        " waits for the next session. 0: every alarm calls.",
    ),
    number(
        67,
        "alarm_calls_max",
        (1, 20),
        3,
        "So many calls opened by alarms are allowed in quick succession.",
    ),
)
