"""The role Subscriber: paho alone, with nothing of the gateway's in it."""

import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from weir_bench.errors import BenchFault
from weir_bench.roles import Document
from weir_bench.waiting import PATIENCE_S

_BY_SEQUENCE = ("epoch", "sequence")


class PahoSubscriber:
    """Its session is kept by the broker, so nothing published while it is away is missed."""

    def __init__(self, port: int, prefix: str, client_id: str) -> None:
        self._prefix = prefix
        self._port = port
        self._marker_topic = f"bench/{client_id}"
        self._markers = itertools.count(1)
        self._marker_seen = 0
        self._arrived = threading.Condition()
        self._subscribed = False
        self._readings: dict[str, Document] = {}
        self._repeats: list[Document] = []
        self._events: list[Document] = []
        self._latest: dict[str, Document] = {}
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False
        )
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def open(self) -> None:
        """Return when the broker has taken the subscription. May be called again after close."""
        self._subscribed = False
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self.wait_until(lambda: self._subscribed, "the subscription to be taken")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def readings(self) -> dict[str, Document]:
        with self._arrived:
            return dict(self._readings)

    @property
    def repeats(self) -> list[Document]:
        with self._arrived:
            return list(self._repeats)

    @property
    def events(self) -> list[Document]:
        with self._arrived:
            return list(self._events)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        with self._arrived:
            while not condition():
                if not self._arrived.wait(give_up_s - time.monotonic()):
                    raise BenchFault(f"waited {PATIENCE_S:g} s in vain on MQTT: {what}")

    def wait_for_readings(self, count: int) -> list[Document]:
        self.wait_until(
            lambda: len(self._readings) >= count,
            f"{count} readings (see the logs of gateway and broker)",
        )
        with self._arrived:
            return sorted(
                self._readings.values(), key=lambda one: [one[name] for name in _BY_SEQUENCE]
            )

    def latest(self, topic: str) -> Document | None:
        with self._arrived:
            return self._latest.get(topic)

    def catch_up(self) -> None:
        """The broker keeps the order, so what it had before a marker comes before the marker."""
        marker = next(self._markers)
        self._client.publish(self._marker_topic, str(marker), qos=1)
        self.wait_until(lambda: self._marker_seen >= marker, "a message to come back")

    def retained(self, topic: str) -> Document | None:
        newcomer = PahoSubscriber(self._port, self._prefix, f"newcomer-{next(self._markers)}")
        newcomer.open()
        try:
            newcomer.catch_up()
            return newcomer.latest(topic)
        finally:
            newcomer.close()

    # The rest runs on paho's thread.

    def _on_connect(self, client: Client, *_rest: Any) -> None:
        client.subscribe([(f"{self._prefix}/#", 1), (self._marker_topic, 1)])

    def _on_subscribe(self, *_rest: Any) -> None:
        with self._arrived:
            self._subscribed = True
            self._arrived.notify_all()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        with self._arrived:
            if message.topic == self._marker_topic:
                self._marker_seen = int(message.payload)
            else:
                self._take(message.topic.removeprefix(f"{self._prefix}/"), bytes(message.payload))
            self._arrived.notify_all()

    def _take(self, topic: str, payload: bytes) -> None:
        document = self._latest[topic] = json.loads(payload)
        if topic.endswith("/event"):
            self._events.append(document)
        if not topic.endswith("/reading"):
            return
        if document["id"] in self._readings:
            self._repeats.append(document)
        else:
            self._readings[document["id"]] = document
