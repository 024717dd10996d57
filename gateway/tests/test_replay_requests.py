"""Replays asked of a running gateway: over MQTT in both versions, and over its local interface."""

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from peers.gateway_run import GatewayRun
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import FIRST_TAKEN_AT_S, INTERVAL_S, ScriptedMeter
from peers.waiting import WAIT_S_MAX, wait_for
from weir_gateway.client import ClientError
from weir_gateway.clock import utc_text

METER = 1001
COUNT = 60
REQUEST = "weir/gateway/gw1/replay"
make_properties: Callable[[int], Properties] = Properties  # paho does not say so itself


class Requester:
    """An MQTT client that asks, and collects what it is answered on one topic."""

    def __init__(self, port: int, protocol: MQTTProtocolVersion, answers: str) -> None:
        self.answers: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
        subscribed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.on_message = lambda _c, _u, message: self.answers.put(message)
        self._client.on_subscribe = lambda _c, _u, mid, *_: subscribed.put(mid)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(answers, qos=1)
        subscribed.get(timeout=WAIT_S_MAX)

    def ask(
        self, payload: bytes, properties: Properties | None = None, *, retain: bool = False
    ) -> paho.MQTTMessage:
        self._client.publish(REQUEST, payload, qos=1, retain=retain, properties=properties)
        return self.answers.get(timeout=WAIT_S_MAX)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def fields(message: paho.MQTTMessage) -> dict[str, Any]:
    document = json.loads(message.payload)
    assert isinstance(document, dict)
    return document


def at(sequence: int) -> str:
    return utc_text(FIRST_TAKEN_AT_S + INTERVAL_S * sequence)


def ids(first: int, last: int) -> list[str]:
    return [f"{METER}-5eed0001-{sequence}" for sequence in range(first, last + 1)]


@pytest.fixture
def meter() -> ScriptedMeter:
    return ScriptedMeter(METER)


@pytest.fixture
def published(gateway: GatewayRun, consumer: Consumer, meter: ScriptedMeter) -> GatewayRun:
    """A gateway that has published COUNT readings of one meter."""
    gateway.write_keys(meter, ScriptedMeter(2002))
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello(sequence_next=COUNT))
        for first in range(0, COUNT, 10):
            link.ask(meter, meter.span(first, first + 9))
    wait_for(lambda: gateway.client.gateway()["readings"]["published"] == COUNT, "all published")
    wait_for(lambda: len(consumer.reading_ids()) == COUNT, "all at the consumer")
    return gateway


