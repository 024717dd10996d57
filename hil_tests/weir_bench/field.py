"""A small field: some meters behind faulty lines, one gateway, one broker, one subscriber."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from weir_bench.broker import Mosquitto
from weir_bench.faulty_proxy import FaultyProxy, Script
from weir_bench.gateway import PREFIX, GatewayProgram
from weir_bench.programs import free_port
from weir_bench.requirements import require_micropython, require_mosquitto
from weir_bench.simulated.fleet import Fleet
from weir_bench.subscriber import PahoSubscriber
from weir_bench.witness import check_all_arrived, named_lost

IDLE_S = 4  # of silence, after which the gateway gives up a connection


@dataclass(frozen=True, slots=True)
class Field:
    """proxies: the line of each meter, in the order of the fleet's meters."""

    fleet: Fleet
    proxies: Sequence[FaultyProxy]
    gateway: GatewayProgram
    broker: Mosquitto
    subscriber: PahoSubscriber

    def calm(self) -> None:
        """Let no more faults happen on the lines."""

        async def calm() -> None:
            for proxy in self.proxies:
                proxy.calm()

        self.fleet.run(calm())

    def drain_to_broker(self) -> None:
        """Return when the gateway has every record that was made, and has published it."""
        self.fleet.let_drain(self._gateway_has_all)
        self.gateway.wait_until_published()

    def drain(self) -> None:
        """Return when the subscriber has heard of every record that was made."""
        self.drain_to_broker()
        self.subscriber.catch_up()

    def check_that_all_arrived(self) -> None:
        """Each record that a meter has in flash is on MQTT under one id, and none is lost."""
        readings = self.subscriber.readings.values()
        for meter in self.fleet.meters:
            meter_id = meter.identity.meter_id
            assert named_lost(self.gateway, meter_id) == set()
            check_all_arrived(meter.records(), readings, meter_id)

    def _gateway_has_all(self) -> bool:
        return all(
            self.gateway.client.meter(meter.identity.meter_id)["stored_count"]
            == meter.made_count()
            for meter in self.fleet.meters
        )


@contextlib.contextmanager
def open_field(folder: Path, scripts: Sequence[Script]) -> Iterator[Field]:
    """A meter for each script. Everything runs."""
    require_micropython()
    with contextlib.ExitStack() as stack:
        broker = Mosquitto(require_mosquitto(), folder / "broker")
        broker.start()
        stack.callback(broker.kill)
        subscriber = PahoSubscriber(broker.port, PREFIX, "field-subscriber")
        subscriber.open()
        stack.callback(subscriber.close)
        fleet = Fleet(folder / "meters", len(scripts))
        stack.callback(fleet.close)
        gateway, port = _start_gateway(folder, fleet, broker)
        stack.callback(gateway.close)
        proxies = [FaultyProxy(script, port) for script in scripts]
        for proxy in proxies:
            fleet.run(proxy.open())
        stack.callback(lambda: fleet.run(_close(proxies)))
        fleet.start([proxy.address for proxy in proxies])
        yield Field(fleet, proxies, gateway, broker, subscriber)


def _start_gateway(folder: Path, fleet: Fleet, broker: Mosquitto) -> tuple[GatewayProgram, int]:
    port = free_port()
    tables = f'[tcp]\nlisten = "127.0.0.1:{port}"\n'
    tables += f"idle_timeout_s = {IDLE_S}\nfirst_frame_timeout_s = {IDLE_S}\n"
    gateway = GatewayProgram(
        folder / "gateway",
        fleet.identities,
        broker_port=broker.port,
        tables=tables + fleet.clock_table(),
    )
    gateway.start()
    return gateway, port


async def _close(proxies: Sequence[FaultyProxy]) -> None:
    for proxy in proxies:
        await proxy.close()
