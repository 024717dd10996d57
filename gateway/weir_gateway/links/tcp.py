"""The TCP listener, for meters that dial in."""

import asyncio
import logging
import socket
from collections.abc import Callable

from weir_gateway import messages
from weir_gateway.config import TcpConfig
from weir_gateway.counters import RejectCounters
from weir_gateway.errors import GatewayError
from weir_gateway.links.driver import Driver
from weir_gateway.links.stream import READ_SIZE_MAX, STOP_S_MAX, LinkClosed

WRITE_S_MAX = 30.0  # a far end that takes nothing for so long is given up
_SWEEP_S = 1.0
_BACKLOG = 512  # a thousand meters may call within the same second
_RECEIVE_BUFFER_BYTES = 32 << 10  # what a flood can leave behind; a meter sends far less at once
HALF_OPEN_OPTIONS = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 20,
    "TCP_KEEPCNT": 3,  # so a silent far end that is gone is noticed in 2 minutes,
    "TCP_USER_TIMEOUT": 120_000,  # ms; and one that confirms no byte of an answer as well
}
_log = logging.getLogger(__name__)


class TcpStream:
    """One accepted connection. source: the far end's address without its port, which changes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.source = f"tcp {(writer.get_extra_info('peername') or ('unknown',))[0]}"
        self._reading: asyncio.Task[None] | None = None
        self._stopped = False
        self.opened_at_s = self.heard_at_s = _now_s()

    async def read(self) -> bytes:
        if self._stopped:
            raise LinkClosed("the gateway stops")
        self._reading = asyncio.current_task()
        try:
            chunk = await self._reader.read(READ_SIZE_MAX)
        except OSError as error:
            raise LinkClosed(str(error)) from None
        except asyncio.CancelledError:
            if self._stopped:
                raise LinkClosed("the gateway stops") from None
            raise
        finally:
            self._reading = None
        if not chunk:
            raise LinkClosed("end of stream")
        self.heard_at_s = _now_s()
        return chunk

    async def write(self, stream_bytes: bytes) -> None:
        self._writer.write(stream_bytes)
        try:
            async with asyncio.timeout(WRITE_S_MAX):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            self.abort()  # else what it does not take would wait for it
            raise LinkClosed(str(error)) from None

    def stop_reading(self) -> None:
        """Let the driver finish what it has read, as if the far end had closed."""
        self._stopped = True
        if self._reading is not None:
            self._reading.cancel()

    def abort(self) -> None:
        """Close at once, whatever still waits to be written."""
        self._writer.transport.abort()


class TcpListener:
    """Accepts meters, a bounded number at a time, and gives up those that stay silent."""

    def __init__(
        self, config: TcpConfig, make_driver: Callable[[], Driver], counters: RejectCounters
    ) -> None:
        self._config = config
        self._make_driver = make_driver
        self._counters = counters
        self._open: dict[TcpStream, Driver] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self.kind = "tcp"
        self.place = f"{config.host}:{config.port}"
        self.problem: str | None = None

    @property
    def connection_count(self) -> int:
        return len(self._open)

    async def start(self) -> None:
        """Open the port. Raise GatewayError when it cannot be had."""
        try:
            self._server = await asyncio.start_server(
                self._accept,
                self._config.host or None,
                self._config.port,
                limit=READ_SIZE_MAX,
                backlog=_BACKLOG,
            )
        except OSError as error:
            why = error.strerror or str(error)
            text = messages.LISTEN_FAILED.format(place=self.place, why=why)
            raise GatewayError(text) from None
        port = self._server.sockets[0].getsockname()[1]
        self.place = f"{self._config.host}:{port}"
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Accept nothing more; let every connection finish what it was given, for a while."""
        assert self._server is not None
        assert self._sweeper is not None
        self._server.close()
        self._sweeper.cancel()
        for stream in self._open:
            stream.stop_reading()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S_MAX)
        for stream in self._open:
            stream.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = TcpStream(reader, writer)
        if len(self._open) >= self._config.connections_max:
            detail = f"{len(self._open)} connections are open"
            self._counters.reject(stream.source, "too_many_connections", detail)
            stream.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        driver = self._open[stream] = self._make_driver()
        try:
            prepare_socket(writer.get_extra_info("socket"))
            await driver.run(stream)
        finally:
            self._tasks.discard(task)
            del self._open[stream]
            writer.close()

    def close_overdue(self, now_s: float) -> None:
        """Close what has been silent too long: half-open connections and idle strangers."""
        for stream, driver in self._open.items():
            if driver.genuine:
                overdue = now_s - stream.heard_at_s > self._config.idle_s
            else:
                overdue = now_s - stream.opened_at_s > self._config.first_frame_s
            if overdue:
                _log.debug("closing the silent connection from %s", stream.source)
                stream.abort()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.close_overdue(_now_s())


def prepare_socket(connection: socket.socket) -> None:
    """Let the kernel notice a far end that is gone without a word, and keep little for it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in HALF_OPEN_OPTIONS.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
