"""Alarms of the whole firmware as a program: what the bench does to it is told at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from on_meter import command_of, on_each_interpreter
from scripted_bench import START_MS, UTC_MS, ScriptedBench, write_identity

from weir_protocol.records import EventCode, EventPhase, Status, TimeQuality
from weir_tools.simulator.firmware import Interpreter
from weir_tools.simulator.senses import Sense

MINUTE_MS = 60_000
REST_MS = START_MS + 20 * MINUTE_MS


@pytest.fixture
def bench(interpreter: Interpreter, tmp_path: Path) -> Iterator[ScriptedBench]:
    """A meter that sends once a day, has told all so far, and sleeps."""
    write_identity(tmp_path, ring_sectors=4, send_interval_s=86_400, send_slot_s=43_200)
    command = command_of(interpreter)
    with ScriptedBench(tmp_path, command.words, command.environment) as made:
        made.power_on()
        made.run_until(REST_MS)
        assert [event["code"] for event in made.gateway.events] == [EventCode.RESTARTED]
        made.gateway.events.clear()
        yield made


def told(bench: ScriptedBench) -> list[tuple[Any, ...]]:
    """Take what was told of events since the last call."""
    events = [
        (EventCode(event["code"]), EventPhase(event["phase"]), event["value"], event["limit"])
        for event in bench.gateway.events
    ]
    bench.gateway.events.clear()
    return events


@on_each_interpreter
def test_what_is_done_to_a_meter_is_told_in_the_moment_it_is_done(bench: ScriptedBench) -> None:
    frames_before = bench.gateway.frame_count
    bench.senses = Sense.COVER
    bench.run_until(REST_MS)
    assert bench.gateway.frame_count == frames_before + 2  # the event, and the records so far
    [event] = bench.gateway.events
    assert event["taken_at_s"] == (UTC_MS + REST_MS) // 1000
    assert event["time_quality"] == TimeQuality.S0_5
    assert told(bench) == [(EventCode.TAMPER_COVER, EventPhase.RAISE, 1, 1)]
    bench.senses = 0
    bench.run_until(REST_MS + MINUTE_MS)
    assert told(bench) == [(EventCode.TAMPER_COVER, EventPhase.CLEAR, 0, 1)]


@on_each_interpreter
def test_reverse_flow_is_raised_and_cleared_and_marks_the_records(bench: ScriptedBench) -> None:
    bench.reverse_pulses += 12
    bench.run_until(REST_MS + MINUTE_MS)
    assert told(bench) == [(EventCode.REVERSE_FLOW, EventPhase.RAISE, 12, 10)]
    bench.run_until(REST_MS + 12 * MINUTE_MS)
    assert told(bench) == [(EventCode.REVERSE_FLOW, EventPhase.CLEAR, 12, 10)]
    bench.senses = Sense.TRIGGER
    bench.run_until(REST_MS + 45 * MINUTE_MS)
    marks = [record.status & Status.REVERSE_FLOW for record in bench.gateway.records()]
    assert Status.REVERSE_FLOW in marks
    assert not marks[0]
    assert bench.gateway.refused == []


@on_each_interpreter
def test_a_person_at_the_meter_gets_a_reading_of_that_moment(bench: ScriptedBench) -> None:
    bench.forward_pulses += 7
    bench.pressure_kpa = 377
    bench.battery_mv = 3555
    bench.senses = Sense.TRIGGER
    bench.run_until(REST_MS + 1000)
    [status] = bench.gateway.readings
    assert status["request"] == 0
    assert status["forward_pulses"] == bench.forward_pulses
    assert (status["pressure_kpa"], status["battery_mv"]) == (377, 3555)
    assert 0 <= status["taken_at_s"] - (UTC_MS + REST_MS) // 1000 <= 1
    assert [event[0] for event in told(bench)] == [EventCode.TRIGGERED]


@on_each_interpreter
def test_an_alarm_outlives_a_loss_of_power_and_is_cleared_after_it(bench: ScriptedBench) -> None:
    bench.senses = Sense.COVER
    bench.gateway.is_mute = True
    bench.run_until(REST_MS)
    bench.cut_power()
    bench.senses = 0
    bench.gateway.is_mute = False
    bench.power_on()
    bench.run_until(REST_MS + 2 * MINUTE_MS)
    assert bench.gateway.hellos[-1]["status"] & Status.TAMPER
    codes = [(code, phase) for code, phase, *_ in told(bench)]
    raised, restarted, cleared = codes[-3:]
    assert raised == (EventCode.TAMPER_COVER, EventPhase.RAISE)
    assert restarted == (EventCode.RESTARTED, EventPhase.NOTE)
    assert cleared == (EventCode.TAMPER_COVER, EventPhase.CLEAR)
