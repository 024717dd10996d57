"""The log names what an operator looks for: starts, events and what became of settings."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from weir_gateway.store.receipt import Receipt
from weir_gateway.uplink_log import log_uplink
from weir_protocol.alarms import ALARMS
from weir_protocol.frames import KEY_VERSION, FrameType, Outcome
from weir_protocol.records import EventPhase
from weir_protocol.session import Uplink

RECEIPT = Receipt(resume_at=0, downlink_counter=1, settings_version=0)


def lines(
    caplog: pytest.LogCaptureFixture,
    frame_type: FrameType,
    fields: dict[str, Any],
    receipt: Receipt = RECEIPT,
) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.INFO):
        log_uplink(Uplink(frame_type, 4308, 0xBEEF, 1, fields), receipt)
    return caplog.messages


def test_a_hello_is_named_with_its_epoch(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, FrameType.HELLO, {}) == ["meter 4308 says hello, epoch 0000beef"]


def test_events_are_named_when_they_are_new_and_not_when_they_are_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (low,) = (alarm for alarm in ALARMS if alarm.name == "pressure_low")
    event = {"code": int(low.code), "phase": int(EventPhase.RAISE), "value": 92, "limit": 100}
    fields = {"items": [event]}
    new = replace(RECEIPT, event_count=1)
    said = lines(caplog, FrameType.EVENTS, fields, new)
    assert said == ["meter 4308 tells pressure_low raise: 92, limit 100"]
    assert lines(caplog, FrameType.EVENTS, fields) == []


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.APPLIED, "applied"),
        (Outcome.REFUSED, "refused"),
        (Outcome.ROLLED_BACK, "rolled back"),
        (9, "outcome 9"),
    ],
)
def test_a_report_of_settings_is_named_with_version_and_outcome(
    caplog: pytest.LogCaptureFixture, outcome: int, word: str
) -> None:
    fields = {"outcome": int(outcome), "items": [{"key": KEY_VERSION, "value": 3}]}
    said = lines(caplog, FrameType.SETTINGS_REPORT, fields)
    assert said == [f"meter 4308 reports settings version 3: {word}"]


def test_readings_are_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, FrameType.READINGS, {}) == []
