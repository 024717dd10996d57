"""The local interface: clear answers to good questions, clear refusals to bad ones."""

import asyncio
import json
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from weir_gateway import http_connection
from weir_gateway.client import ClientError, GatewayClient
from weir_gateway.errors import GatewayError, StoreUnavailable
from weir_gateway.http_connection import Answer, Request
from weir_gateway.service import CONNECTIONS_MAX, Service


async def mirror(request: Request) -> Answer:
    """Answer with the request itself, or fail as its path says."""
    if request.target == "/fails":
        raise RuntimeError("a bug")
    if request.target == "/disk":
        raise StoreUnavailable("the database takes nothing now (disk full)")
    return Answer(200, {"method": request.method, "target": request.target})


@contextmanager
def serving(path: Path) -> Iterator[None]:
    """Run a service in a thread of its own, so that tests can speak to it without asyncio."""
    loop = asyncio.new_event_loop()
    service = Service(path, mirror)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(service.start(), loop).result(30)
        yield
        asyncio.run_coroutine_threadsafe(service.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    with serving(tmp_path / "weir.sock"):
        yield tmp_path / "weir.sock"


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(30)
    connection.connect(str(path))
    return connection


def exchange(path: Path, request: bytes) -> tuple[int, bytes]:
    """Send raw bytes; return the status and body of the first answer, until the far end closes."""
    with connect(path) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_only_its_owner_can_open_the_socket(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_requests_on_one_connection_are_answered_in_turn(path: Path) -> None:
    with connect(path) as connection:
        for target in (b"/a", b"/b"):
            connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: gateway\r\n\r\n")
            answer = connection.recv(65536)
            assert b'"target": "' + target + b'"' in answer
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"Content-Type: application/json" in answer


def test_a_request_may_come_byte_by_byte(path: Path) -> None:
    with connect(path) as connection:
        for byte in b"GET /slow HTTP/1.1\r\nHost: gateway\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert b'"/slow"' in connection.recv(65536)


@pytest.mark.parametrize(
    ("request_bytes", "status", "sentence"),
    [
        (b"rubbish\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"\x00\x01\x02\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nHost: g\r\nX: " + b"x" * 60_000 + b"\r\n\r\n", 431, "HTTP/1.1"),
        (
            b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000,
            413,
            "larger than 65536 bytes",
        ),
        (b"GET /fails HTTP/1.1\r\nHost: g\r\n\r\n", 500, "its log says why"),
        (b"GET /disk HTTP/1.1\r\nHost: g\r\n\r\n", 503, "disk full"),
    ],
)
def test_a_bad_request_gets_a_sentence_in_json(
    path: Path, request_bytes: bytes, status: int, sentence: str
) -> None:
    found, body = exchange(path, request_bytes)
    assert found == status
    assert sentence in json.loads(body)["error"]


def test_head_gets_headers_without_a_body(path: Path) -> None:
    status, body = exchange(path, b"HEAD /a HTTP/1.1\r\nHost: g\r\n\r\n")
    assert (status, body) == (200, b"")


def test_a_request_that_does_not_end_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "REQUEST_S_MAX", 0.2)
    with connect(path) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\nHost:")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 408")


def test_an_idle_connection_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "IDLE_S_MAX", 0.2)
    with connect(path) as connection:
        assert connection.recv(1) == b""


def test_more_connections_than_allowed_are_closed_and_the_rest_go_on(path: Path) -> None:
    kept = [connect(path) for _ in range(CONNECTIONS_MAX)]
    for connection in kept:
        connection.sendall(b"GET /a HTTP/1.1\r\nHost: g\r\n\r\n")
        assert connection.recv(65536)
    surplus = connect(path)
    with suppress(ConnectionResetError):
        assert surplus.recv(1) == b""
    surplus.close()
    kept[0].sendall(b"GET /b HTTP/1.1\r\nHost: g\r\n\r\n")
    assert b'"/b"' in kept[0].recv(65536)
    for connection in kept:
        connection.close()


def test_the_socket_is_gone_after_a_stop(tmp_path: Path) -> None:
    with serving(tmp_path / "weir.sock"):
        assert (tmp_path / "weir.sock").exists()
    assert not (tmp_path / "weir.sock").exists()


def test_a_socket_left_behind_by_a_killed_gateway_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "weir.sock"))
    left.close()
    with serving(tmp_path / "weir.sock"):
        assert exchange(tmp_path / "weir.sock", b"GET /a HTTP/1.1\r\nHost: g\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda path: path.write_text("mine"), "cannot open the local interface"),
        (lambda path: path.mkdir(), "cannot open the local interface"),
    ],
)
def test_a_path_that_is_taken_is_named_and_left_alone(
    tmp_path: Path, prepare: Callable[[Path], object], sentence: str
) -> None:
    path = tmp_path / "weir.sock"
    prepare(path)
    with pytest.raises(GatewayError, match=sentence), serving(path):
        pass
    assert path.exists()


def test_a_socket_that_another_gateway_answers_on_is_left_to_it(path: Path) -> None:
    with pytest.raises(GatewayError, match="another gateway is using"), serving(path):
        pass
    assert exchange(path, b"GET /a HTTP/1.1\r\nHost: g\r\n\r\n")[0] == 200


def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(GatewayError, match="longer than 107 bytes"),
        serving(tmp_path / ("x" * 99)),
    ):
        pass


def test_the_client_says_what_to_do_when_no_gateway_answers(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match=r"start it with `weir gateway") as caught:
        GatewayClient(tmp_path / "none.sock").gateway()
    assert caught.value.is_unreachable


def test_the_client_names_what_is_no_gateway(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    other.bind(str(path))
    other.listen()

    def serve() -> None:
        connection, _ = other.accept()
        connection.recv(100)
        connection.sendall(b"220 smtp ready\r\n")
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(ClientError, match="is not a weir gateway"):
        GatewayClient(path).gateway()
    thread.join(30)
    assert not thread.is_alive()
    other.close()
