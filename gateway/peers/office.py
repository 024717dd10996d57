"""Custody without links: frames in, answers out, and a real database in between."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from peers.scripted_meter import ScriptedMeter
from weir_gateway.clock import Clock
from weir_gateway.counters import RejectCounters
from weir_gateway.custody import Custodian, Taken
from weir_gateway.registry import Registry
from weir_gateway.store import Store
from weir_protocol.framing import Deframer

METER = 1001


class Office:
    """A custodian on a real database, one meter, and a monotonic clock of its own."""

    clock = Clock()

    def __init__(self, folder: Path, meter: ScriptedMeter | None = None) -> None:
        self.database = folder / "weir.db"
        self.meter = meter or ScriptedMeter(METER)
        self.monotonic_s = 50.0
        keys = folder / "keys.txt"
        keys.touch(mode=0o600)
        keys.write_text(f"{self.meter.meter_id} {self.meter.key.hex()}\n")
        self.registry = Registry(keys)
        self.registry.load()
        self.counters = RejectCounters()
        self.store = Store(self.database)
        self.on_taken: Callable[[Taken], None] = lambda _: None
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory, as after a restart of the gateway."""
        self.custodian = Custodian(
            self.store,
            self.registry,
            self.clock,
            self.counters,
            self._on_taken,
            monotonic_s=lambda: self.monotonic_s,
        )

    def _on_taken(self, taken: Taken) -> None:
        self.on_taken(taken)

    async def tell(self, stream_bytes: bytes) -> dict[str, Any]:
        """Let the meter say one frame; return the acknowledgement, and let the meter be asked."""
        (frame,) = Deframer().feed(stream_bytes)
        self.meter.asked = []
        answer = self.custodian.submit(frame, "test")
        assert answer is not None, self.counters.totals
        stream = await answer
        assert stream is not None, self.counters.totals
        (acknowledgement,) = self.meter.answers(stream)
        return acknowledgement

    @staticmethod
    def frames(stream_bytes: bytes) -> list[bytes]:
        return Deframer().feed(stream_bytes)

    def gaps(self) -> list[tuple[int, int, str]]:
        with closing(self.connect()) as connection:
            return connection.execute(
                "SELECT first_sequence, last_sequence, state FROM gaps ORDER BY first_sequence"
            ).fetchall()

    def held(self) -> list[int]:
        with closing(self.connect()) as connection:
            rows = connection.execute("SELECT sequence FROM readings ORDER BY sequence")
            return [sequence for (sequence,) in rows]

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.database)


class HasStore(Protocol):
    store: Store


Kept = TypeVar("Kept", bound=HasStore)


def keep_open(
    make: Callable[[], Kept], scenario: Callable[[Kept], Coroutine[Any, Any, None]]
) -> Kept:
    """Make an office, let ``scenario`` happen while its store is open, and return it."""

    async def opened() -> Kept:
        office = make()
        office.store.start()
        await scenario(office)
        await office.store.close()
        return office

    return asyncio.run(opened())
