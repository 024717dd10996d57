"""The gateway in the virtual world: its real parts on one event loop, killed and started again."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir_gateway.clock import Clock
from weir_gateway.counters import RejectCounters
from weir_gateway.custody import Custodian, Taken
from weir_gateway.gap_publisher import GapPublisher
from weir_gateway.links.driver import Driver
from weir_gateway.mqtt import Delivery
from weir_gateway.publisher import Publisher
from weir_gateway.registry import Registry
from weir_gateway.topics import Topics
from weir_protocol.framing import Deframer
from weir_tools.virtual.broker import VirtualBroker, VirtualOutlet
from weir_tools.virtual.ledger import Ledger
from weir_tools.virtual.link import GatewayEnd
from weir_tools.virtual.store import VirtualStore
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.witness import Witness

TOPICS = Topics("weir", "virtual")
_GAP_SWEEP_S = 600.0  # the usual would be most of what happens in a world


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What outlasts a kill of the gateway."""

    database: Path
    keys: Path
    clock: Clock
    broker: VirtualBroker
    ledger: Ledger
    witness: Witness
    trace: Trace
    chance: random.Random


class _Life:
    """One run of the gateway's process."""

    def __init__(self, around: Surroundings, on_killed: Callable[[], None]) -> None:
        self._around = around
        loop = asyncio.get_running_loop()
        self.store = VirtualStore(
            around.database, around.chance, around.witness, around.trace, on_killed
        )
        self.counters = RejectCounters(monotonic_s=loop.time)
        registry = Registry(around.keys)
        registry.load()
        self.custodian = Custodian(
            self.store, registry, around.clock, self.counters, self._on_taken, loop.time
        )
        self.outlet = VirtualOutlet(around.broker, around.chance, self._on_connected)
        self.publisher = Publisher(self.store, self.outlet, TOPICS)
        self._gap_publisher = GapPublisher(
            self.store, self.outlet, TOPICS, around.clock, _GAP_SWEEP_S
        )
        self.outlet.on_delivered = self._on_delivered
        self.is_ready = False
        self.drivers: dict[GatewayEnd, asyncio.Task[None]] = {}
        self._parts = [self._spawn(self._publish()), self._spawn(self._gap_publisher.run())]

    def serve(self, end: GatewayEnd) -> None:
        driver = Driver(self.custodian, Deframer(), self.counters)
        task = self.drivers[end] = self._spawn(driver.run(end))
        task.add_done_callback(lambda _: self.drivers.pop(end, None))

    def end(self) -> None:
        """Be gone without another word."""
        self.store.die()
        self.outlet.die()
        for task in [*self._parts, *self.drivers.values()]:
            task.cancel()

    async def _publish(self) -> None:
        await self.publisher.load()
        self.is_ready = True
        self.outlet.open()
        await self.publisher.run()

    def _on_connected(self) -> None:
        self.publisher.on_connected()
        self._gap_publisher.on_connected()

    def _on_delivered(self, deliveries: list[Delivery]) -> None:
        self.publisher.on_delivered(deliveries)
        self._gap_publisher.on_delivered(deliveries)

    def _on_taken(self, taken: Taken) -> None:
        if taken.receipt.stored_count:
            self.publisher.add(taken.uplink.meter_id, taken.receipt.stored_count)
        if taken.receipt.lost_count:
            self._gap_publisher.note_lost()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._see_end)
        return task

    def _see_end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._around.ledger.breach(0, None, f"a part of the gateway failed: {fault!r}")


class VirtualGateway:
    """At most one life at a time. rejects: what all of them refused, by reason."""

    def __init__(self, around: Surroundings, on_killed: Callable[[], None]) -> None:
        self._around = around
        self._on_killed = on_killed
        self._life: _Life | None = None
        self.kill_count = 0
        self.rejects: Counter[str] = Counter()

    @property
    def life(self) -> _Life | None:
        return self._life

    def start(self) -> None:
        if self._life is None:
            self._around.trace.note("gateway_starts", 0)
            self._life = _Life(self._around, self.kill)

    def kill(self) -> None:
        """Take the process away now."""
        life, self._life = self._life, None
        if life is None:
            return
        self.kill_count += 1
        self._around.trace.note("gateway_killed", 0)
        self.rejects.update(life.counters.totals)
        life.end()
        self._on_killed()

    def stop_counting(self) -> None:
        """Add what the present life has refused so far."""
        if self._life is not None:
            self.rejects.update(self._life.counters.totals)

    def accept(self, end: GatewayEnd) -> bool:
        """Take a new link, if there is a gateway."""
        if self._life is None or not self._life.is_ready:
            return False
        self._life.serve(end)
        return True
