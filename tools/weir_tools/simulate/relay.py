"""The bench's place on the way to a gateway on TCP: it passes on every byte and listens."""

import asyncio
import contextlib
import os
import resource
from collections.abc import Callable, Coroutine, Mapping

from weir_protocol.errors import PeerError
from weir_protocol.frames import peek_header
from weir_protocol.framing import Deframer
from weir_tools.simulate.overheard import Overheard

CHUNK_SIZE = 4096
CONNECT_TIMEOUT_S = 10.0

Listen = Callable[[bytes], None]


class Relay:
    """Meters call it instead of the gateway; who calls is known by the frames of the call.

    reached: whether the gateway ever took a call. refusal: why it did not take the latest one.
    """

    def __init__(self, gateway: str, meters: Mapping[int, Overheard]) -> None:
        """gateway: HOST:PORT."""
        self.gateway = gateway
        self.reached = False
        self.refusal: str | None = None
        self._meters = meters
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen, and return the address to give to the meters."""
        _allow_many_files()
        self._server = await asyncio.start_server(self._called, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.ensure_future(self._pass_on(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            connected = await self._connect()
            if connected is None:
                return
            self.reached = True
            from_gateway, to_gateway = connected
            call = _Call(self._meters)
            with contextlib.closing(to_gateway):
                await _until_one_ends(
                    _carry(reader, to_gateway, call.up), _carry(from_gateway, writer, call.down)
                )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        host, _, port = self.gateway.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(host, int(port))
        except TimeoutError:
            self.refusal = "it does not answer"
        except OSError as error:
            number = error.errno or 0
            self.refusal = os.strerror(number) if number > 0 else error.strerror or str(error)
        return None


class _Call:
    """One connection of a meter that is not known before its first frame."""

    def __init__(self, meters: Mapping[int, Overheard]) -> None:
        self._meters = meters
        self._meter: Overheard | None = None
        self._up = Deframer()
        self._down = Deframer()

    def up(self, chunk: bytes) -> None:
        for frame in self._up.feed(chunk):
            with contextlib.suppress(PeerError):
                self._meter = self._meters.get(peek_header(frame).meter_id, self._meter)
            if self._meter is not None:
                self._meter.frame_up(frame)

    def down(self, chunk: bytes) -> None:
        for frame in self._down.feed(chunk):
            if self._meter is not None:
                self._meter.frame_down(frame)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, hear: Listen) -> None:
    """Until the source ends."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK_SIZE):
            hear(chunk)
            target.write(chunk)
            await target.drain()


async def _until_one_ends(*ways: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _allow_many_files() -> None:
    """Two connections for each meter, beside its wire to the bench."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
