"""The TCP listener: bounded, fair, and rid of those who stay silent."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from peers.echo import EchoCustody, until
from weir_gateway.config import TcpConfig
from weir_gateway.errors import GatewayError
from weir_gateway.links import tcp
from weir_gateway.links.tcp import TcpListener
from weir_protocol.framing import enframe

Scenario = Callable[[TcpListener, EchoCustody], Coroutine[Any, Any, None]]


def serve(custody: EchoCustody, scenario: Scenario, **changes: Any) -> None:
    limits = {"connections_max": 8, "idle_s": 60.0, "first_frame_s": 60.0, **changes}

    async def started() -> None:
        config = TcpConfig("127.0.0.1", 0, **limits)
        listener = TcpListener(config, custody.make_driver, custody.counters)
        await listener.start()
        await scenario(listener, custody)
        await listener.stop()

    asyncio.run(started())


async def dial(listener: TcpListener) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = listener.place.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def in_time(waiting: Awaitable[bytes]) -> bytes:
    return await asyncio.wait_for(waiting, 30)


def test_a_frame_is_answered_on_the_connection_it_came_from() -> None:
    async def scenario(listener: TcpListener, custody: EchoCustody) -> None:
        ends = [await dial(listener) for _ in range(3)]
        for number, (_, writer) in enumerate(ends):
            writer.write(enframe(b"+%d" % number))
        for number, (reader, writer) in enumerate(ends):
            assert await in_time(reader.readuntil(b"\0")) == enframe(b"+%d" % number)
            writer.close()
        assert custody.sources == {"tcp 127.0.0.1"}

    serve(EchoCustody(), scenario)


def test_more_connections_than_allowed_are_closed_and_counted() -> None:
    async def scenario(listener: TcpListener, custody: EchoCustody) -> None:
        kept = [await dial(listener) for _ in range(2)]
        await until(lambda: listener.connection_count == 2, "two connections")
        surplus, surplus_writer = await dial(listener)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await in_time(surplus.readexactly(1))
        surplus_writer.close()
        assert custody.counters.totals == {"too_many_connections": 1}

        kept[0][1].close()
        await until(lambda: listener.connection_count == 1, "a place to become free")
        reader, writer = await dial(listener)
        writer.write(enframe(b"+late"))
        assert await in_time(reader.readuntil(b"\0")) == enframe(b"+late")

    serve(EchoCustody(), scenario, connections_max=2)


def test_a_stranger_that_sends_no_genuine_frame_is_closed_whatever_it_sends() -> None:
    async def scenario(listener: TcpListener, _: EchoCustody) -> None:
        mute = (await dial(listener))[1]
        noisy = (await dial(listener))[1]
        await until(lambda: listener.connection_count == 2, "two connections")

        async def chatter() -> None:
            while True:
                noisy.write(enframe(b"-rubbish"))
                await asyncio.sleep(0.05)

        chattering = asyncio.create_task(chatter())
        await until(lambda: listener.connection_count == 0, "both to be closed")
        chattering.cancel()
        mute.close()

    serve(EchoCustody(), scenario, first_frame_s=0.3)


def test_a_genuine_meter_may_stay_silent_for_as_long_as_is_set() -> None:
    async def scenario(listener: TcpListener, _: EchoCustody) -> None:
        reader, writer = await dial(listener)
        writer.write(enframe(b"+"))
        await in_time(reader.readuntil(b"\0"))
        now_s = asyncio.get_running_loop().time()
        listener.close_overdue(now_s + 500)
        await asyncio.sleep(0.1)
        assert listener.connection_count == 1
        listener.close_overdue(now_s + 601)
        await until(lambda: listener.connection_count == 0, "the idle connection to be closed")
        writer.close()

    serve(EchoCustody(), scenario, first_frame_s=60.0, idle_s=600.0)


def test_the_kernel_notices_a_far_end_that_is_gone_without_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialled = socket.create_connection(server.getsockname())
        accepted = server.accept()[0]
        with dialled, accepted:
            tcp.prepare_socket(accepted)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            in_force = {
                name: accepted.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in tcp.HALF_OPEN_OPTIONS
            }
    silent_s = in_force["TCP_KEEPIDLE"] + in_force["TCP_KEEPINTVL"] * in_force["TCP_KEEPCNT"]
    assert silent_s <= 120
    assert in_force["TCP_USER_TIMEOUT"] <= 120_000


def test_a_far_end_that_takes_no_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "WRITE_S_MAX", 0.2)

    async def scenario(listener: TcpListener, custody: EchoCustody) -> None:
        port = int(listener.place.rpartition(":")[2])
        deaf = socket.create_connection(("127.0.0.1", port))
        deaf.settimeout(0.5)
        await until(lambda: listener.connection_count == 1, "the connection")

        def pour() -> None:
            with contextlib.suppress(OSError):  # its own buffers are full, or it was given up
                while True:
                    deaf.sendall(enframe(b"+deaf") * 100)

        await asyncio.to_thread(pour)
        await until(lambda: listener.connection_count == 0, "it to be given up")
        deaf.close()
        reader, writer = await dial(listener)
        writer.write(enframe(b"+again"))
        assert b"+again" in await in_time(reader.readuntil(b"\0"))
        writer.close()

    serve(EchoCustody(answer_size=10_000), scenario)


def test_a_meter_that_does_not_read_holds_up_no_other() -> None:
    async def scenario(listener: TcpListener, custody: EchoCustody) -> None:
        deaf = socket.create_connection(("127.0.0.1", int(listener.place.rpartition(":")[2])))
        deaf.setblocking(False)

        async def pour() -> None:
            while True:
                await asyncio.get_running_loop().sock_sendall(deaf, enframe(b"+deaf") * 1000)

        flood = asyncio.create_task(pour())
        await until(lambda: custody.sources, "the first frames")
        reader, writer = await dial(listener)
        for number in range(20):
            writer.write(enframe(b"+%d" % number))
            answer = await in_time(reader.readuntil(b"\0"))
            assert answer == enframe(b"+%d" % number + b"." * 10_000)
        assert not flood.done()
        flood.cancel()
        deaf.close()

    serve(EchoCustody(answer_size=10_000), scenario)


def test_stopping_lets_what_was_read_be_answered() -> None:
    async def scenario(listener: TcpListener, custody: EchoCustody) -> None:
        reader, writer = await dial(listener)
        idle, idle_writer = await dial(listener)
        writer.write(enframe(b"+last"))
        await until(lambda: custody.held, "the frame to arrive")
        stopping = asyncio.create_task(listener.stop())
        assert await in_time(idle.read()) == b""
        custody.release()
        assert await in_time(reader.read()) == enframe(b"+last")
        await stopping
        writer.close()
        idle_writer.close()

    serve(EchoCustody(hold=True), scenario)


def test_a_port_that_is_taken_is_named() -> None:
    async def scenario(listener: TcpListener, custody: EchoCustody) -> None:
        port = int(listener.place.rpartition(":")[2])
        config = TcpConfig("127.0.0.1", port, 8, 60, 60)
        other = TcpListener(config, custody.make_driver, custody.counters)
        with pytest.raises(GatewayError, match=rf"cannot listen on 127.0.0.1:{port} \("):
            await other.start()

    serve(EchoCustody(), scenario)
