"""An event is told in words that need no table of codes beside them."""

from typing import Any

import pytest

from weir_gateway.event_names import GatewayCode, event_unit
from weir_protocol.alarms import ALARMS, NOTES
from weir_tools.alarm_tables import event_line
from weir_tools.event_words import CLEARED, NOTED, RAISED, event_words


def event(name: str, phase: str, value: int, limit: int, unit: str | None) -> dict[str, Any]:
    return {
        "id": "1001-5eed0001-e7",
        "meter_id": 1001,
        "name": name,
        "phase": phase,
        "value": value,
        "limit": limit,
        "unit": unit,
        "measured_at": "2026-03-01T06:15:00Z",
        "received_at": "2026-03-01T06:15:01Z",
    }


@pytest.mark.parametrize(
    ("name", "phase", "value", "limit", "unit", "words"),
    [
        ("tamper_cover", "raise", 1, 1, None, "cover opened"),
        ("tamper_cover", "clear", 0, 1, None, "open cover cleared"),
        ("triggered", "note", 0, 0, None, "triggered by a person"),
        ("silence", "raise", 2, 2, "sessions", "missed 2 sessions"),
        ("restarted", "note", 2, 0, None, "restarted (watchdog)"),
        ("restarted", "note", 77, 0, None, "restarted"),
        ("clock_stepped", "note", -12, 0, "s", "clock set by -12 s"),
        ("settings_applied", "note", 4711, 0, None, "settings version 4711 in force"),
        ("leak", "clear", 90_000, 86_400, "s", "leak cleared: it lasted 90,000 s"),
        ("code_99", "raise", 5, 4, None, "code_99 raised: 5, limit 4"),
    ],
)
def test_an_event_is_told_in_words(
    name: str, phase: str, value: int, limit: int, unit: str | None, words: str
) -> None:
    assert event_words(event(name, phase, value, limit, unit)) == words


def test_settings_that_were_given_up_are_told_with_both_versions() -> None:
    words = event_words(event("settings_rolled_back", "note", 12, 9, None))
    assert words == "settings version 12 given up, version 9 in force again"


def test_every_event_that_there_is_has_its_words() -> None:
    alarms = {alarm.name for alarm in ALARMS} | {code.name.lower() for code in GatewayCode}
    assert set(RAISED) == set(CLEARED) == alarms
    assert {*NOTED, "restarted"} == {note.name for note in NOTES}
    assert event_unit(GatewayCode.SILENCE) == "sessions"


def test_a_line_says_when_which_meter_what_and_the_id_to_acknowledge() -> None:
    line = event_line(event("tamper_magnet", "raise", 1, 1, None))
    assert line == (
        "2026-03-01 06:15:00  meter 1001  strong magnet at the meter  (1001-5eed0001-e7)"
    )
