"""Uplinks that a test can cut: a serial line of two ptys, and a TCP relay.

``answer_lost`` hears of bytes to the meter that a cut line has swallowed.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from weir_bench.roles import Direction
from weir_bench.simulated.terminal import READ_SIZE, Terminal
from weir_bench.simulated.trace import Trace

_LOOPBACK = "127.0.0.1"


class Line(Protocol):
    """meter_end: what the meter's --link gets. serial_port: the gateway's end, if it is a port."""

    meter_end: str
    serial_port: str | None
    lost_directions: frozenset[Direction]

    async def open(self) -> None: ...

    def cut(self, directions: frozenset[Direction]) -> None: ...

    async def inject(self, stream_bytes: bytes) -> None: ...

    async def close(self) -> None: ...


class SerialLine:
    """Two devices and the wire between them. Bytes that nobody takes in time are lost."""

    def __init__(self, trace: Trace, answer_lost: Callable[[], None]) -> None:
        self._trace = trace
        self._answer_lost = answer_lost
        self._meter = Terminal.open()
        self._gateway = Terminal.open()
        self.meter_end = f"pty:{self._meter.device}"
        self.serial_port: str | None = self._gateway.device
        self.lost_directions: frozenset[Direction] = frozenset()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._meter.descriptor, self._carry, self._meter, self._gateway, "up")
        loop.add_reader(self._gateway.descriptor, self._carry, self._gateway, self._meter, "down")

    def cut(self, directions: frozenset[Direction]) -> None:
        self.lost_directions = directions

    async def inject(self, stream_bytes: bytes) -> None:
        self._gateway.write(stream_bytes)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for terminal in (self._meter, self._gateway):
            loop.remove_reader(terminal.descriptor)
            terminal.close()

    def _carry(self, source: Terminal, sink: Terminal, direction: Direction) -> None:
        chunk = source.read()
        if chunk:
            self._trace.note(direction, chunk)
            if direction not in self.lost_directions:
                sink.write(chunk)
            elif direction == "down":
                self._answer_lost()


class TcpLine:
    """A relay that the meter calls in the gateway's place."""

    def __init__(self, trace: Trace, answer_lost: Callable[[], None], gateway_port: int) -> None:
        self._trace = trace
        self._answer_lost = answer_lost
        self._gateway_port = gateway_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.meter_end = ""
        self.serial_port: str | None = None
        self.lost_directions: frozenset[Direction] = frozenset()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._relay, _LOOPBACK, 0)
        self.meter_end = f"tcp:{_LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def cut(self, directions: frozenset[Direction]) -> None:
        self.lost_directions = directions
        if "up" in directions:
            self._hang_up()

    async def inject(self, stream_bytes: bytes) -> None:
        """A stranger's call of its own: it says its bytes and waits for the gateway to hang up."""
        reader, writer = await asyncio.open_connection(_LOOPBACK, self._gateway_port)
        writer.write(stream_bytes)
        writer.write_eof()
        await reader.read()
        writer.close()

    async def close(self) -> None:
        self._hang_up()
        if self._server is not None:
            self._server.close()

    def _hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one call. A gateway that does not answer, or a cut line, hangs up on the meter."""
        with contextlib.ExitStack() as closing:
            self._writers.add(writer)
            closing.callback(self._end, writer)
            if "up" in self.lost_directions:
                return
            try:
                far_reader, far_writer = await asyncio.open_connection(
                    _LOOPBACK, self._gateway_port
                )
            except OSError:
                return
            self._writers.add(far_writer)
            closing.callback(self._end, far_writer)
            await asyncio.gather(
                self._pump(reader, far_writer, "up"), self._pump(far_reader, writer, "down")
            )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        """Carry one direction to its end; the other may go on for a while."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(READ_SIZE):
                self._trace.note(direction, chunk)
                if direction not in self.lost_directions:
                    writer.write(chunk)
                    await writer.drain()
                elif direction == "down":
                    self._answer_lost()
            writer.write_eof()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
