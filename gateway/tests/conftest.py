"""Fixtures of the gateway's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers.gateway_run import GatewayRun
from peers.mosquitto import Consumer, Mosquitto, find_mosquitto

MakeBroker = Callable[[str], Mosquitto]


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[MakeBroker]:
    """Makes a mosquitto with these lines in its configuration, not started yet."""
    program = find_mosquitto()
    folder = tmp_path / "broker"
    folder.mkdir()
    made: list[Mosquitto] = []

    def make(lines: str) -> Mosquitto:
        made.append(Mosquitto(program, folder, lines))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def broker(make_broker: MakeBroker) -> Mosquitto:
    """A running mosquitto."""
    running = make_broker("allow_anonymous true")
    running.start()
    return running


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
