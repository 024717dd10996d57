"""The meter's own session code at the other end of the link: it and the gateway agree."""

import random
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from peers.firmware_meter import EPOCH, METER, FirmwareMeter, Journal
from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink, PtyLink
from peers.mosquitto import Consumer


class LinkedMeter(FirmwareMeter):
    """Driven over a link; ``haste`` is how fast its time-outs pass."""

    def __init__(self, journal: Journal, haste: int = 1) -> None:
        super().__init__(journal)
        self._haste = haste

    def drain(self, link: MeterLink, carry: Callable[[bytes], bytes] = bytes) -> None:
        """Run sessions until everything is acknowledged. ``carry`` is what the air does."""
        ends_at_s = time.monotonic() + 60
        while not self.session.complete or self.session.active:
            assert time.monotonic() < ends_at_s, "the backlog does not drain"
            if not self.session.active:
                self.session.begin()
            while frame := self.session.transmit(self._now_ms(), self._now_ms()):
                link.send(carry(frame))
            if chunk := link.receive(seconds=0.05):
                self.session.receive(chunk, self._now_ms(), self._now_ms())

    def _now_ms(self) -> int:
        return int(time.monotonic() * 1000 * self._haste)


def expect_readings(consumer: Consumer, sequences: list[int]) -> None:
    expected = [f"{METER}-{EPOCH:08x}-{sequence}" for sequence in sequences]
    consumer.expect_all(METER, expected)
    assert len(consumer.reading_ids()) == len(expected)


@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_a_backlog_is_drained_to_mqtt(gateway: GatewayRun, consumer: Consumer, kind: str) -> None:
    meter = LinkedMeter(Journal(37, 1500))
    gateway.write_keys(meter.identity)
    gateway.add_config('[[serial]]\nport = "port"\n')
    with closing(PtyLink(gateway.folder / "port")) as pty:
        gateway.start()
        with closing(gateway.dial()) as tcp:
            meter.drain(pty if kind == "pty" else tcp)
    assert meter.session.refused_count == 0
    assert gateway.client.gateway()["refused"] == {}
    expect_readings(consumer, list(range(37, 1500)))


def test_a_bad_link_and_restarts_cost_time_but_no_reading(
    gateway: GatewayRun, consumer: Consumer
) -> None:
    chance = random.Random(5)

    def carry(frame: bytes) -> bytes:
        fate = chance.random()
        if fate < 0.15:
            return b""
        if fate < 0.3:
            at = chance.randrange(len(frame))
            return frame[:at] + bytes([frame[at] ^ 1 << chance.randrange(8)]) + frame[at + 1 :]
        return frame * 2 if fate < 0.4 else frame

    meter = LinkedMeter(Journal(0, 0), haste=20)  # or the lost frames would take a minute
    gateway.write_keys(meter.identity)
    for after in (300, 600, 900):
        meter.journal.sequence_next = after
        gateway.start()
        with closing(gateway.dial()) as link:
            meter.drain(link, carry)
        gateway.kill()
    gateway.start()
    consumer.expect_all(METER, [f"{METER}-{EPOCH:08x}-{sequence}" for sequence in range(900)])


def test_what_the_ring_has_lost_is_named_and_the_rest_arrives(
    gateway: GatewayRun, consumer: Consumer
) -> None:
    unreadable = frozenset({*range(40, 55), 90})
    meter = LinkedMeter(Journal(0, 200, unreadable))
    gateway.write_keys(meter.identity)
    gateway.start()
    with closing(gateway.dial()) as link:
        meter.drain(link)
        meter.journal.sequence_oldest = 250
        meter.journal.sequence_next = 300
        meter.session.said_hello = False
        meter.drain(link)
    told = gateway.client.meter(METER)
    lost = [(one["first_sequence"], one["last_sequence"], one["state"]) for one in told["gaps"]]
    assert lost == [(200, 249, "lost"), (90, 90, "lost"), (40, 54, "lost")]
    assert told["resume_at"] == 300
    kept = [one for one in [*range(200), *range(250, 300)] if one not in unreadable]
    expect_readings(consumer, kept)
