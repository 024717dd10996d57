"""The generated parts of docs/settings.md and docs/alarms.md, and the JSON schema for MQTT."""

import json
import re
from collections.abc import Iterable

from codegen.marked import with_part
from weir_protocol.alarms import ALARMS, NOTES, Alarm
from weir_protocol.setting import Group, Role, Setting
from weir_protocol.setting_text import allowed, written
from weir_protocol.settings import RULES
from weir_protocol.settings_schema import json_schema
from weir_protocol.settings_table import GROUPS


def settings_page(text: str) -> str:
    """Return docs/settings.md with its tables made anew."""
    text = with_part(text, "settings", "".join(map(_group, GROUPS)) + "\n")
    rules = "".join(f"- {_with_code(rule.text)}\n" for rule in RULES)
    return with_part(text, "rules", f"\n{rules}\n")


def alarms_page(text: str) -> str:
    """Return docs/alarms.md with its tables made anew."""
    text = with_part(text, "alarms", _alarm_table() + "".join(map(_alarm, ALARMS)))
    rows = (f"| {int(note.code)} | `{note.name}` | {note.meaning} |\n" for note in NOTES)
    return with_part(text, "notes", _table(("code", "event", "what it tells"), rows) + "\n")


def schema() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


def _table(headings: tuple[str, ...], rows: Iterable[str]) -> str:
    head = f"\n| {' | '.join(headings)} |\n|{' --- |' * len(headings)}\n"
    return head + "".join(rows)


def _group(group: Group) -> str:
    headings = ("key", "setting", "values", "default", "what it means")
    return f"\n### {group.title}\n" + _table(headings, map(_setting_row, group.settings))


def _setting_row(setting: Setting) -> str:
    who = " Technicians only." if setting.role is Role.TECHNICIAN else ""
    meaning = _with_code(setting.meaning) + who
    default = written(setting, setting.default) + _longer(setting)
    return f"| {setting.key} | `{setting.name}` | {allowed(setting)} | {default} | {meaning} |\n"


def _longer(setting: Setting) -> str:
    """Return a default time in the largest unit that it is a multiple of."""
    for seconds, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if setting.unit == "s" and setting.default and setting.default % seconds == 0:
            return f" ({setting.default // seconds} {unit})"
    return ""


def _with_code(text: str) -> str:
    """Set names of settings in code."""
    return re.sub(r"[a-z0-9]+(?:_[a-z0-9]+)+", r"`\g<0>`", text)


def _alarm_table() -> str:
    headings = ("code", "alarm", "what it tells", "default", "status bit of records")
    return _table(headings, map(_alarm_row, ALARMS)) + "\n"


def _alarm_row(alarm: Alarm) -> str:
    status = "" if alarm.status is None else f"`{(alarm.status.name or '').lower()}`"
    switch = written(alarm.switch, alarm.switch.default)
    link = f"[`{alarm.name}`](#{alarm.name})"
    return f"| {int(alarm.code)} | {link} | {alarm.meaning} | {switch} | {status} |\n"


def _alarm(alarm: Alarm) -> str:
    settings = ", ".join(
        f"`{setting.name}` ({written(setting, setting.default)})" for setting in alarm.settings
    )
    return (
        f"### {alarm.name}\n\n"
        f"- **Raised when:** {alarm.raised_when}\n"
        f"- **Cleared when:** {alarm.cleared_when}\n"
        f"- **Value:** {alarm.value}\n"
        f"- **Limit:** {_limit(alarm)}\n"
        f"- **Settings** and their defaults: {settings}\n\n"
    )


def _limit(alarm: Alarm) -> str:
    return "always 1" if alarm.limit is None else f"`{alarm.limit.name}` as in force then"
