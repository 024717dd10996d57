"""An alarm through a running gateway and a real broker: told, retained, acknowledged over MQTT."""

import json
from contextlib import closing

from paho.mqtt import publish

from peers.event_books import LEAK, RAISE, event
from peers.gateway_run import GatewayRun
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import ScriptedMeter
from peers.waiting import wait_for
from weir_protocol.frames import FrameType

METER = 1001
ALARM = f"{METER}-5eed0001-e0"
TOPIC = f"weir/{METER}/alarms"


def test_an_alarm_is_told_and_acknowledged_over_mqtt(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        told = {"settings_version": 7, "items": [event(0, LEAK, RAISE)]}
        link.ask(meter, meter.uplink(FrameType.EVENTS, told))
    wait_for(lambda: consumer.payloads(f"weir/{METER}/event"), "the event")
    wait_for(lambda: (consumer.payloads(TOPIC) or [{}])[-1].get("active_count"), "the alarm")

    request = {"request_id": "7", "alarm": ALARM, "by": "Ada", "note": "valve ordered"}
    publish.single(f"{TOPIC}/ack", json.dumps(request), qos=1, port=broker.port)
    wait_for(lambda: consumer.payloads(f"{TOPIC}/ack/result"), "the answer")
    (answer,) = consumer.payloads(f"{TOPIC}/ack/result")
    assert (answer["request_id"], answer["alarm"]["id"]) == ("7", ALARM)
    wait_for(lambda: not consumer.payloads(TOPIC)[-1]["unacknowledged_count"], "the note")
    (alarm,) = consumer.payloads(TOPIC)[-1]["active"]
    assert alarm["acknowledged"] == answer["alarm"]["acknowledged"]
    assert alarm["acknowledged"]["note"] == "valve ordered"
    assert [one["id"] for one in consumer.payloads(f"weir/{METER}/event")] == [ALARM]
