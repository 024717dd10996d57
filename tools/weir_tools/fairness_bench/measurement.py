"""Measures the acknowledgements of quiet meters, with a flood and without, in turns."""

import asyncio
import contextlib
import random
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from weir_gateway.client import ClientError, GatewayClient
from weir_tools.demo.companions import free_port, start_gateway
from weir_tools.fairness_bench.frames import BenchMeter
from weir_tools.simulator.identity import Identity, add_keys, new_key

FIRST_METER = 1001
FLOODING_METER = 666
BETWEEN_READINGS_S = 0.2
_ANSWER_S_MAX = 30.0
_SETTLE_S = 1.0  # a flood needs a moment to begin, and its queues one to run dry

_CONFIG = """\
[gateway]
id = "bench"
log_level = "error"

[mqtt]
host = "127.0.0.1"
port = {closed_port}

[tcp]
listen = "127.0.0.1:{port}"
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long acknowledgements took."""

    seconds: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        return median(self.seconds) * 1000

    @property
    def p99_ms(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] * 1000


@dataclass(frozen=True, slots=True)
class Trial:
    """The same meters without a flood and with it."""

    kind: str
    connections: int
    quiet: Waits
    flooded: Waits

    @property
    def factor(self) -> float:
        return self.flooded.median_ms / self.quiet.median_ms


class QuietMeter:
    """Sends a reading now and then, and waits for each to be acknowledged."""

    def __init__(self, meter: BenchMeter, port: int) -> None:
        self._meter = meter
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._ask(self._meter.hello())

    async def measure(self, seconds: float) -> list[float]:
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + seconds
        waits = []
        while loop.time() < ends_at_s:
            await asyncio.sleep(random.uniform(0.5, 1.5) * BETWEEN_READINGS_S)
            frame = self._meter.next_reading()
            began_s = loop.time()
            await self._ask(frame)
            waits.append(loop.time() - began_s)
        return waits

    def close(self) -> None:
        self._writer.close()

    async def _ask(self, frame: bytes) -> None:
        self._writer.write(frame)
        async with asyncio.timeout(_ANSWER_S_MAX):
            await self._reader.readuntil(b"\0")


async def run(
    folder: Path, floods: list[tuple[str, int]], *, meters: int, seconds: float
) -> list[Trial]:
    """Measure each flood (kind and connections) against the quiet before it."""
    identities = [
        Identity(meter_id, new_key(), 10)
        for meter_id in (FLOODING_METER, *range(FIRST_METER, FIRST_METER + meters))
    ]
    add_keys(folder / "keys.txt", identities)
    async with contextlib.AsyncExitStack() as stack:
        port = await _start(folder, stack)
        quiet = [QuietMeter(BenchMeter(one.meter_id, one.key), port) for one in identities[1:]]
        for one in quiet:
            await one.open()
            stack.callback(one.close)
        trials = []
        for kind, connections in floods:
            before = await _measure(quiet, seconds)
            async with _flood(port, kind, connections, identities[0]):
                during = await _measure(quiet, seconds)
            trials.append(Trial(kind, connections, before, during))
        return trials


async def _start(folder: Path, stack: contextlib.AsyncExitStack) -> int:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        closed_port = closed.getsockname()[1]
    config = folder / "gateway.toml"
    config.write_text(_CONFIG.format(port=port, closed_port=closed_port))
    client = GatewayClient(folder / "weir.sock")

    async def answers() -> bool:
        with contextlib.suppress(ClientError):
            client.gateway()
            return True
        return False

    gateway = await start_gateway(config, folder / "gateway.log", answers)
    stack.push_async_callback(gateway.stop)
    return port


async def _measure(meters: list[QuietMeter], seconds: float) -> Waits:
    await asyncio.sleep(_SETTLE_S)
    found = await asyncio.gather(*(one.measure(seconds) for one in meters))
    return Waits(tuple(wait for waits in found for wait in waits))


@contextlib.asynccontextmanager
async def _flood(port: int, kind: str, connections: int, meter: Identity) -> AsyncIterator[None]:
    words = ["-m", "weir_tools.fairness_bench.flood", str(port), kind, str(connections)]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, str(meter.meter_id), stdin=PIPE
    )
    assert child.stdin is not None
    child.stdin.write(f"{meter.key.hex()}\n".encode())
    try:
        yield
    finally:
        child.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_S_MAX):
                await child.wait()
        if child.returncode is None:
            child.kill()
