"""A publisher on a real database, with a broker in memory."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.echo import until
from peers.memory_broker import MemoryBroker
from weir_gateway.publisher import Publisher
from weir_gateway.store import Store
from weir_gateway.topics import Topics


class Press:
    """A publisher on a real database and a broker in memory."""

    def __init__(self, folder: Path, window: int = 50) -> None:
        self.path = folder / "weir.db"
        self.books = Bookkeeping(self.path)
        self.books.connection.execute("PRAGMA busy_timeout = 30000")
        self.store = Store(self.path)
        self.broker = MemoryBroker(window)
        self.publisher = Publisher(self.store, self.broker, Topics("weir", "gw1"))
        self.broker.on_delivered = self.publisher.on_delivered
        self.broker.on_connected = self.publisher.on_connected
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.store.start()
        await self.publisher.load()
        self._task = asyncio.create_task(self.publisher.run())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.store.close()
        self.books.connection.close()

    def take(self, first: int, last: int, meter_id: int = METER, epoch: int = EPOCH) -> None:
        receipt = self.books.span(first, last, epoch, meter_id)
        self.publisher.add(meter_id, receipt.stored_count)

    def sequences(self, meter_id: int = METER) -> list[int]:
        documents = self.broker.documents(f"weir/{meter_id}/reading")
        return [document["sequence"] for document in documents]

    def live(self) -> list[tuple[int, int, int]]:
        """Return place, meter and sequence of the messages that are not historical."""
        found = []
        for place, message in enumerate(self.broker.sent):
            document = json.loads(message.payload)
            if not document["historical"]:
                found.append((place, document["meter_id"], document["sequence"]))
        return found

    def unpublished(self) -> int:
        query = "SELECT COUNT(*) FROM readings WHERE published = 0"
        return int(self.books.connection.execute(query).fetchone()[0])

    async def all_marked(self) -> None:
        await until(lambda: self.publisher.backlog == 0, "the backlog to be marked")
        assert self.unpublished() == 0


def run(
    folder: Path, scenario: Callable[[Press], Coroutine[Any, Any, None]], window: int = 50
) -> Press:
    async def started() -> Press:
        press = Press(folder, window)
        press.books.hello()
        await scenario(press)
        await press.stop()
        return press

    return asyncio.run(started())
