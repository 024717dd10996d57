"""How much the database takes, how fast it grows, and how long the disk will hold."""

import asyncio
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from weir_gateway import messages
from weir_gateway.errors import StoreUnavailable
from weir_gateway.store import Database

MEASURE_EVERY_S = 60.0
SAMPLE_EVERY_S = 600.0
WINDOW_S = 86_400.0
"""The rate is that of a whole day where so much is known: meters do not send evenly."""

RATE_AFTER_S = 300.0
"""From less than this no rate can be told."""

_log = logging.getLogger(__name__)


class Room(NamedTuple):
    """Bytes: of the files, in use within them, reusable within them, and free on the disk."""

    size_bytes: int
    used_bytes: int
    reusable_bytes: int
    free_bytes: int


class DiskWatch:
    """growth_bytes_per_h and hours_left are None until they can be told, or nothing grows."""

    def __init__(
        self,
        store: Database,
        database: Path,
        warning_h: int,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._database = database
        self._warning_h = warning_h
        self._monotonic_s = monotonic_s
        self._samples: deque[tuple[float, int]] = deque()
        self.room: Room | None = None
        self.growth_bytes_per_h: int | None = None

    @property
    def hours_left(self) -> int | None:
        if self.room is None or not self.growth_bytes_per_h or self.growth_bytes_per_h < 0:
            return None
        return (self.room.free_bytes + self.room.reusable_bytes) // self.growth_bytes_per_h

    @property
    def warning(self) -> str | None:
        """A sentence while the disk will be full before long, else None."""
        hours_left = self.hours_left
        if hours_left is None or hours_left >= self._warning_h:
            return None
        return messages.DISK_FILLS.format(path=self._database.parent, hours=hours_left)

    async def run(self) -> None:
        """Measure every minute until cancelled."""
        while True:
            try:
                self.note(await self._store.read(_measure, self._database))
            except (StoreUnavailable, OSError) as error:
                _log.debug("the disk cannot be measured now: %s", error)
            await asyncio.sleep(MEASURE_EVERY_S)

    def note(self, room: Room) -> None:
        """Take over a measurement."""
        now_s = self._monotonic_s()
        was_warning = self.warning is not None
        self.room = room
        while self._samples and now_s - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()
        if not self._samples or now_s - self._samples[-1][0] >= SAMPLE_EVERY_S:
            self._samples.append((now_s, room.used_bytes))
        since_s, used_bytes = self._samples[0]
        if now_s - since_s >= RATE_AFTER_S:
            self.growth_bytes_per_h = round(
                (room.used_bytes - used_bytes) * 3600 / (now_s - since_s)
            )
        if self.warning is not None and not was_warning:
            _log.warning("%s", self.warning)


def _measure(connection: sqlite3.Connection, database: Path) -> Room:
    page_bytes, pages, free_pages = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    disk = os.statvfs(database.parent)
    log = database.with_name(f"{database.name}-wal")
    return Room(
        size_bytes=sum(path.stat().st_size for path in (database, log) if path.exists()),
        used_bytes=(pages - free_pages) * page_bytes,
        reusable_bytes=free_pages * page_bytes,
        free_bytes=disk.f_bavail * disk.f_frsize,
    )
