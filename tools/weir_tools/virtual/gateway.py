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
from weir_gateway.links.driver import Driver
from weir_gateway.links.reach import Reach
from weir_gateway.pusher import Pusher
from weir_gateway.reads import Reads
from weir_gateway.registry import Registry
from weir_protocol.framing import Deframer
from weir_tools.virtual.broker import VirtualBroker, VirtualOutlet
from weir_tools.virtual.ledger import Ledger
from weir_tools.virtual.link import GatewayEnd
from weir_tools.virtual.outgoing import Outgoing
from weir_tools.virtual.store import VirtualStore
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.witness import Witness


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
        self.clock = around.clock
        registry = Registry(around.keys)
        registry.load()
        self.custodian = Custodian(
            self.store, registry, around.clock, self.counters, self._on_taken, loop.time
        )
        self._reach = Reach()
        self._pusher = Pusher(self.store, self._reach, self.custodian, around.clock)
        self.outlet = VirtualOutlet(around.broker, around.chance, self._on_connected)
        self._outgoing = Outgoing(self.store, self.outlet, around.clock)
        self.publisher = self._outgoing.publisher
        self.reads = Reads(self.store, registry, around.clock, self._reach, self._pusher.wake)
        self.outlet.on_delivered = self._outgoing.on_delivered
        self.is_ready = False
        self.drivers: dict[GatewayEnd, asyncio.Task[None]] = {}
        self._parts = [self._spawn(part) for part in (self._publish(), *self._outgoing.parts())]

    def serve(self, end: GatewayEnd) -> None:
        driver = Driver(self.custodian, Deframer(), self.counters, reach=self._reach)
        task = self.drivers[end] = self._spawn(driver.run(end))
        task.add_done_callback(lambda _: self.drivers.pop(end, None))

    def note_change(self, meter_id: int) -> None:
        """Take note that a change of settings was made for a meter."""
        self._outgoing.note_change(meter_id)
        self._pusher.wake(meter_id)

    def end(self) -> None:
        """Be gone without another word."""
        self.store.die()
        self.outlet.die()
        for task in [*self._parts, *self.drivers.values()]:
            task.cancel()
        self._parts = [self._spawn(self._pusher.stop())]

    async def _publish(self) -> None:
        await self.publisher.load()
        self.is_ready = True
        self.outlet.open()
        await self.publisher.run()

    def _on_connected(self) -> None:
        self._outgoing.on_connected()

    def _on_taken(self, taken: Taken) -> None:
        self._outgoing.note(taken)

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
