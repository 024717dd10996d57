"""Readings at a moment through a running gateway: asked over MQTT and over its local interface."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from paho.mqtt import publish

from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import ScriptedMeter
from peers.waiting import wait_for
from weir_protocol.frames import FrameType

METER = 1001
RESULT, NOW = f"weir/{METER}/read/result", f"weir/{METER}/now"


def requests(meter: ScriptedMeter) -> list[dict[str, Any]]:
    """Return what was asked of the meter; other things it may be told too."""
    return [fields for frame_type, fields in meter.told if frame_type is FrameType.READ_NOW]


def answer_to(asked: Mapping[str, int], meter: ScriptedMeter, **changes: int) -> bytes:
    """Return the STATUS that a request is answered with, measured just now."""
    return meter.status(request=asked["request"], taken_at_s=int(time.time()), **changes)


def hear_request(link: MeterLink, meter: ScriptedMeter) -> dict[str, Any]:
    """Wait until the meter is asked for a reading; return the frame's fields."""
    while not requests(meter):
        chunk = link.receive()
        assert chunk, "the gateway asked for nothing"
        meter.answers(chunk)
    (fields,) = requests(meter)
    return fields


def ask(broker: Mosquitto, **fields: object) -> None:
    payload = json.dumps(fields)
    publish.single(f"weir/{METER}/read", payload, qos=1, port=broker.port)


def test_a_meter_that_listens_is_asked_at_once_and_its_answer_goes_to_who_asked_and_to_all(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start()
    wait_for(lambda: gateway.client.gateway()["broker"]["connected"], "the broker")
    with closing(gateway.dial()) as link:
        answer = link.ask(meter, meter.hello())
        ask(broker, request_id="now", by="scada")
        asked = hear_request(link, meter)
        assert asked["answers"] == answer["answers"]
        link.ask(meter, answer_to(asked, meter, flow_l_per_h=360))
        wait_for(lambda: len(consumer.payloads(RESULT)) == 2, "the result")
        first, last = consumer.payloads(RESULT)
        assert (first["state"], first["link_open"]) in (("pending", True), ("sent", True))
        assert (last["request_id"], last["state"], last["by"]) == ("now", "answered", "scada")
        assert last["reading"]["flow_l_per_h"] == 360
        wait_for(lambda: consumer.newest(NOW) == last["reading"], "what is retained")
        link.ask(meter, meter.status(request=0, flow_l_per_h=0))  # a person at the meter
        wait_for(lambda: consumer.newest(NOW)["cause"] == "triggered", "what was triggered")
    late = Consumer(broker.port, NOW, client_id="late")
    with closing(late):
        wait_for(lambda: late.newest(NOW) == consumer.newest(NOW), "what is retained")


def test_a_request_waits_for_a_sleeping_meter_across_a_kill_of_the_gateway(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start()
    made = gateway.client.read(METER, by="ann")
    assert (made["state"], made["link_open"], made["expected_at"]) == ("pending", False, None)
    gateway.kill()
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        (asked,) = requests(meter)
        waiting = gateway.client.read_progress(METER, made["number"])
        assert waiting["state"] == "sent"
        assert waiting["expected_at"] is not None
        link.ask(meter, answer_to(asked, meter))
    assert gateway.client.read_progress(METER, made["number"])["state"] == "answered"
    wait_for(lambda: consumer.payloads(RESULT), "the result")
    (result,) = consumer.payloads(RESULT)
    assert (result["number"], result["state"], result["by"]) == (made["number"], "answered", "ann")


def test_a_request_over_mqtt_that_is_wrong_gets_one_sentence(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    gateway.write_keys(ScriptedMeter(METER + 1))
    gateway.start()
    wait_for(lambda: gateway.client.gateway()["broker"]["connected"], "the broker")
    ask(broker, request_id="a")
    wait_for(lambda: consumer.payloads(RESULT), "the refusal")
    assert consumer.payloads(RESULT) == [
        {
            "request_id": "a",
            "error": f"meter {METER} is not known: check the number, or add its key to the key "
            "file.",
        }
    ]
