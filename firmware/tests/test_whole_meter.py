"""The whole firmware as a program, against a bench and the host's half of the protocol."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from on_meter import command_of, on_each_interpreter
from scripted_bench import START_MS, UTC_MS, ScriptedBench, write_identity

from weir_protocol.records import Status, TimeQuality
from weir_tools.simulator.firmware import Interpreter

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
RING_SECTORS = 4  # holds 381 to 508 records


@pytest.fixture
def bench(interpreter: Interpreter, tmp_path: Path) -> Iterator[ScriptedBench]:
    """A bench with a meter that was never powered, and water that flows."""
    write_identity(tmp_path, ring_sectors=RING_SECTORS)
    command = command_of(interpreter)
    with ScriptedBench(tmp_path, command.words, command.environment) as made:
        chance = random.Random(4711)

        def flow() -> None:
            made.forward_pulses += chance.randrange(9)
            made.reverse_pulses += chance.random() < 0.02
            made.pressure_kpa = 400 + chance.randrange(-30, 30)

        made.each_turn = flow
        yield made


def stop_flow(bench: ScriptedBench) -> None:
    bench.each_turn = lambda: None


@on_each_interpreter
def test_every_interval_arrives_once_with_what_flowed(bench: ScriptedBench) -> None:
    bench.power_on()
    bench.run_until(START_MS + 6 * HOUR_MS)
    stop_flow(bench)
    bench.run_until(START_MS + 7 * HOUR_MS)
    records = bench.gateway.records()
    assert len(records) in (27, 28)
    assert [record.sequence for record in records] == list(range(len(records)))
    assert (records[-1].forward_pulses, records[-1].reverse_pulses) == (
        bench.forward_pulses,
        bench.reverse_pulses,
    )
    for before, after in pairwise(records):
        assert after.taken_at_s == before.taken_at_s + 900
        assert after.taken_at_s % 900 == 0
        assert after.status == 0
        assert after.time_quality is TimeQuality.S0_5
        assert after.pressure_min_kpa is not None
        assert after.pressure_min_kpa >= 370
    assert bench.gateway.refused == []
    assert bench.gateway.repeats == []
    assert bench.power_off() == 0


@on_each_interpreter
def test_hello_comes_first_and_says_who_calls(bench: ScriptedBench) -> None:
    bench.power_on()
    bench.run_until(START_MS + HOUR_MS)
    [hello] = bench.gateway.hellos
    assert hello["sequence_next"] == hello["sequence_oldest"] == hello["boot_sequence"] == 0
    assert hello["time_quality"] == 0
    assert hello["clock_s"] <= 10
    assert hello["pulse_weight_ml"] == 1000
    assert (hello["sample_interval_s"], hello["store_interval_s"]) == (60, 900)
    assert hello["status"] & Status.RESTARTED


@on_each_interpreter
def test_an_outage_of_the_gateway_is_healed_in_one_session(bench: ScriptedBench) -> None:
    bench.power_on()
    bench.run_until(START_MS + HOUR_MS)
    held = len(bench.gateway.records())
    bench.gateway.is_mute = True
    bench.run_until(START_MS + 49 * HOUR_MS)
    assert len(bench.gateway.records()) == held
    bench.gateway.is_mute = False
    bench.run_until(START_MS + 49 * HOUR_MS + 15 * MINUTE_MS)
    records = bench.gateway.records()
    assert len(records) >= held + 191
    assert [record.sequence for record in records] == list(range(len(records)))


@on_each_interpreter
def test_a_power_cut_loses_no_record_and_registers_go_on(bench: ScriptedBench) -> None:
    bench.power_on()
    for hour in range(1, 9):
        bench.run_until(START_MS + hour * HOUR_MS + hour * 7 * MINUTE_MS)
        bench.cut_power()
        bench.power_on()
    stop_flow(bench)
    bench.run_until(START_MS + 10 * HOUR_MS + 30 * MINUTE_MS)
    records = bench.gateway.records()
    assert len(bench.gateway.hellos) == 9
    assert [record.sequence for record in records] == list(range(len(records)))
    for before, after in pairwise(records):
        assert after.taken_at_s > before.taken_at_s
        assert after.forward_pulses >= before.forward_pulses
    restarted = [record for record in records if record.status & Status.RESTARTED]
    assert len(restarted) == 9
    assert all(record.status & Status.REGISTER_GAP for record in restarted[1:])
    assert bench.gateway.refused == []  # no frame counter was used twice


@on_each_interpreter
def test_what_the_ring_has_overwritten_is_named_and_the_rest_arrives(
    bench: ScriptedBench,
) -> None:
    write_identity(bench.home, ring_sectors=RING_SECTORS, store_interval_s=60)
    bench.power_on()
    bench.run_until(START_MS + HOUR_MS)
    held = len(bench.gateway.records())
    bench.gateway.is_mute = True
    bench.run_until(START_MS + 13 * HOUR_MS)
    bench.gateway.is_mute = False
    bench.run_until(START_MS + 13 * HOUR_MS + 45 * MINUTE_MS)
    sequences = [record.sequence for record in bench.gateway.records()]
    [(first, last)] = bench.gateway.lost
    assert first == held
    assert sequences == [*range(held), *range(last + 1, sequences[-1] + 1)]
    assert sequences[-1] - last >= 381


@on_each_interpreter
def test_records_made_before_the_time_is_known_count_from_the_start(
    bench: ScriptedBench,
) -> None:
    bench.gateway.is_mute = True
    bench.power_on()
    bench.run_until(START_MS + 2 * HOUR_MS)
    bench.gateway.is_mute = False
    bench.run_until(START_MS + 6 * HOUR_MS)
    records = bench.gateway.records()
    unset = [record for record in records if record.time_quality is TimeQuality.UNSET]
    assert len(unset) >= 8
    assert [record.taken_at_s for record in unset] == [
        900 * step for step in range(1, len(unset) + 1)
    ]
    hello = bench.gateway.hellos[-1]
    assert hello["boot_sequence"] == 0
    first_set = records[len(unset)]
    assert first_set.taken_at_s > UTC_MS // 1000
    assert first_set.time_quality is TimeQuality.S0_5
