"""From a pulse to MQTT: what the meter counts and measures arrives as it was."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import (
    Calendar,
    Gateway,
    Meter,
    Pressure,
    Pulses,
    Subscriber,
)

INTERVALS_A_DAY = 96


def quarter_hours(from_s: float, count: int) -> list[str]:
    """The ends of the quarter hours after an instant, as the readings tell times."""
    start = datetime.fromtimestamp(from_s, UTC)
    ends = (start + timedelta(minutes=15 * number) for number in range(1, count + 1))
    return [end.strftime("%Y-%m-%dT%H:%M:%SZ") for end in ends]


@pytest.mark.each_link
def test_a_day_of_pulses_arrives_as_96_interval_records_with_exact_registers_and_times(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    started_at_s = calendar.now_s
    given = [(7 * number) % 23 for number in range(INTERVALS_A_DAY)]
    for count in given:
        pulses.send(forward=count)
        calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=INTERVALS_A_DAY)

    weight_l = meter.identity.pulse_weight_ml / 1000
    totals = list(accumulate(given))
    assert [one["forward_pulses"] for one in readings] == totals
    assert [one["forward_volume_l"] for one in readings] == [total * weight_l for total in totals]
    assert [one["interval_forward_volume_l"] for one in readings[1:]] == [
        count * weight_l for count in given[1:]
    ]
    assert {one["reverse_pulses"] for one in readings} == {0}
    assert [one["measured_at"] for one in readings] == quarter_hours(started_at_s, INTERVALS_A_DAY)
    assert {one["time_quality"] for one in readings} == {"bounded"}
    assert {tuple(one["quality"]) for one in readings[1:]} == {()}
    assert subscriber.repeats == []


def test_the_id_of_a_reading_names_meter_epoch_and_sequence(
    calendar: Calendar, meter: Meter, gateway: Gateway, subscriber: Subscriber
) -> None:
    calendar.let_pass(minutes=30)
    let_backlog_go(calendar, meter)
    for reading in collect(gateway, subscriber, count=2):
        named = (reading["meter_id"], reading["epoch"], reading["sequence"])
        assert reading["id"] == "{}-{}-{}".format(*named)
        assert reading["meter_id"] == meter.identity.meter_id


@pytest.mark.each_link
def test_reverse_pulses_count_in_a_register_of_their_own(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=0.25, reverse_hz=0.03125)
    calendar.let_pass(hours=1)
    pulses.run(reverse_hz=0.5)
    calendar.let_pass(hours=1)
    pulses.stop()
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=8)
    forward = [225, 450, 675, 900, 900, 900, 900, 900]
    reverse = [28, 56, 84, 112, 562, 1012, 1462, 1912]
    assert [one["forward_pulses"] for one in readings] == forward
    assert [one["reverse_pulses"] for one in readings] == reverse
    weight_l = meter.identity.pulse_weight_ml / 1000
    assert readings[-1]["reverse_volume_l"] == 1912 * weight_l
    assert readings[-1]["flow_mean_l_per_h"] == -450 * weight_l * 4


def test_a_register_that_has_reached_its_end_goes_on_from_zero(
    calendar: Calendar, pulses: Pulses, meter: Meter, gateway: Gateway, subscriber: Subscriber
) -> None:
    for count in (2**31 - 1, 2**31 - 1, 5):
        pulses.send(forward=count)
        calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=3)
    assert [one["forward_pulses"] for one in readings] == [2**31 - 1, 2**32 - 2, 3]
    weight_l = meter.identity.pulse_weight_ml / 1000
    assert readings[-1]["interval_forward_volume_l"] == 5 * weight_l
    assert readings[-1]["quality"] == []


def test_the_peak_is_the_flow_of_the_busiest_sample_interval(
    calendar: Calendar, pulses: Pulses, meter: Meter, gateway: Gateway, subscriber: Subscriber
) -> None:
    calendar.let_pass(minutes=15)
    for count in (3, 8, 1):
        pulses.send(forward=count)
        calendar.let_pass(minutes=5)
    let_backlog_go(calendar, meter)
    samples_an_hour = 3600 // meter.identity.sample_interval_s
    weight_l = meter.identity.pulse_weight_ml / 1000
    reading = collect(gateway, subscriber, count=2)[1]
    assert reading["flow_peak_l_per_h"] == 8 * weight_l * samples_an_hour
    assert reading["flow_mean_l_per_h"] == 12 * weight_l * 4


def test_pressure_arrives_as_mean_minimum_and_maximum_of_its_interval(
    calendar: Calendar,
    pressure: Pressure,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    for pressure_kpa in (400, 423, 380):
        pressure.set_kpa(pressure_kpa)
        calendar.let_pass(minutes=5)
    pressure.set_kpa(-12)
    calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    varied, low = collect(gateway, subscriber, count=2)
    assert tuple(pressures(varied)) == (401, 380, 423)
    assert tuple(pressures(low)) == (-12, -12, -12)


def test_a_failed_sensor_is_null_with_its_quality_word_and_never_a_value(
    calendar: Calendar,
    pressure: Pressure,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pressure.set_kpa(400)
    calendar.let_pass(minutes=15)
    pressure.fail()
    calendar.let_pass(minutes=15)
    pressure.set_kpa(410)
    calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    before, failed, after = collect(gateway, subscriber, count=3)
    assert tuple(pressures(before)) == (400, 400, 400)
    assert tuple(pressures(failed)) == (None, None, None)
    assert failed["quality"] == ["pressure_fault"]
    assert tuple(pressures(after)) == (410, 410, 410)
    assert after["quality"] == []


def test_samples_without_a_value_leave_the_mean_to_the_others(
    calendar: Calendar,
    pressure: Pressure,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    calendar.let_pass(minutes=15)
    pressure.set_kpa(300)
    calendar.let_pass(minutes=5)
    pressure.fail()
    calendar.let_pass(minutes=5)
    pressure.set_kpa(500)
    calendar.let_pass(minutes=5)
    let_backlog_go(calendar, meter)
    assert tuple(pressures(collect(gateway, subscriber, count=2)[1])) == (400, 300, 500)


def pressures(reading: dict[str, int | None]) -> Iterator[int | None]:
    for name in ("mean", "min", "max"):
        yield reading[f"pressure_{name}_kpa"]


def test_the_gateways_time_reaches_the_records_with_a_bound_of_its_error(
    calendar: Calendar, meter: Meter, gateway: Gateway, subscriber: Subscriber
) -> None:
    calendar.let_pass(hours=1)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=4)
    assert {one["time_quality"] for one in readings} == {"bounded"}
    assert {one["time_error_s"] for one in readings} == {0.5}
    assert {one["interval_s"] for one in readings[1:]} == {900}


@pytest.mark.usefixtures("meter")
def test_records_made_before_the_meter_knew_the_time_are_placed_when_it_learns_it(
    calendar: Calendar,
    pulses: Pulses,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    gateway.stop()
    booted_at_s = calendar.now_s
    for _ in range(3):
        pulses.send(forward=10)
        calendar.let_pass(minutes=15)
    gateway.start()
    calendar.let_pass(minutes=16)
    readings = collect(gateway, subscriber, count=3)
    for number, reading in enumerate(readings, 1):
        placed_at_s = datetime.fromisoformat(reading["measured_at"]).timestamp()
        assert placed_at_s == pytest.approx(booted_at_s + number * 900, abs=1)
        assert reading["time_quality"] == "placed"
    assert [one["forward_pulses"] for one in readings] == [10, 20, 30]
