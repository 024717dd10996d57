"""A link between one meter and the gateway, as good or bad as the weather.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import asyncio
import random
from collections.abc import Callable

from weir_gateway.links.stream import LinkClosed
from weir_tools.virtual.listener import Listener
from weir_tools.virtual.scenario import GATEWAY_PORT
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.weather import Weather

CHUNK_SIZE_MAX = 256
"""The most that a meter's port gives at once."""

_DIAL_S = 0.4
_REDIAL_MS = 5000
_BEHIND_S_MAX = 20.0


class Channel:
    """One direction. What arrives is given to ``deliver``, whoever is there then."""

    def __init__(
        self,
        chance: random.Random,
        note: Callable[[bytes], None],
        deliver: Callable[[bytes], None],
    ) -> None:
        self.weather = Weather()
        self._loop = asyncio.get_running_loop()
        self._chance = chance
        self._note = note
        self._deliver = deliver
        self._free_at_s = 0.0  # what is not reordered does not overtake

    def send(self, stream: bytes) -> None:
        """Send frames; each meets its own fate."""
        for piece in stream.split(b"\x00")[:-1]:
            self._send_frame(piece + b"\x00")

    def _send_frame(self, frame: bytes) -> None:
        self._note(frame)
        weather, chance = self.weather, self._chance
        if chance.random() < weather.loss:
            return
        copies = 2 if chance.random() < weather.duplication else 1
        for _ in range(copies):
            self._carry(self._damaged(frame))

    def _damaged(self, frame: bytes) -> bytes:
        weather, chance = self.weather, self._chance
        if chance.random() < weather.corruption:
            place = chance.randrange(len(frame))
            changed = frame[place] ^ 1 << chance.randrange(8)
            frame = frame[:place] + bytes([changed]) + frame[place + 1 :]
        if chance.random() < weather.truncation:
            frame = frame[: chance.randrange(len(frame))]
        return frame

    def _carry(self, frame: bytes) -> None:
        weather, chance = self.weather, self._chance
        at_s = self._loop.time() + chance.uniform(weather.delay_s_min, weather.delay_s_max)
        if chance.random() < weather.reordering:
            at_s += chance.uniform(0, _BEHIND_S_MAX)
        else:
            at_s = self._free_at_s = max(at_s, self._free_at_s)
        self._loop.call_at(at_s, self._deliver, frame)


class GatewayEnd:
    """One open link as the gateway has it (weir_gateway.links.stream.ByteStream)."""

    def __init__(self, source: str, write: Callable[[bytes], None]) -> None:
        self.source = source
        self._write = write
        self._chunks: list[bytes] = []
        self._arrival: asyncio.Future[None] | None = None
        self._closed = False

    async def read(self) -> bytes:
        while not self._chunks:
            if self._closed:
                raise LinkClosed
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        return chunk

    async def write(self, stream_bytes: bytes) -> None:
        if self._closed:
            raise LinkClosed
        self._write(stream_bytes)

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


Accept = Callable[[GatewayEnd], bool]
"""Takes a new link at the gateway, or says that nobody is there."""


class VirtualLink:
    """The meter's port (weir.hal.byte_link). ``wake`` tells the meter that something came.

    listener: told what is sent, before anything can happen to it.

    The gateway is at GATEWAY_PORT, which is what the meter was provisioned with.

    opened_count: how often it was opened.
    reachable: False during an outage that cuts connections; ``silent`` during one that lets them
    stand and swallows everything.
    """

    def __init__(
        self,
        meter_id: int,
        chance: random.Random,
        trace: Trace,
        accept: Accept,
        listener: Listener,
        frame_size_max: int,
    ) -> None:
        self.frame_size_max = frame_size_max
        self.wake: Callable[[], None] = _nobody
        self.reachable = True
        self.silent = False
        self.opened_count = 0
        self._meter_id = meter_id
        self._loop = asyncio.get_running_loop()
        self._port = 0
        self._accept = accept
        self._listener = listener
        self._trace = trace
        self._end: GatewayEnd | None = None
        self._dialling: asyncio.TimerHandle | None = None
        self._arrived = bytearray()
        self.up = Channel(chance, self._note_up, self._arrive_up)
        self.down = Channel(chance, lambda f: trace.note("down", meter_id, f), self._arrive_down)

    def configure(self, port: int, _baud: int) -> None:
        if port != self._port:
            self.hang_up()
        self._port = port

    def is_open(self) -> bool:
        return self._end is not None

    def drive(self, link_ms: int, *, wanted: bool) -> int | None:
        if not wanted:
            self.hang_up()
        elif self._end is None:
            if self._dialling is None:
                self._dialling = self._loop.call_later(_DIAL_S, self._dial)
            return link_ms + _REDIAL_MS
        return None

    def receive(self) -> bytes:
        chunk = bytes(self._arrived[:CHUNK_SIZE_MAX])
        del self._arrived[: len(chunk)]
        return chunk

    @property
    def has_more(self) -> bool:
        return bool(self._arrived)

    def transmit(self, stream: bytes) -> None:
        self.up.send(stream)

    def hang_up(self) -> None:
        """Close the link from the meter's side, or because its power is gone."""
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        if self._end is not None:
            self._end.close()
            self._end = None
        self._arrived.clear()

    def cut(self) -> None:
        """Close the link from outside; the meter learns of it."""
        if self._end is not None:
            self.hang_up()
            self.wake()

    def set_weather(self, weather: Weather) -> None:
        self.up.weather = self.down.weather = weather

    def _dial(self) -> None:
        self._dialling = None
        end = GatewayEnd(f"meter {self._meter_id}", self._write_down)
        if self.reachable and self._port in (0, GATEWAY_PORT) and self._accept(end):
            self._end = end
            self.opened_count += 1
            self.wake()

    def _note_up(self, frame: bytes) -> None:
        self._trace.note("up", self._meter_id, frame)
        self._listener.hear_up(frame)

    def _write_down(self, stream: bytes) -> None:
        self._listener.hear_down(stream)
        self.down.send(stream)

    def _arrive_up(self, frame: bytes) -> None:
        if self._end is not None and not self.silent:
            self._end.feed(frame)

    def _arrive_down(self, frame: bytes) -> None:
        if self._end is not None and not self.silent:
            self._arrived += frame
            self.wake()


def _nobody() -> None:
    """Nothing listens before the meter is there."""
