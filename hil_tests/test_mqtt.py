"""What a newcomer to the broker is told at once."""

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import Calendar, Gateway, Meter, Pressure, Pulses, Subscriber


def test_a_newcomer_is_given_the_latest_state_of_a_meter(
    calendar: Calendar,
    pulses: Pulses,
    pressure: Pressure,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pressure.set_kpa(387)
    pulses.send(forward=40, reverse=2)
    calendar.let_pass(minutes=15)
    pulses.send(forward=3)
    calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    newest = collect(gateway, subscriber, count=2)[-1]
    topic = f"{meter.identity.meter_id}/state"
    subscriber.wait_until(
        lambda: (subscriber.latest(topic) or {}).get("reading_id") == newest["id"],
        "a state that shows the newest reading",
    )
    state = subscriber.retained(topic)
    assert state is not None
    weight_l = meter.identity.pulse_weight_ml / 1000
    assert state["forward_volume_l"] == 43 * weight_l
    assert state["reverse_volume_l"] == 2 * weight_l
    assert state["pressure_kpa"] == 387
    assert state["measured_at"] == newest["measured_at"]


@pytest.mark.usefixtures("gateway")
def test_a_newcomer_is_told_whether_a_meter_is_heard(
    calendar: Calendar, meter: Meter, subscriber: Subscriber
) -> None:
    topic = f"{meter.identity.meter_id}/availability"
    subscriber.wait_until(lambda: subscriber.latest(topic) is not None, "a first availability")
    assert subscriber.latest(topic) == {
        "meter_id": meter.identity.meter_id,
        "availability": "unknown",
        "last_seen": None,
    }
    calendar.let_pass(minutes=1)
    subscriber.wait_until(
        lambda: (subscriber.latest(topic) or {})["availability"] == "online", "the meter online"
    )
    retained = subscriber.retained(topic)
    assert retained is not None
    assert retained["last_seen"].startswith("2021-03-01T00:00:0")


def test_the_broker_tells_of_a_gateway_that_died_and_the_gateway_of_its_return(
    gateway: Gateway, subscriber: Subscriber
) -> None:
    topic = f"gateway/{gateway.gateway_id}/status"

    def status() -> object:
        return (subscriber.latest(topic) or {}).get("status")

    subscriber.wait_until(lambda: status() == "online", "the gateway online")
    gateway.kill()
    subscriber.wait_until(lambda: status() == "offline", "the gateway's last will")
    will = subscriber.retained(topic)
    assert will is not None
    assert will["reason"] == "connection lost"
    gateway.start()
    subscriber.wait_until(lambda: status() == "online", "the gateway online again")


def test_a_gateway_that_stops_in_order_says_so_itself(
    gateway: Gateway, subscriber: Subscriber
) -> None:
    topic = f"gateway/{gateway.gateway_id}/status"
    subscriber.wait_until(lambda: subscriber.latest(topic) is not None, "the gateway online")
    assert gateway.stop() == 0
    last_words = subscriber.retained(topic)
    assert last_words is not None
    assert (last_words["status"], last_words["reason"]) == ("offline", "stopped")
