"""The meter's settings table: keys, packed ranges and defaults, rules and alarms."""

import struct

from weir_protocol.alarms import ALARMS, Alarm
from weir_protocol.setting import Setting
from weir_protocol.settings import RULES, SETTINGS

HEADER = '''\
"""The settings table. Generated from protocol/weir_protocol by `make gen`. Do not edit."""

'''
ROW_FORMAT = "<lll"


def render() -> str:
    return "".join([HEADER, _keys(), _rows(), _rules(), _alarms()])


def _keys() -> str:
    return "".join(f"K_{setting.name.upper()} = {setting.key}\n" for setting in SETTINGS)


def _rows() -> str:
    keys = bytes(setting.key for setting in SETTINGS)
    lines = [
        f"\nKEYS = {keys!r}\n",
        "\n# for each of KEYS in turn: lowest, highest, default\n",
        f"ROW_FORMAT = {ROW_FORMAT!r}\n",
        f"ROW_SIZE = {struct.calcsize(ROW_FORMAT)}\n",
        "ROWS = (\n",
        *(f"    {_row(setting)!r}  # {setting.name}\n" for setting in SETTINGS),
        ")\n",
    ]
    return "".join(lines)


def _row(setting: Setting) -> bytes:
    return struct.pack(ROW_FORMAT, setting.low, setting.high, setting.default)


def _rules() -> str:
    lines = ["\n# (key of the lower value, of the upper, 1 if below and 0 if at most, switches)\n"]
    lines.append("RULES = (\n")
    for rule in RULES:
        when = tuple(switch.key for switch in rule.when)
        lines.append(f"    ({rule.lower.key}, {rule.upper.key}, {int(rule.strict)}, {when!r}),\n")
    return "".join([*lines, ")\n"])


def _alarms() -> str:
    lines = ["\n", *(f"A_{alarm.code.name} = {int(alarm.code)}\n" for alarm in ALARMS)]
    lines.append("\n# (code, status bits, keys of switch, limit, hysteresis, duration, clear)\n")
    lines.append("# 0 for what an alarm has not\n")
    lines += ["ALARMS = (\n", *(f"    {_alarm_row(alarm)!r},\n" for alarm in ALARMS), ")\n"]
    return "".join(lines)


def _alarm_row(alarm: Alarm) -> tuple[int, ...]:
    parts = (alarm.switch, alarm.limit, alarm.hysteresis, alarm.duration, alarm.clear)
    keys = (0 if part is None else part.key for part in parts)
    return (int(alarm.code), int(alarm.status or 0), *keys)
