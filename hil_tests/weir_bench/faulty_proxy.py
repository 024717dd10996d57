"""A TCP proxy between meters and their gateway that does to bytes what bad networks do.

Faults fall on places in the byte stream, drawn from a seed, so they do not depend on how TCP has
cut the stream into segments.
"""

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from weir_bench.roles import Direction
from weir_tools.simulator.wire import BITS_A_BYTE

Fault = Literal["drop", "duplicate", "corrupt", "delay", "cut", "silence"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_LOOPBACK = "127.0.0.1"
_READ_SIZE = 4096
_RUN_SIZE_MAX = 40  # bytes that are dropped or sent twice together
_DELAY_S_MAX = 0.3


@dataclass(frozen=True, slots=True)
class Script:
    """faults: which of them happen, in a turn that the seed chooses.

    gap_size: bytes between two faults, in the mean. baud: None for a line without a limit.
    """

    faults: tuple[Fault, ...]
    seed: int
    gap_size: int = 100
    baud: int | None = None


@dataclass(slots=True)
class Call:
    """One connection of a meter. hung_up: "up" when the meter closed it, "down" the gateway."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    is_silent: bool = False
    hung_up: set[Direction] = field(default_factory=set)

    @property
    def is_forgotten(self) -> bool:
        """Whether both ends have noticed that it is dead."""
        return len(self.hung_up) == 2

    def abort(self) -> None:
        self.near.transport.abort()
        self.far.transport.abort()


class FaultyProxy:
    """address: what the meter calls. happened: how often each fault did. calls: all so far.

    script: what it does. It belongs to one event loop.
    """

    def __init__(self, script: Script, gateway_port: int) -> None:
        self.address = ""
        self.happened: Counter[str] = Counter()
        self.calls: list[Call] = []
        self.script = script
        self._gateway_port = gateway_port
        self._is_calm = False
        self._faults = _in_turn(script)
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, _LOOPBACK, 0)
        self.address = f"{_LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def calm(self) -> None:
        """Let no more faults happen. A connection that fell silent stays so."""
        self._is_calm = True

    async def close(self) -> None:
        """Hang up everywhere; return when no call is carried any more."""
        if self._server is not None:
            self._server.close()
        for call in self.calls:
            call.abort()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one call. Where the gateway does not listen, the meter's call fails too."""
        carrying = asyncio.current_task()
        assert carrying is not None
        self._carrying.add(carrying)
        carrying.add_done_callback(self._carrying.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection(_LOOPBACK, self._gateway_port)
        except OSError:
            writer.transport.abort()
            return
        call = Call(writer, far_writer)
        self.calls.append(call)
        seed = f"{self.script.seed} {len(self.calls)}"
        await asyncio.gather(
            self._pump(call, reader, far_writer, "up", random.Random(seed + " up")),
            self._pump(call, far_reader, writer, "down", random.Random(seed + " down")),
        )

    async def _pump(
        self,
        call: Call,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
        chance: random.Random,
    ) -> None:
        """Carry one direction to its end, and tell the far side of it, unless the line is dead."""
        places = self._places(chance)
        until_fault = next(places)
        with contextlib.suppress(OSError):
            while chunk := await reader.read(min(_READ_SIZE, until_fault)):
                until_fault -= len(chunk)
                if until_fault == 0:
                    chunk = await self._spoil(call, chunk, writer, chance)
                    until_fault = next(places)
                if not call.is_silent:
                    await self._carry(chunk, writer)
        call.hung_up.add(direction)
        if call.is_silent:
            (call.near if direction == "up" else call.far).close()
        else:
            writer.close()

    def _places(self, chance: random.Random) -> Iterator[int]:
        while True:
            yield chance.randrange(1, 2 * self.script.gap_size)

    async def _carry(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self.script.baud is not None:
            await asyncio.sleep(len(chunk) * BITS_A_BYTE / self.script.baud)
        writer.write(chunk)
        await writer.drain()

    async def _spoil(
        self, call: Call, chunk: bytes, writer: asyncio.StreamWriter, chance: random.Random
    ) -> bytes:
        """Let a fault happen at the end of a chunk; return what is left to carry."""
        if self._is_calm or not self.script.faults or call.is_silent:
            return chunk
        fault = next(self._faults)
        self.happened[fault] += 1
        if fault == "drop":
            return chunk[: -chance.randrange(1, _RUN_SIZE_MAX)]
        if fault == "duplicate":
            return chunk + chunk[-chance.randrange(1, _RUN_SIZE_MAX) :]
        if fault == "corrupt":
            return chunk[:-1] + bytes([chunk[-1] ^ chance.randrange(1, 256)])
        if fault == "delay":
            await asyncio.sleep(chance.uniform(0, _DELAY_S_MAX))
        elif fault == "cut":  # in mid-frame: the far side has the bytes before it
            await self._carry(chunk, writer)
            call.abort()
            return b""
        else:
            call.is_silent = True
        return chunk


def _in_turn(script: Script) -> Iterator[Fault]:
    faults = list(script.faults)
    random.Random(script.seed).shuffle(faults)
    return itertools.cycle(faults)
