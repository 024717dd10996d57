"""The contract of ByteLink, held by the link over a pty (CPython only: it makes the pty)."""

import os
import pty
import select
import socket
import tty
from collections.abc import Iterator

import pytest

from weir.errors import StartRefused
from weir.ports.bench import Poller
from weir.ports.pty_link import PtyLink


class Cable:
    """A pty whose far end is a descriptor of the test's."""

    def __init__(self) -> None:
        self.far, self._near = pty.openpty()
        os.set_blocking(self.far, False)
        self.path = os.ttyname(self._near)
        self._other, self._unused = socket.socketpair()
        self.poller = Poller(self._other)
        self.link = PtyLink(self.path, self.poller)
        os.close(self._near)

    def close(self) -> None:
        os.close(self.far)
        self._other.close()
        self._unused.close()


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    yield made
    made.close()


def test_it_is_open_whether_it_is_wanted_or_not(cable: Cable) -> None:
    assert cable.link.is_open()
    assert cable.link.drive(0, wanted=True) is None
    assert cable.link.drive(0, wanted=False) is None
    assert cable.link.is_open()


def test_every_byte_passes_unchanged_both_ways(cable: Cable) -> None:
    every_byte = bytes(range(256))
    cable.link.transmit(every_byte)
    assert read_exactly(cable.far, 256) == every_byte
    os.write(cable.far, every_byte)
    got = b""
    while len(got) < 256:
        got += cable.link.receive()
    assert got == every_byte


def test_with_nothing_there_a_receive_returns_at_once(cable: Cable) -> None:
    assert cable.link.receive() == b""


def test_a_receive_takes_at_most_256_bytes(cable: Cable) -> None:
    tty.setraw(cable.far)
    os.write(cable.far, bytes(600))
    sizes: list[int] = []
    while sum(sizes) < 600:
        sizes.append(len(cable.link.receive()))
    assert max(sizes) <= 256


def test_bytes_wake_the_meter_and_room_alone_does_not(cable: Cable) -> None:
    os.write(cable.far, b"!")
    _, events = cable.poller.wait()
    assert cable.link.stir(events)
    assert not cable.link.stir(0)


def test_a_far_end_that_does_not_read_never_blocks_it(cable: Cable) -> None:
    for _ in range(500):
        cable.link.transmit(b"z" * 250)
    assert cable.link.is_open()


def test_what_was_not_taken_at_once_follows_when_the_far_end_reads(cable: Cable) -> None:
    sent = 0
    while not cable.link.unsent:
        cable.link.transmit(b"z" * 250)
        sent += 250
    got = 0
    while got < sent:
        got += read_all(cable.far)
        cable.link.stir()
    assert got == sent


def read_exactly(descriptor: int, size: int) -> bytes:
    """Return the next bytes; a pty hands them over in pieces."""
    got = b""
    while len(got) < size:
        ready, _, _ = select.select([descriptor], [], [], 30)
        assert ready, got
        got += os.read(descriptor, size - len(got))
    return got


def read_all(descriptor: int) -> int:
    """Return how many bytes were there."""
    size = 0
    try:
        while chunk := os.read(descriptor, 65536):
            size += len(chunk)
    except BlockingIOError:
        pass
    return size


def test_it_notices_that_the_far_end_has_gone_and_looks_for_it_again(cable: Cable) -> None:
    os.close(cable.far)
    cable.far = os.open(os.devnull, os.O_RDONLY)  # for the fixture to close
    _, events = cable.poller.wait()
    assert cable.link.stir(events)
    assert not cable.link.is_open()
    assert cable.link.receive() == b""
    again_at_ms = cable.link.drive(5_000, wanted=True)
    assert again_at_ms == 6_000
    assert cable.link.drive(5_500, wanted=True) == 6_000
    assert cable.link.drive(5_500, wanted=False) is None


def test_what_is_not_a_terminal_is_refused() -> None:
    other, unused = socket.socketpair()
    for path in ("no/such/device", os.devnull):
        with pytest.raises(StartRefused, match=path):
            PtyLink(path, Poller(other))
    other.close()
    unused.close()
