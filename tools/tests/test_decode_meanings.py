"""`weir decode` says settings, events and commands in words."""

from typing import Any

import pytest

from weir_protocol.alarms import ALARMS
from weir_protocol.frames import (
    KEY_COUNT,
    KEY_SEQUENCE,
    KEY_VERSION,
    CommandCode,
    FrameType,
    Header,
    Outcome,
    Reason,
    build_body,
)
from weir_protocol.records import EventCode, EventPhase
from weir_protocol.sealing import DIRECTION_DOWNLINK, DIRECTION_UPLINK, Sealer, nonce
from weir_protocol.settings import SETTINGS, format_value
from weir_tools.decode.anatomy import Knowledge, dissect

KEY = bytes(range(16))
EPOCH = 0x5EED


def meanings(kind: FrameType, **fields: Any) -> dict[str, str]:
    """Return what each field of such a frame is said to mean."""
    header = Header(kind, 4308, 77)
    direction = DIRECTION_UPLINK if kind.is_uplink else DIRECTION_DOWNLINK
    clear = header.encode()
    sealed = Sealer(KEY).seal(nonce(4308, EPOCH, 77, direction), clear, build_body(kind, fields))
    anatomy = dissect(clear + sealed, Knowledge({}, KEY, EPOCH))
    assert anatomy.sealed_because is None
    return {field.name: field.meaning for field in anatomy.fields}


def items(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"key": key, "value": value} for key, value in pairs]


def report(outcome: int, *pairs: tuple[int, int]) -> dict[str, str]:
    return meanings(
        FrameType.SETTINGS_REPORT, settings_version=9, outcome=outcome, items=items(*pairs)
    )


def event(code: int, phase: int, value: int, limit: int) -> dict[str, str]:
    one = {
        "event_sequence": 12,
        "taken_at_s": 1_790_000_100,
        "time_quality": 1,
        "code": code,
        "phase": phase,
        "value": value,
        "limit": limit,
    }
    return meanings(FrameType.EVENTS, settings_version=9, items=[one])


def command(code: int, argument: int) -> dict[str, str]:
    return meanings(FrameType.COMMAND, answers=7, request=18, code=code, argument=argument)


def test_every_setting_is_named_with_its_value_in_words() -> None:
    pairs = [(setting.key, setting.default) for setting in SETTINGS]
    found = meanings(
        FrameType.SETTINGS, answers=7, settings_version=9, items=items(*pairs, (KEY_COUNT, 60))
    )
    for index, setting in enumerate(SETTINGS):
        assert found[f"key[{index}]"] == setting.name
        assert found[f"value[{index}]"] == format_value(setting.name, setting.default)
    assert found[f"key[{len(SETTINGS)}]"] == "no setting: how many the version has in all"


def test_a_value_out_of_range_and_a_key_that_nobody_knows_are_said_to_be() -> None:
    found = meanings(
        FrameType.SETTINGS, answers=7, settings_version=9, items=items((2, 0), (250, 1))
    )
    assert found["value[0]"] == "out of range: 1 to 86400 s"
    assert found["key[1]"] == "not known"


def test_a_refusal_gives_its_version_and_the_reason_of_each_key() -> None:
    found = report(
        Outcome.REFUSED,
        (KEY_VERSION, 10),
        (1, Reason.BREAKS_RULE),
        (3, Reason.OUT_OF_RANGE),
        (200, Reason.UNKNOWN_KEY),
        (4, 99),
    )
    assert found["outcome"] == "refused; each value is the reason"
    assert found["key[0]"] == "no setting: the version that this is about"
    assert found["key[1]"] == "sample_interval_s"
    assert [found[f"value[{index}]"] for index in range(5)] == [
        "",
        "breaks rule",
        "out of range",
        "unknown key",
        "not known",
    ]


def test_an_application_gives_the_first_record_under_it_without_a_sign() -> None:
    found = report(Outcome.APPLIED, (KEY_SEQUENCE, -2), (20, 1))
    assert found["outcome"] == "applied"
    assert found["value[0]"] == "record 4294967294"
    assert found["value[1]"] == "on"


def test_a_roll_back_is_told() -> None:
    assert report(Outcome.ROLLED_BACK, (KEY_VERSION, 10))["outcome"] == "rolled back"


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_is_named_with_phase_value_and_limit(alarm: Any) -> None:
    found = event(alarm.code, EventPhase.RAISE, 1234, 1200)
    assert found["code[0]"] == alarm.name.replace("_", " ")
    assert found["phase[0]"] == "raised"
    assert found["value[0]"].startswith(f"1234 {alarm.unit}".rstrip() + ": ")
    assert found["limit[0]"] == f"1200 {alarm.unit}".rstrip() + " in force"


def test_a_roll_back_as_an_event_gives_both_versions() -> None:
    found = event(EventCode.SETTINGS_ROLLED_BACK, EventPhase.NOTE, 10, 9)
    assert found["code[0]"] == "settings rolled back"
    assert found["value[0]"] == "version given up"
    assert found["limit[0]"] == "version in force again"


def test_an_event_that_nobody_knows_is_said_to_be() -> None:
    found = event(15, 3, 0, 0)
    assert found["code[0]"] == found["phase[0]"] == "not known"
    assert found["value[0]"] == ""


def test_a_command_is_named_with_its_argument() -> None:
    found = command(CommandCode.EVENTS_FROM, -1)
    assert found["code"] == "events from"
    assert found["argument"] == "next event that is wanted: 4294967295"
    assert command(CommandCode.REPORT_SETTINGS, 0)["code"] == "report settings"
    assert command(99, 0)["code"] == "not known"
