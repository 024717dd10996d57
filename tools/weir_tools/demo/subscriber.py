"""An MQTT client of its own, which knows nothing of the gateway but its topics (docs/mqtt.md)."""

import contextlib
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from weir_tools import messages
from weir_tools.errors import Failed

CONNECT_TIMEOUT_S = 10.0


@dataclass(slots=True)
class MeterTally:
    """What was heard of one meter."""

    ids: set[str] = field(default_factory=set)
    message_count: int = 0
    latest: dict[str, Any] | None = None
    heard_at_s: float = 0.0  # time.monotonic()

    @property
    def repeat_count(self) -> int:
        return self.message_count - len(self.ids)

    def add(self, reading: dict[str, Any]) -> None:
        self.message_count += 1
        self.ids.add(reading["id"])
        if self.latest is None or reading["sequence"] >= self.latest["sequence"]:
            self.latest = reading
        self.heard_at_s = time.monotonic()


class Subscriber:
    """Counts the readings under one prefix, by id. Its own thread listens; any may look."""

    def __init__(self, host: str, port: int, prefix: str) -> None:
        self._host = host
        self._port = port
        self._prefix = prefix
        self._lock = threading.Lock()
        self._tallies: dict[int, MeterTally] = {}
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Return once subscribed. Raise Failed when no broker answers."""
        broker = f"{self._host}:{self._port}"
        try:
            self._client.connect(self._host, self._port)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Failed(messages.NO_BROKER.format(broker=broker, reason=reason)) from error
        self._client.loop_start()
        if not self._subscribed.wait(CONNECT_TIMEOUT_S):
            self.stop()
            raise Failed(messages.NO_BROKER.format(broker=broker, reason="it does not answer"))

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def tally(self, meter_id: int) -> MeterTally:
        """A copy of what was heard of a meter so far."""
        with self._lock:
            heard = self._tallies.get(meter_id, MeterTally())
            return MeterTally(set(heard.ids), heard.message_count, heard.latest, heard.heard_at_s)

    def latest(self, meter_id: int) -> tuple[int, dict[str, Any] | None, float]:
        """How many readings of a meter, the newest, and when one was heard (monotonic)."""
        with self._lock:
            heard = self._tallies.get(meter_id, MeterTally())
            return len(heard.ids), heard.latest, heard.heard_at_s

    def clear_retained(self, topics: Iterable[str]) -> None:
        """Take from a broker that is not ours what would stay there for ever."""
        waiting = [self._client.publish(topic, b"", qos=1, retain=True) for topic in topics]
        with contextlib.suppress(RuntimeError, ValueError):
            for each in waiting:
                each.wait_for_publish(CONNECT_TIMEOUT_S)

    def counts(self, meter_id: int) -> tuple[int, int]:
        """Distinct readings of a meter, and messages."""
        with self._lock:
            heard = self._tallies.get(meter_id, MeterTally())
            return len(heard.ids), heard.message_count

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, _code: object, _: object
    ) -> None:
        client.subscribe(f"{self._prefix}/+/reading", qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed.set()

    def _on_message(self, _: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        reading = json.loads(message.payload)
        with self._lock:
            self._tallies.setdefault(reading["meter_id"], MeterTally()).add(reading)
