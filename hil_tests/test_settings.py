"""Settings from afar: asked for on MQTT, applied by the meter in its next session, attested."""

import json
from typing import Any

import pytest
from paho.mqtt import publish

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.gateway import PREFIX
from weir_bench.roles import Broker, Calendar, Gateway, Meter, Pulses, Subscriber


def ask(broker: Broker, meter: Meter, request: dict[str, Any]) -> None:
    """Publish a request as an operator would."""
    topic = f"{PREFIX}/{meter.identity.meter_id}/config/set"
    publish.single(topic, json.dumps(request), qos=1, hostname="127.0.0.1", port=broker.port)


@pytest.mark.each_link
def test_what_is_set_over_mqtt_is_applied_without_losing_a_record_and_retained(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    broker: Broker,
    subscriber: Subscriber,
) -> None:
    config = f"{meter.identity.meter_id}/config"
    for _ in range(2):
        pulses.send(forward=5)
        calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    collect(gateway, subscriber, count=2)

    settings = {"store_interval_s": 300, "pressure_low_kpa": 150, "burst_on": True}
    ask(broker, meter, {"request_id": "hil", "settings": settings, "force": True})
    subscriber.wait_until(
        lambda: subscriber.latest(f"{config}/set/result") is not None, "the answer"
    )
    answer = subscriber.latest(f"{config}/set/result")
    assert answer is not None
    assert (answer.get("error"), answer["request_id"]) == (None, "hil")
    assert answer["change"]["state"] == "pending"

    for _ in range(4):
        pulses.send(forward=5)
        calendar.let_pass(minutes=15)
    let_backlog_go(calendar, meter)
    subscriber.wait_until(
        lambda: (subscriber.latest(config) or {}).get("state") == "in_force", "it in force"
    )
    retained = subscriber.retained(config)
    assert retained is not None
    assert retained["desired"]["settings"] == settings
    assert retained["reported"]["version"] == answer["change"]["version"]
    assert settings.items() <= retained["reported"]["settings"].items()
    result = subscriber.latest(f"{config}/result")
    assert result is not None
    assert (result["state"], result["request_id"]) == ("applied", "hil")

    gateway.wait_until_published()
    subscriber.catch_up()
    readings = sorted(subscriber.readings.values(), key=lambda one: one["sequence"])
    sequences = [one["sequence"] for one in readings]
    assert sequences == list(range(len(sequences)))
    assert readings[-1]["forward_pulses"] == 30
    assert readings[-1]["interval_s"] == 300
    intervals = [one["interval_forward_volume_l"] for one in readings[1:]]
    weight_l = meter.identity.pulse_weight_ml / 1000
    assert sum(intervals) == (30 - readings[0]["forward_pulses"]) * weight_l
