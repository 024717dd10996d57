"""A real meter and a real gateway at the two ends of a slow line, and the time of both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from weir_gateway.client import ClientError, GatewayClient
from weir_tools.demo.companions import Companion, start_broker
from weir_tools.demo.plan import STARTS_AT
from weir_tools.simulator import on_calendar
from weir_tools.simulator.channel import BenchChannel, Seat
from weir_tools.simulator.identity import Identity, add_keys
from weir_tools.simulator.inputs import Inputs
from weir_tools.simulator.slow_line import SlowLine
from weir_tools.simulator.stepping import CalendarFile, SteppedTime
from weir_tools.simulator.unix_meter import Launch, UnixMeter

SESSION_S_MAX = 1200.0  # 30 days at 1200 baud take 80 s

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

[[serial]]
port = "{device}"
baud = {baud}
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """Everything runs and the line is whole."""

    identity: Identity
    line: SlowLine
    time: SteppedTime
    client: GatewayClient
    flash: Path

    def stored_count(self) -> int:
        return int(self.client.meter(self.identity.meter_id)["stored_count"])

    def cut(self) -> None:
        """Lose all bytes; the meter's waiting for them takes no time."""
        self.line.is_cut = True
        self.time.let_answer(somebody=False)

    def mend(self) -> None:
        """The bytes on the line are counted from now on."""
        self.line.up.clear()
        self.line.down.clear()
        self.line.is_cut = False
        self.time.let_answer(somebody=True)


@contextlib.asynccontextmanager
async def open_stand(
    folder: Path, identity: Identity, inputs: Inputs, baud: int
) -> AsyncIterator[Stand]:
    """Start broker, gateway and meter in a folder; end them in the reverse order."""
    async with contextlib.AsyncExitStack() as stack:
        line = SlowLine(baud)
        stack.callback(line.close)
        calendar = CalendarFile(folder / "calendar", int(STARTS_AT.timestamp()))
        broker, broker_port = await start_broker(folder / "broker.log")
        stack.push_async_callback(broker.stop)
        add_keys(folder / "keys.txt", [identity])
        config = _CONFIG.format(broker_port=broker_port, device=line.gateway_device, baud=baud)
        (folder / "gateway.toml").write_text(config)
        client = GatewayClient(folder / "weir.sock")
        gateway = await _start_gateway(folder, calendar.path, client)
        stack.push_async_callback(gateway.stop)
        time = SteppedTime(calendar, patience_s=SESSION_S_MAX)
        time.let_answer(somebody=True)
        channel = BenchChannel(time)
        address = await channel.open()
        stack.push_async_callback(channel.close)
        seat = channel.add_seat(identity.meter_id, inputs)
        home = folder / "meter"
        meter = await _start_meter(home, identity, seat, address, f"pty:{line.meter_device}")
        stack.push_async_callback(meter.stop)
        time.let_run(meter=True)
        yield Stand(identity, line, time, client, home / "flash.bin")


async def _start_gateway(folder: Path, calendar: Path, client: GatewayClient) -> Companion:
    words = ["-P", on_calendar.__file__, str(calendar), "weir_tools", "gateway"]
    options = ["--stop-on-eof", "--config", str(folder / "gateway.toml")]
    gateway = Companion("gateway", [*words, *options], folder / "gateway.log")

    async def answers(_child: object) -> bool:
        try:
            client.gateway()
        except ClientError:
            return False
        return True

    await gateway.start(answers)
    return gateway


async def _start_meter(
    home: Path, identity: Identity, seat: Seat, bench: str, link: str
) -> UnixMeter:
    await asyncio.to_thread(home.mkdir)
    identity.write_into(home)
    meter = UnixMeter(seat, Launch(home, bench, link))
    await meter.start()
    return meter
