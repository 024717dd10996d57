"""Fixtures of the gateway's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.gateway_run import GatewayRun
from peers.mosquitto import Consumer, Mosquitto, find_mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto."""
    folder = tmp_path / "broker"
    folder.mkdir()
    running = Mosquitto(find_mosquitto(), folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def consumer(broker: Mosquitto) -> Iterator[Consumer]:
    """A subscriber of everything, from before the gateway starts."""
    subscribed = Consumer(broker.port)
    yield subscribed
    subscribed.close()


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[GatewayRun]:
    """A gateway on TCP with no meters in its key file, not started yet."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    prepared = GatewayRun(folder, broker.port)
    yield prepared
    prepared.close()
