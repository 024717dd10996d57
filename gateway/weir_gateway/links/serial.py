"""A serial port, RS-485 adapter, radio modem or pty: one byte stream that may come and go."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from weir_gateway import messages
from weir_gateway.config import SerialConfig
from weir_gateway.links.backoff import Backoff
from weir_gateway.links.driver import Driver
from weir_gateway.links.stream import READ_SIZE_MAX, STOP_S_MAX, LinkClosed

if TYPE_CHECKING:
    from serial import Serial

_WRITE_S_MAX = 30.0  # an acknowledgement takes 50 ms at 9600 baud; a dead line takes for ever
_RETRY_FIRST_S = 0.2
_RETRY_LONGEST_S = 10.0
_log = logging.getLogger(__name__)

Watch = Callable[..., object]


class SerialStream:
    """An open port, read and written without blocking."""

    def __init__(self, descriptor: int, source: str) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._readable: asyncio.Future[None] | None = None
        self._stopped = False
        self.source = source

    async def read(self) -> bytes:
        if self._stopped:
            raise LinkClosed("the gateway stops")
        self._readable = self._loop.create_future()
        await self._ready(self._readable, self._loop.add_reader, self._loop.remove_reader)
        try:
            chunk = os.read(self._descriptor, READ_SIZE_MAX)
        except OSError as error:
            raise LinkClosed(error.strerror) from None
        if not chunk:  # readable without bytes: the device is gone
            raise LinkClosed("the device is gone")
        return chunk

    async def write(self, stream_bytes: bytes) -> None:
        try:
            async with asyncio.timeout(_WRITE_S_MAX):
                while stream_bytes:
                    stream_bytes = stream_bytes[await self._write_some(stream_bytes) :]
        except TimeoutError:
            raise LinkClosed("the device takes no bytes") from None

    def stop_reading(self) -> None:
        """Let the driver finish what it has read, as if the device had gone."""
        self._stopped = True
        if self._readable is not None and not self._readable.done():
            self._readable.set_exception(LinkClosed("the gateway stops"))

    async def _write_some(self, stream_bytes: bytes) -> int:
        try:
            return os.write(self._descriptor, stream_bytes)
        except BlockingIOError:
            writable = self._loop.create_future()
            await self._ready(writable, self._loop.add_writer, self._loop.remove_writer)
            return 0
        except OSError as error:
            raise LinkClosed(error.strerror) from None

    async def _ready(self, ready: "asyncio.Future[None]", watch: Watch, unwatch: Watch) -> None:
        watch(self._descriptor, _set_ready, ready)
        try:
            await ready
        finally:
            unwatch(self._descriptor)


class SerialLink:
    """Keeps one port open: opens it again, with backoff, whenever it is gone."""

    def __init__(self, config: SerialConfig, make_driver: Callable[[], Driver]) -> None:
        self._config = config
        self._make_driver = make_driver
        self._backoff = Backoff(_RETRY_FIRST_S, _RETRY_LONGEST_S)
        self._stream: SerialStream | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._stopping = False
        self.kind = "serial"
        self.place = config.port
        self.problem: str | None = None

    @property
    def connection_count(self) -> int:
        return int(self._stream is not None)

    async def start(self) -> None:
        """Begin to keep the port open; returns after the first attempt, successful or not."""
        self._task = asyncio.create_task(self._keep_open())
        await self._tried.wait()

    async def stop(self) -> None:
        """Let the driver finish what it was given, then close the port."""
        assert self._task is not None
        self._stopping = True
        if self._stream is not None:
            self._stream.stop_reading()
            await asyncio.wait([self._task], timeout=STOP_S_MAX)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_open(self) -> None:
        while not self._stopping:
            port = await self._open()
            self._tried.set()
            if port is not None:
                await self._serve(port)
            if not self._stopping:
                await asyncio.sleep(self._backoff.next_s())

    async def _open(self) -> "Serial | None":
        try:
            port = await asyncio.to_thread(_open_port, self._config)
        except (OSError, ValueError) as error:
            self._note_problem(_why(error))
            return None
        self.problem = None
        _log.info("serial port %s is open", self.place)
        return port

    async def _serve(self, port: "Serial") -> None:
        self._stream = SerialStream(port.fileno(), f"serial {self.place}")
        driver = self._make_driver()
        driver.outlasts_sessions = True
        try:
            await driver.run(self._stream)
        finally:
            self._stream = None
            port.close()
        if driver.genuine:
            self._backoff.reset()
        if not self._stopping:
            self._note_problem(messages.SERIAL_GONE)

    def _note_problem(self, why: str) -> None:
        """Log a problem once, not at every attempt."""
        problem = messages.SERIAL_FAILED.format(place=self.place, why=why)
        if problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem


def _open_port(config: SerialConfig) -> "Serial":
    import serial

    return serial.Serial(config.port, config.baud, timeout=0, exclusive=True)


def _why(error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.EWOULDBLOCK, errno.EBUSY):
        return messages.SERIAL_TAKEN
    return os.strerror(code) if code else str(error)


def _set_ready(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
