"""How long a battery lasts under given settings, by the formula of docs/settings.md, "Battery".

Charge is counted act by act. The formula is careful where little is known; it is no measurement of
any one meter. Link speed, retries and the length of backlogs are not in it.
"""

from collections.abc import Mapping
from typing import Final

from weir_protocol.alarms import ALARMS
from weir_protocol.settings import defaults

# One lithium thionyl chloride cell ER34615.
CELL_AH: Final = 19.0
USABLE_SHARE: Final = 0.85
SELF_DISCHARGE_AH_A_YEAR: Final = 0.19  # 1 % of the full cell

# At the battery.
SLEEP_UA: Final = 10.0
WAKE_MC: Final = 1.8  # a sample without pressure: wake, count, sleep
SENSOR_MA: Final = {"none": 0.0, "ratiometric": 8.0, "loop": 180.0, "i2c": 1.0}
SENSOR_READ_MS: Final = 20.0  # beyond the warm-up
RECORD_MC: Final = 0.03  # programmed, with its share of an erase
SESSION_MC: Final = 3000.0  # registration, a few frames both ways, release
LISTENING_MA: Final = 20.0
ALARM_DAYS_A_YEAR: Final = 2.0  # days on which alarms use up what they may

_DAY_S = 86_400
_DAYS_A_YEAR = 365.25
_MC_AN_AH = 3_600_000
_SENSORS = tuple(SENSOR_MA)
_HOLDS_ALWAYS = 1


def years(values: Mapping[str, int]) -> float:
    """Return how many years one ER34615 lasts under these settings.

    A name left out has its default. More of anything never lasts longer.
    """
    spent_mc = sum(charges_mc_a_day({**defaults(), **values}).values())
    spent_ah_a_year = spent_mc * _DAYS_A_YEAR / _MC_AN_AH
    return CELL_AH * USABLE_SHARE / (spent_ah_a_year + SELF_DISCHARGE_AH_A_YEAR)


def charges_mc_a_day(values: Mapping[str, int]) -> dict[str, float]:
    """Return what a mean day costs by kind of act, in millicoulombs, for a whole map of values."""
    samples = _DAY_S / values["sample_interval_s"]
    sessions = _DAY_S / values["send_interval_s"]
    return {
        "sleep": SLEEP_UA * _DAY_S / 1000,
        "samples": samples * (WAKE_MC + _pressure_mc(values)),
        "records": _DAY_S / values["store_interval_s"] * RECORD_MC,
        "sessions": sessions * SESSION_MC,
        "listening": _listening_s(values, sessions) * LISTENING_MA,
        "alarms": _alarm_calls_a_day(values, samples) * _alarm_call_mc(values),
    }


def _pressure_mc(values: Mapping[str, int]) -> float:
    powered_ms = values["pressure_warm_up_ms"] + SENSOR_READ_MS
    return SENSOR_MA[_SENSORS[values["pressure_sensor"]]] * powered_ms / 1000


def _listening_s(values: Mapping[str, int], sessions: float) -> float:
    """Return for how long of a mean day the link is held open after its sessions."""
    if values["link_hold"] == _HOLDS_ALWAYS:
        return _DAY_S
    return min(sessions * values["receive_window_s"], _DAY_S)


def _alarm_calls_a_day(values: Mapping[str, int], samples: float) -> float:
    """Return how many calls alarms open on a mean day: on the worst days, all they may."""
    if not any(values[alarm.switch.name] for alarm in ALARMS):
        return 0.0
    allowed = samples
    if interval_s := values["alarm_call_interval_s"]:
        waits = (_DAY_S // interval_s + 1).bit_length() - 1  # each twice as long as the one before
        allowed = min(values["alarm_calls_max"] + waits, samples)
    return allowed * ALARM_DAYS_A_YEAR / _DAYS_A_YEAR


def _alarm_call_mc(values: Mapping[str, int]) -> float:
    return SESSION_MC + values["receive_window_s"] * LISTENING_MA