@pytest.fixture(params=[MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
def requester(request: pytest.FixtureRequest, broker: Mosquitto) -> Iterator[Requester]:
    asking = Requester(broker.port, request.param, f"{REQUEST}/result")
    yield asking
    asking.close()


def test_a_range_asked_for_over_mqtt_arrives_again_with_the_same_ids(
    published: GatewayRun, consumer: Consumer, requester: Requester
) -> None:
    question = {"request_id": "r-1", "meter_id": METER, "from": at(10), "to": at(19)}
    answer = fields(requester.ask(json.dumps(question).encode()))
    assert answer == {"request_id": "r-1", "meter_id": METER, "readings": 10}
    wait_for(lambda: len(consumer.reading_ids()) == COUNT + 10, "the replay")
    assert consumer.reading_ids()[COUNT:] == ids(10, 19)
    again = consumer.payloads(f"weir/{METER}/reading")[COUNT:]
    first = {one["id"]: one for one in consumer.payloads(f"weir/{METER}/reading")[:COUNT]}
    assert again == [{**first[one["id"]], "historical": True} for one in again]


WRONG_REQUESTS = [
    (b'"everything"', "not a JSON object"),
    (b'{"meter_id": "1001"}', "meter_id is not a whole number"),
    (b'{"meter_id": 7}', "meter 7 is not known"),
    (b'{"meter_id": 1001, "from": "2026-02-01", "to": "2026-01-01"}', "from is later"),
]


def test_a_wrong_request_over_mqtt_is_answered_and_nothing_goes_out(
    published: GatewayRun, consumer: Consumer, requester: Requester
) -> None:
    for question, sentence in WRONG_REQUESTS:
        assert sentence in fields(requester.ask(question))["error"], question
    assert fields(requester.ask(b'{"meter_id": 2002}'))["readings"] == 0
    assert published.client.gateway()["readings"]["backlog"] == 0
    assert len(consumer.reading_ids()) == COUNT


def test_an_mqtt_5_request_is_answered_on_its_response_topic_with_its_correlation(
    published: GatewayRun, broker: Mosquitto
) -> None:
    asking = Requester(broker.port, MQTTProtocolVersion.MQTTv5, "erp/answers")
    properties = make_properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "erp/answers"
    properties.CorrelationData = b"\x00\x01"
    answer = asking.ask(b'{"meter_id": 2002}', properties)
    asking.close()
    assert fields(answer)["readings"] == 0
    assert answer.properties is not None
    assert getattr(answer.properties, "CorrelationData", None) == b"\x00\x01"


def test_a_retained_request_is_refused_at_once_and_at_every_connection(
    published: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    asking = Requester(broker.port, MQTTProtocolVersion.MQTTv311, f"{REQUEST}/result")
    answer = asking.ask(b'{"meter_id": 1001}', retain=True)
    assert "publish it without retain" in fields(answer)["error"]
    published.kill()
    published.start()
    answer = asking.answers.get(timeout=WAIT_S_MAX)
    assert "publish it without retain" in fields(answer)["error"]
    asking.close()
    assert len(consumer.reading_ids()) == COUNT


def test_after_the_broker_was_away_requests_are_heard_again(
    published: GatewayRun, broker: Mosquitto
) -> None:
    broker.stop()
    wait_for(lambda: not published.client.gateway()["broker"]["connected"], "the loss")
    broker.start()
    wait_for(lambda: published.client.gateway()["broker"]["connected"], "the broker again")
    asking = Requester(broker.port, MQTTProtocolVersion.MQTTv5, f"{REQUEST}/result")
    assert fields(asking.ask(b'{"meter_id": 2002}'))["readings"] == 0
    asking.close()


def test_a_replay_that_was_answered_is_carried_out_even_if_the_gateway_is_killed(
    published: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    broker.stop()
    assert published.client.replay(METER) == {"meter_id": METER, "readings": COUNT}
    published.kill()
    broker.start()
    published.start()
    wait_for(lambda: len(consumer.reading_ids()) == 2 * COUNT, "the replay")
    assert consumer.reading_ids()[COUNT:] == ids(0, COUNT - 1)
    replayed = consumer.payloads(f"weir/{METER}/reading")[COUNT:]
    assert {one["historical"] for one in replayed} == {True}


def test_a_gateway_told_not_to_hears_no_requests(
    gateway: GatewayRun, broker: Mosquitto, meter: ScriptedMeter
) -> None:
    gateway.write_keys(meter)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("[mqtt]\n", "[mqtt]\nrequests = false\n"))
    gateway.start()
    wait_for(lambda: gateway.client.gateway()["broker"]["connected"], "the broker")
    asking = Requester(broker.port, MQTTProtocolVersion.MQTTv5, f"{REQUEST}/#")
    assert asking.ask(b'{"meter_id": 1001}').topic == REQUEST
    with pytest.raises(queue.Empty):
        asking.answers.get(timeout=0.5)
    asking.close()


WRONG_REPLAYS: list[tuple[str, object, int, str]] = [
    (f"/v1/meters/{METER}/replays", {"from": "never"}, 400, "from is not a time"),
    (f"/v1/meters/{METER}/replays", {"meter_id": METER}, 400, "there is no field meter_id"),
    (f"/v1/meters/{METER}/replays", [], 400, "not a JSON object"),
    ("/v1/meters/7/replays", {}, 404, "meter 7 is not known"),
    ("/v1/meters/x/replays", {}, 400, '"x" is not a meter number'),
    (f"/v1/meters/{METER}/replays?from=1", {}, 400, "there is no option from"),
    (f"/v1/meters/{METER}", {}, 405, "POST is not allowed here: use GET"),
]


def test_a_wrong_replay_over_the_local_interface_is_refused_with_a_sentence(
    published: GatewayRun,
) -> None:
    for path, body, status, sentence in WRONG_REPLAYS:
        with pytest.raises(ClientError) as caught:
            published.client.post(path, body)
        assert caught.value.status == status, path
        assert sentence in str(caught.value), path
    assert published.client.gateway()["readings"]["backlog"] == 0
