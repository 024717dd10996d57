"""The contract of ByteLink, held by the link over TCP."""

import socket

from weir.ports.bench import Poller
from weir.ports.tcp_link import TcpLink

PATIENCE = 2000  # polls of the loopback interface; one or two are enough


class Peer:
    """Listens on the loopback interface, and the link that is to reach it."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = bind_any(self.listener)
        self.listener.listen(1)
        self.poller = Poller(self.listener)
        self.link = TcpLink("127.0.0.1", self.port, self.poller)

    def open_link(self, link_ms: int = 0) -> socket.socket:
        """Let the link connect; return the other end."""
        assert self.link.drive(link_ms, wanted=True) is None
        self.wait(self.link.is_open)
        accepted: socket.socket = self.listener.accept()[0]
        return accepted

    def wait(self, condition: "Callable[[], object]") -> None:
        for _ in range(PATIENCE):
            _, events = self.poller.wait()
            if events:
                self.link.stir(events)
            if condition():
                return
        raise AssertionError("it never came true")

    def close(self) -> None:
        self.link.drive(0, wanted=False)
        self.listener.close()


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def bind_any(listener: socket.socket) -> int:
    """Bind to a port that is free; return it. MicroPython cannot ask which port it was given."""
    for port in range(42_000, 43_000):
        try:
            listener.bind(socket.getaddrinfo("127.0.0.1", port, 0, socket.SOCK_STREAM)[0][-1])
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


def test_it_is_closed_until_it_is_wanted() -> None:
    peer = Peer()
    assert not peer.link.is_open()
    assert peer.link.drive(0, wanted=False) is None
    assert not peer.link.is_open()
    assert peer.link.receive() == b""
    peer.close()


def test_bytes_pass_both_ways_once_it_is_open() -> None:
    peer = Peer()
    far = peer.open_link()
    peer.link.transmit(b"up")
    peer.link.transmit(b"link")
    assert far.recv(2) + far.recv(4) == b"uplink"
    assert peer.link.receive() == b""
    far.send(b"x" * 300)
    got = b""
    while len(got) < 300:
        chunk = peer.link.receive()
        assert len(chunk) <= 256
        got += chunk
    assert got == b"x" * 300
    far.close()
    peer.close()


def test_it_closes_when_it_is_not_wanted_and_opens_again_when_it_is() -> None:
    peer = Peer()
    far = peer.open_link()
    assert peer.link.drive(10, wanted=False) is None
    assert not peer.link.is_open()
    assert far.recv(1) == b""
    far.close()
    peer.open_link(10).close()
    peer.close()


def test_it_notices_that_the_far_end_has_closed() -> None:
    peer = Peer()
    peer.open_link().close()

    def closed() -> bool:
        return peer.link.receive() == b"" and not peer.link.is_open()

    peer.wait(closed)
    peer.close()


def waits_of_eight_attempts(peer: Peer, chance: int) -> "list[int]":
    """Let a link try in vain, with this byte for every one that it draws."""
    refusing = TcpLink(
        "127.0.0.1", unused_port(), peer.poller, lambda count: bytes([chance] * count)
    )
    link_ms = 0
    waits = []
    for _ in range(8):
        again_at_ms = refusing.drive(link_ms, wanted=True)
        while again_at_ms is None:  # it is still connecting
            assert refusing.stir(peer.poller.wait()[1])
            again_at_ms = refusing.drive(link_ms, wanted=True)
        assert not refusing.is_open()
        assert refusing.drive(again_at_ms - 1, wanted=True) == again_at_ms
        waits.append(again_at_ms - link_ms)
        link_ms = again_at_ms
    assert refusing.drive(link_ms, wanted=False) is None
    return waits


def test_that_nobody_listens_is_normal_and_tried_again_ever_later() -> None:
    peer = Peer()
    assert waits_of_eight_attempts(peer, 128) == [200, 400, 800, 1600, 3200, 5000, 5000, 5000]
    peer.close()


def test_meters_that_lose_their_gateway_together_do_not_try_again_together() -> None:
    peer = Peer()
    assert waits_of_eight_attempts(peer, 0) == [150, 300, 600, 1200, 2400, 3750, 3750, 3750]
    longest = waits_of_eight_attempts(peer, 255)
    assert longest == [249, 498, 996, 1993, 3987, 6230, 6230, 6230]
    peer.close()


def unused_port() -> int:
    """Return a port on which nobody listens."""
    probe = socket.socket()
    port = bind_any(probe)
    probe.close()
    return port


def test_a_far_end_that_does_not_read_never_blocks_it_and_what_does_not_fit_is_lost() -> None:
    peer = Peer()
    far = peer.open_link()
    for _ in range(40_000):
        peer.link.transmit(b"y" * 250)
    assert peer.link.is_open()
    far.close()
    peer.close()


def test_what_was_not_taken_at_once_follows_when_the_far_end_reads() -> None:
    peer = Peer()
    far = peer.open_link()
    sent = 0
    while not peer.link.unsent:
        peer.link.transmit(b"z" * 250)
        sent += 250
    got = 0
    while got < sent:
        got += len(far.recv(4096))
        peer.link.stir()
    assert got == sent
    far.close()
    peer.close()
