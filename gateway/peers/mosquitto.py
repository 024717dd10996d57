"""A real mosquitto with its own port, configuration and persistence, and a consumer of it."""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from peers.waiting import wait_for

_PLACES = ("/usr/sbin", "/usr/local/sbin")  # not on every user's PATH


def find_mosquitto() -> str:
    """Return the broker's path, or skip with the reason; with CI=true its absence is a failure."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    found = shutil.which("mosquitto", path=path)
    if found is None:
        reason = "no mosquitto: install the Debian package mosquitto"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """Return a port below those that systems give to whoever dials, so that it stays free."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """Can be stopped, killed and started again on the same port with the same persistence."""

    def __init__(self, program: str, folder: Path, lines: str) -> None:
        self.port = free_port()
        self._command = [program, "-c", str(folder / "mosquitto.conf")]
        self._running: subprocess.Popen[bytes] | None = None
        self._log = folder / "mosquitto.log"
        self._kept = folder / "mosquitto.db"
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n{lines}\n"
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n"
            f"log_dest file {self._log}\nuser root\n"
            "max_queued_messages 100000\n"  # what the consumer has not fetched yet is not dropped
        )

    def start(self) -> None:
        self._running = subprocess.Popen(self._command)
        wait_for(self._listens, f"mosquitto, see {self._log}")

    def stop(self) -> None:
        if self._running is not None:
            self._running.terminate()
            self._running.wait(10)
            self._running = None

    def forget(self) -> None:
        """Lose all that it keeps, as after a broken disk, and start anew."""
        self.stop()
        self._kept.unlink()
        self.start()

    def _listens(self) -> bool:
        assert self._running is not None
        assert self._running.poll() is None, f"mosquitto ended, see {self._log}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Consumer:
    """An independent subscriber that keeps every message it gets, repeats included.

    It holds a session at the broker, so that what is published while it is away reaches it.
    """

    def __init__(self, port: int, topic: str = "weir/#", *, client_id: str = "consumer") -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._topic = topic
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False
        )
        self._client.reconnect_delay_set(0.1, 0.5)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._keep
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(30), "the consumer could not subscribe"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def payloads(self, topic: str) -> list[Any]:
        with self._lock:
            return [payload for name, payload, _ in self.messages if name == topic]

    def newest(self, topic: str) -> Any:
        """Return the newest payload on a topic, None before the first."""
        payloads = self.payloads(topic)
        return payloads[-1] if payloads else None

    def reading_ids(self) -> list[str]:
        """Return the ids of all readings in the order of their arrival, repeats included."""
        with self._lock:
            return [
                payload["id"] for name, payload, _ in self.messages if name.endswith("/reading")
            ]

    def first_arrivals(self, meter_id: int) -> dict[str, bool]:
        """Return the ids of a meter's readings as they first came, each with ``historical``."""
        arrived: dict[str, bool] = {}
        for document in self.payloads(f"weir/{meter_id}/reading"):
            arrived.setdefault(document["id"], document["historical"])
        return arrived

    def expect_all(self, meter_id: int, ids: list[str]) -> None:
        """Wait for these readings and no others of a meter, in order within their lane."""
        wait_for(lambda: len(self.first_arrivals(meter_id)) >= len(ids), f"{len(ids)} readings")
        arrived = self.first_arrivals(meter_id)
        assert set(arrived) == set(ids)
        for lane in (True, False):
            in_lane = [one for one in arrived if arrived[one] is lane]
            assert in_lane == [one for one in ids if arrived[one] is lane]

    def _subscribe(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(self._topic, qos=1)

    def _keep(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        with self._lock:
            self.messages.append((message.topic, json.loads(message.payload), message.retain))
