"""Real meters on TCP and on ptys, a real gateway and a real broker, all in real time.

The links of these meters stay open, as on mains power, so that nothing waits for a session.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from weir_gateway.client import ClientError, GatewayClient
from weir_tools import messages
from weir_tools.alarm_bench.broker import Mosquitto
from weir_tools.demo.companions import Companion, free_port, start_gateway
from weir_tools.errors import Failed
from weir_tools.simulator.cable import open_pty_cable
from weir_tools.simulator.channel import BenchChannel
from weir_tools.simulator.identity import Identity, add_keys, new_key
from weir_tools.simulator.inputs import HandFedInputs
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.senses import Senses
from weir_tools.simulator.unix_meter import Launch, UnixMeter
from weir_tools.simulator.waiting import until

KINDS = ("tcp", "pty")
FIRST_METER = 1001
SETTLE_S_MAX = 60.0

_SETTINGS = {"link_hold": 1} | {
    f"tamper_{what}_quiet_s": 10 for what in ("cover", "magnet", "cable")
}
_CONFIG = """\
[gateway]
id = "bench"
database = "weir.db"
keys = "keys.txt"
socket = "weir.sock"
log_level = "warning"

[mqtt]
host = "127.0.0.1"
port = {broker_port}

[tcp]
listen = "127.0.0.1:{port}"
"""
_SERIAL = '\n[[serial]]\nport = "{device}"\n'


@dataclass(frozen=True, slots=True)
class Post:
    """One meter, and what its sensors feel. kind: of its link."""

    kind: str
    meter_id: int
    senses: Senses


@dataclass(frozen=True, slots=True)
class Stand:
    posts: tuple[Post, ...]
    client: GatewayClient
    broker_port: int


@contextlib.asynccontextmanager
async def open_stand(folder: Path, meters_of_kind: int) -> AsyncIterator[Stand]:
    """Start all in a folder and wait until every meter was heard; end it in the reverse order."""
    kinds = [kind for kind in KINDS for _ in range(meters_of_kind)]
    identities = [
        Identity(FIRST_METER + place, new_key(), 1000, settings=_SETTINGS)
        for place in range(len(kinds))
    ]
    add_keys(folder / "keys.txt", identities)
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        broker = Mosquitto(folder)
        stack.push_async_callback(broker.stop)
        await broker.start()
        links, devices = _lay_links(kinds, port, stack)
        config = _CONFIG.format(broker_port=broker.port, port=port)
        serial = "".join(_SERIAL.format(device=device) for device in devices)
        (folder / "gateway.toml").write_text(config + serial)
        client = GatewayClient(folder / "weir.sock")
        gateway = await _start_gateway(folder, client)
        stack.push_async_callback(gateway.stop)
        channel = BenchChannel(PacedTime(speed=1.0))
        address = await channel.open()
        stack.push_async_callback(channel.close)
        posts = []
        for kind, link, identity in zip(kinds, links, identities, strict=True):
            inputs = HandFedInputs()
            home = folder / f"meter-{identity.meter_id}"
            home.mkdir()
            identity.write_into(home)
            seat = channel.add_seat(identity.meter_id, inputs)
            meter = UnixMeter(seat, Launch(home, address, link))
            stack.push_async_callback(meter.stop)
            await meter.start()
            posts.append(Post(kind, identity.meter_id, inputs.senses))
        await _all_heard(client, posts)
        yield Stand(tuple(posts), client, broker.port)


def _lay_links(
    kinds: list[str], port: int, stack: contextlib.AsyncExitStack
) -> tuple[list[str], list[str]]:
    """Return the link of each meter, and the devices that the gateway opens."""
    links, devices = [], []
    for kind in kinds:
        if kind == "tcp":
            links.append(f"tcp:127.0.0.1:{port}")
        else:
            cable, meter_device, gateway_device = open_pty_cable()
            stack.callback(cable.close)
            links.append(f"pty:{meter_device}")
            devices.append(gateway_device)
    return links, devices


async def _start_gateway(folder: Path, client: GatewayClient) -> Companion:
    async def answers() -> bool:
        try:
            await asyncio.to_thread(client.gateway)
        except ClientError:
            return False
        return True

    return await start_gateway(folder / "gateway.toml", folder / "gateway.log", answers)


async def _all_heard(client: GatewayClient, posts: list[Post]) -> None:
    async def heard() -> bool:
        meters = await asyncio.to_thread(client.meters)
        return all(meter["state"] is not None for meter in meters)

    if not await until(heard, timeout_s=SETTLE_S_MAX):
        count = len(posts)
        raise Failed(messages.BENCH_METERS_UNHEARD.format(count=count, seconds=SETTLE_S_MAX))
