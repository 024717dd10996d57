"""The settings table: every setting of a meter, in groups.

The meter's validator, the command line, the JSON schema for MQTT and docs/settings.md are made
from it. A key is never used twice, and a name never changes.
"""

from typing import Final

from weir_protocol.alarm_settings import (
    ALARM_CALLS,
    FLOW_ALARMS,
    METER_ALARMS,
    PRESSURE_ALARMS,
)
from weir_protocol.setting import AUTOMATIC, Group, Role, choice, number, switch

_DAY_S = 86_400
_MONTH_S = 31 * _DAY_S

SCHEDULE: Final = (
    number(
        1,
        "sample_interval_s",
        (1, _DAY_S),
        60,
        "How often the meter measures flow and pressure and checks its alarms.",
    ),
    number(
        2, "store_interval_s", (1, _DAY_S), 900, "How often the meter keeps a record of a reading."
    ),
    number(
        3,
        "send_interval_s",
        (1, _MONTH_S),
        _DAY_S,
        "How often the meter calls the gateway to deliver its records.",
    ),
    number(
        4,
        "send_slot_s",
        (AUTOMATIC, _MONTH_S - 1),
        AUTOMATIC,
        "When in the send interval the meter calls, counted from the interval's start; automatic:"
        " at a place of its own within send_spread_s, found from the meter's id.",
    ),
    number(
        5,
        "send_spread_s",
        (AUTOMATIC, _MONTH_S),
        AUTOMATIC,
        "Over what part of the send interval meters spread their calls by their ids, from"
        " send_slot_s on; automatic: over seven eighths of the send interval, or not at all where"
        " send_slot_s is given.",
    ),
    number(
        6,
        "receive_window_s",
        (0, 3600),
        0,
        "How long the meter goes on listening after the last word of a session, so that it can"
        " be read or changed in that time; each second costs energy.",
    ),
    choice(
        7,
        "link_hold",
        ("session", "always"),
        0,
        "session: the link is open for sessions only; always: it stays open and the meter"
        " listens all the time, for meters on mains power or on a wire.",
    ),
)

METERING: Final = (
    number(
        80,
        "pulse_weight_ml",
        (1, 1_000_000),
        1000,
        "Volume of one pulse of the base meter.",
        Role.TECHNICIAN,
    ),
    choice(
        81,
        "pulse_mode",
        ("single", "quadrature", "direction"),
        0,
        "How the base meter gives pulses. single: one channel, forward only; quadrature: two"
        " channels a quarter apart; direction: one channel of pulses and one of the direction.",
        Role.TECHNICIAN,
    ),
    number(
        82,
        "debounce_close_ms",
        (0, 1000),
        5,
        "So long must a contact stay closed before it counts as closed.",
        Role.TECHNICIAN,
    ),
    number(
        83,
        "debounce_open_ms",
        (0, 1000),
        5,
        "So long must a contact stay open before it counts as open.",
        Role.TECHNICIAN,
    ),
    number(
        84,
        "dn_mm",
        (0, 3000),
        0,
        "Nominal diameter (DN) of the base meter; 0: not stated.",
        Role.TECHNICIAN,
    ),
    number(
        85,
        "q3_l_per_h",
        (0, 10_000_000),
        0,
        "Permanent flow rate (Q3) of the base meter; 0: not stated.",
        Role.TECHNICIAN,
    ),
    choice(
        86,
        "pressure_sensor",
        ("none", "ratiometric", "loop", "i2c"),
        1,
        "Type of the pressure sensor. ratiometric: 0.5 V to 4.5 V at a supply of 5 V; loop:"
        " 4 mA to 20 mA; i2c: digital.",
        Role.TECHNICIAN,
    ),
    number(
        87,
        "pressure_range_kpa",
        (1, 10_000),
        1600,
        "Pressure at the upper end of the sensor's range.",
        Role.TECHNICIAN,
    ),
    number(
        88,
        "pressure_warm_up_ms",
        (0, 5000),
        300,
        "How long the pressure sensor has power before it is read.",
        Role.TECHNICIAN,
    ),
)

TIME: Final = (
    number(
        100,
        "drift_correction_ppb",
        (-200_000, 200_000),
        0,
        "By how much the clock is known to run wrong: above 0 where it runs slow and is sped up.",
    ),
    switch(101, "drift_learning", 1, "Whether the meter learns the drift of its clock by itself."),
    number(
        102,
        "clock_drift_ppm",
        (1, 200),
        50,
        "By how much the clock may be wrong at most before anything is learned of it.",
    ),
)

LINK: Final = (
    number(
        110,
        "link_port",
        (0, 65_535),
        0,
        "TCP port of the gateway; 0: as the meter was provisioned.",
    ),
    number(
        111,
        "link_baud",
        (0, 921_600),
        0,
        "Speed of a serial link in bits per second; 0: as the meter was provisioned.",
    ),
    number(
        112,
        "link_patience_s",
        (5, 600),
        30,
        "How long the meter waits for its link to open before it gives the call up.",
    ),
    number(
        113,
        "answer_timeout_ms",
        (500, 60_000),
        5000,
        "How long the meter waits for an answer before it sends a frame again.",
    ),
)

GROUPS: Final = (
    Group("Schedule", SCHEDULE),
    Group("Alarms on flow", FLOW_ALARMS),
    Group("Alarms on pressure", PRESSURE_ALARMS),
    Group("Alarms on the meter itself", METER_ALARMS),
    Group("Calls opened by alarms", ALARM_CALLS),
    Group("Metering", METERING),
    Group("Time", TIME),
    Group("Link", LINK),
)
