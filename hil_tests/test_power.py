"""Power is cut without warning. What was recorded stays, and what may be missing is named."""

from itertools import pairwise

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import Calendar, Gateway, Meter, Pulses, Subscriber, Supply


@pytest.mark.each_link
def test_a_power_cut_in_mid_interval_is_flagged_and_no_register_goes_back(
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.send(forward=100, reverse=5)
    calendar.let_pass(hours=1)
    pulses.send(forward=30)
    calendar.let_pass(minutes=7)
    supply.cut()
    pulses.send(forward=50)
    calendar.let_pass(minutes=20)
    supply.restore()
    pulses.send(forward=8, reverse=1)
    calendar.let_pass(minutes=33)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=7)

    assert [one["forward_pulses"] for one in readings] == [100, 100, 100, 100, 108, 108, 108]
    assert [one["reverse_pulses"] for one in readings] == [5, 5, 5, 5, 6, 6, 6]
    after_cut = readings[4]
    assert {"restarted", "register_gap", "short_interval"} <= set(after_cut["quality"])
    # One reverse pulse against eight forward: no reverse flow in the end.
    assert [one["quality"] for one in readings[5:]] == [[], []]
    times = [one["measured_at"][11:16] for one in readings]
    assert times == ["00:15", "00:30", "00:45", "01:00", "01:30", "01:45", "02:00"]


def test_a_supply_that_fails_again_and_again_repeats_no_id_and_turns_no_register_back(
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=0.1, reverse_hz=0.01)
    for minutes in (20, 1, 16, 2, 31, 0, 45):
        calendar.let_pass(minutes=minutes)
        supply.cycle()
    calendar.let_pass(minutes=35)
    made = len(gateway.client.readings(meter.identity.meter_id, after="0")["readings"])
    readings = collect(gateway, subscriber, count=made)
    assert made >= 8
    for before, after in pairwise(readings):
        assert after["forward_pulses"] >= before["forward_pulses"]
        assert after["reverse_pulses"] >= before["reverse_pulses"]
        assert after["measured_at"] > before["measured_at"]


@pytest.mark.each_link
@pytest.mark.usefixtures("meter")
def test_a_meter_without_power_keeps_its_backlog_for_the_gateway(
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    calendar.let_pass(minutes=10)
    gateway.kill()
    pulses.send(forward=77)
    calendar.let_pass(hours=2)
    supply.cut()
    gateway.start()
    calendar.let_pass(hours=5)
    supply.restore()
    calendar.let_pass(minutes=1)
    readings = collect(gateway, subscriber, count=8)
    assert {one["forward_pulses"] for one in readings} == {77}
    assert readings[-1]["measured_at"] == "2021-03-01T02:00:00Z"
    assert readings[-1]["received_at"] > "2021-03-01T07:00:00Z"
