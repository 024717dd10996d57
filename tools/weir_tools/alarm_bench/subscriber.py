"""An MQTT client that says when a message came: its own thread takes the time."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

Document = dict[str, Any]
CONNECT_TIMEOUT_S = 10.0


class Subscriber:
    """Hands each message of some topics to ``on_message``, on the event loop, with its time."""

    def __init__(
        self, port: int, topics: list[str], on_message: Callable[[str, Document, float], None]
    ) -> None:
        self._port = port
        self._topics = topics
        self._told = on_message
        self._loop = asyncio.get_running_loop()
        self._subscribed = asyncio.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def start(self) -> None:
        """Return once subscribed. Raise TimeoutError when that takes too long."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await self._subscribed.wait()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, _code: object, _: object
    ) -> None:
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _on_message(self, _: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        came_at_s = time.monotonic()
        document = json.loads(message.payload)
        self._loop.call_soon_threadsafe(self._told, message.topic, document, came_at_s)
