"""Gateway, line and broker fail in turn. Every reading arrives, once for each id."""

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import Broker, Calendar, Gateway, Meter, Pulses, Subscriber
from weir_bench.stranger import hello_of

RATE_HZ = 0.125
PULSES_AN_INTERVAL = 112.5


def totals(count: int) -> list[int]:
    """The register at the end of each of the first intervals at ``RATE_HZ``."""
    return [int(number * PULSES_AN_INTERVAL) for number in range(1, count + 1)]


@pytest.mark.each_link
def test_a_gateway_that_is_killed_and_started_again_has_every_reading_once(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    for _ in range(3):
        calendar.let_pass(hours=2)
        gateway.kill()
        calendar.let_pass(hours=1)
        gateway.start()
    calendar.let_pass(hours=1)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=40)
    assert [one["forward_pulses"] for one in readings] == totals(40)


@pytest.mark.each_link
def test_a_gateway_that_is_asked_to_stop_publishes_what_it_holds_and_loses_nothing(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(hours=12)
    let_backlog_go(calendar, meter)
    assert gateway.stop() == 0
    subscriber.catch_up()
    assert len(subscriber.readings) == 48

    calendar.let_pass(hours=3, seconds=1)
    gateway.start()
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=61)
    assert [one["forward_pulses"] for one in readings] == totals(61)
    assert subscriber.repeats == []


@pytest.mark.each_link
def test_readings_taken_while_the_broker_is_away_arrive_when_it_is_back(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    broker: Broker,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(hours=1)
    gateway.wait_until_published()
    broker.stop()
    calendar.let_pass(hours=4)
    let_backlog_go(calendar, meter)
    assert gateway.client.gateway()["readings"]["backlog"] >= 16
    broker.start()
    readings = collect(gateway, subscriber, count=20)
    assert [one["forward_pulses"] for one in readings] == totals(20)


def test_what_the_broker_never_acknowledged_is_published_again(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    broker: Broker,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(hours=1)
    gateway.wait_until_published()
    broker.freeze()
    calendar.let_pass(hours=2)
    let_backlog_go(calendar, meter)
    broker.kill()
    broker.start()
    readings = collect(gateway, subscriber, count=12)
    assert [one["forward_pulses"] for one in readings] == totals(12)


def test_readings_wait_on_disk_when_broker_and_gateway_are_both_gone(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    broker: Broker,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    broker.stop()
    calendar.let_pass(hours=4)
    let_backlog_go(calendar, meter)
    gateway.kill()
    broker.start()
    gateway.start()
    readings = collect(gateway, subscriber, count=16)
    assert [one["forward_pulses"] for one in readings] == totals(16)


@pytest.mark.each_link
def test_a_day_without_a_line_is_healed_in_one_session(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(minutes=10)
    meter.uplink.cut()
    calendar.let_pass(hours=24)
    meter.uplink.mend()
    calendar.let_pass(minutes=15)
    readings = collect(gateway, subscriber, count=97)
    assert [one["forward_pulses"] for one in readings] == totals(97)


@pytest.mark.each_link
def test_acknowledgements_lost_on_the_line_cost_repeats_on_it_and_none_on_mqtt(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(minutes=10)
    meter.uplink.cut(down_only=True)
    calendar.let_pass(hours=2)
    meter.uplink.mend()
    calendar.let_pass(minutes=15)
    readings = collect(gateway, subscriber, count=9)
    assert [one["forward_pulses"] for one in readings] == totals(9)
    assert gateway.client.gateway()["readings"]["repeats"] >= 1
    assert subscriber.repeats == []


@pytest.mark.each_link
def test_strangers_forgers_and_noise_on_the_line_do_not_disturb_a_good_meter(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    own_id = meter.identity.meter_id
    wrong_key = bytes(reversed(meter.identity.key))
    pulses.run(forward_hz=RATE_HZ)
    for counter in range(8):
        calendar.let_pass(minutes=15)
        meter.uplink.inject(
            hello_of(own_id, wrong_key, counter=counter)
            + hello_of(own_id + 1, meter.identity.key, counter=counter)
            + b"\x07no frame at all\x00"
        )
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=8)
    assert [one["forward_pulses"] for one in readings] == totals(8)
    refused = gateway.client.gateway()["refused"]
    assert refused == {"wrong_key": 8, "unknown_meter": 8, "malformed": 8}
    assert [one["meter_id"] for one in gateway.client.meters()] == [own_id]


@pytest.mark.each_link
def test_what_was_heard_on_the_line_and_is_played_again_is_refused(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(hours=1)
    let_backlog_go(calendar, meter)
    heard = meter.uplink.frames_up()
    assert len(heard) >= 5
    for frame in heard:
        meter.uplink.inject(frame)
    calendar.let_pass(hours=1, minutes=1)
    readings = collect(gateway, subscriber, count=8)
    assert [one["forward_pulses"] for one in readings] == totals(8)
    refused = gateway.client.gateway()["refused"]
    assert refused == {"replay": len(heard)}
