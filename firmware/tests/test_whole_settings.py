"""Settings and readings over the link, with the whole firmware as a program."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from on_meter import command_of
from scripted_bench import START_MS, UTC_MS, ScriptedBench, write_identity
from scripted_tcp_bench import ScriptedTcpBench

from weir_protocol.frames import KEY_COUNT, KEY_SEQUENCE, KEY_VERSION, FrameType, Outcome, Reason
from weir_protocol.settings import BY_NAME
from weir_tools.simulator.firmware import Interpreter

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ScriptedBench]:
    """A bench with a new meter on MicroPython; a pulse of 1 litre flows with each turn."""
    write_identity(tmp_path, ring_sectors=4)
    command = command_of(Interpreter.MICROPYTHON)
    with ScriptedBench(tmp_path, command.words, command.environment) as made:
        made.each_turn = lambda: flow(made)
        yield made


@pytest.fixture
def tcp_bench(tmp_path: Path) -> Iterator[ScriptedTcpBench]:
    """The same with the link over TCP."""
    write_identity(tmp_path, ring_sectors=4)
    command = command_of(Interpreter.MICROPYTHON)
    with ScriptedTcpBench(tmp_path, command.words, command.environment) as tcp:
        yield tcp


def flow(bench: ScriptedBench) -> None:
    bench.forward_pulses += 1


def items_of(report: dict[str, object]) -> dict[int, int]:
    items = report["items"]
    assert isinstance(items, list)
    return {item["key"]: item["value"] for item in items}


def test_a_change_takes_effect_loses_no_record_and_survives_power_cuts(
    bench: ScriptedBench,
) -> None:
    bench.power_on()
    bench.run_until(START_MS + HOUR_MS)
    bench.gateway.change_settings(7, sample_interval_s=20, store_interval_s=300, pressure_sensor=0)
    bench.run_until(START_MS + 2 * HOUR_MS)
    for _ in range(2):
        bench.cut_power()
        bench.power_on()
        bench.run_until(bench.now_ms + HOUR_MS)
    [first, *_] = bench.gateway.reports
    told = items_of(first)
    assert (first["outcome"], first["settings_version"]) == (Outcome.APPLIED, 7)
    assert told[KEY_VERSION] == 7
    assert told[KEY_COUNT] == len(told) - 3
    assert told[BY_NAME["store_interval_s"].key] == 300
    assert [hello["settings_version"] for hello in bench.gateway.hellos] == [0, 7, 7]
    assert bench.gateway.hellos[-1]["sample_interval_s"] == 20
    records = bench.gateway.records()
    assert [record.sequence for record in records] == list(range(len(records)))
    of_change = told[KEY_SEQUENCE]
    assert all(record.taken_at_s % 900 == 0 for record in records[: of_change - 1])
    after = [record.taken_at_s for record in records[of_change:]]
    assert all(taken_at_s % 300 == 0 for taken_at_s in after)
    assert len(after) >= 30
    assert {record.pressure_mean_kpa for record in records[of_change:]} == {None}
    assert {record.pressure_mean_kpa for record in records[:of_change]} == {400}
    pulses = [record.forward_pulses for record in records]
    assert pulses == sorted(pulses)


def test_what_breaks_a_rule_is_refused_with_the_keys_to_blame(bench: ScriptedBench) -> None:
    bench.power_on()
    bench.gateway.change_settings(3, sample_interval_s=901, leak_on=0)
    bench.run_until(START_MS + HOUR_MS)
    [report] = bench.gateway.reports
    assert (report["outcome"], report["settings_version"]) == (Outcome.REFUSED, 0)
    key = BY_NAME["sample_interval_s"].key
    assert items_of(report) == {KEY_VERSION: 3, key: Reason.BREAKS_RULE}
    assert set(bench.gateway.versions) == {0}
    assert all(record.taken_at_s % 900 == 0 for record in bench.gateway.records())


def test_a_reading_at_once_is_measured_after_it_was_asked_for(bench: ScriptedBench) -> None:
    bench.power_on()
    bench.run_until(START_MS + HOUR_MS)
    bench.gateway.errands.append((FrameType.READ_NOW, {"request": 4711}))
    bench.pressure_kpa = 123
    bench.run_until(START_MS + HOUR_MS + 16 * MINUTE_MS)
    [reading] = bench.gateway.readings
    assert reading["request"] == 4711
    assert reading["pressure_kpa"] == 123
    since_ms = reading["taken_at_s"] * 1000 - UTC_MS
    assert START_MS + HOUR_MS - 1000 <= since_ms <= START_MS + HOUR_MS + 16 * MINUTE_MS
    assert 0 < reading["forward_pulses"] <= bench.forward_pulses
    assert reading["flow_l_per_h"] > 0


def test_a_wrong_port_is_given_up_after_two_calls_and_told(tcp_bench: ScriptedTcpBench) -> None:
    bench = tcp_bench
    bench.power_on()
    bench.run_until(START_MS + HOUR_MS)
    bench.gateway.change_settings(2, link_port=bench.wrong_port, link_patience_s=5)
    bench.run_until(START_MS + 2 * HOUR_MS)
    reports = [(report["outcome"], report["settings_version"]) for report in bench.gateway.reports]
    assert reports == [(Outcome.APPLIED, 2), (Outcome.ROLLED_BACK, 0)]
    assert items_of(bench.gateway.reports[-1]) == {KEY_VERSION: 2}
    assert bench.gateway.versions[-1] == 0
    before = len(bench.gateway.records())
    bench.gateway.change_settings(2, link_port=bench.wrong_port, link_patience_s=5)
    bench.run_until(START_MS + 3 * HOUR_MS)
    assert bench.gateway.reports[-1]["outcome"] == Outcome.ROLLED_BACK
    assert bench.gateway.versions[-1] == 0
    records = bench.gateway.records()
    assert len(records) == before + 4
    assert [record.sequence for record in records] == list(range(len(records)))
