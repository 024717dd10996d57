"""What must not grow: the gateway's collections in memory, and the wear of the meters' flash."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

from weir.assembly import RING_SECTOR
from weir.store.slots import SLOT_SIZE
from weir_tools.virtual.gateway import VirtualGateway
from weir_tools.virtual.ledger import Ledger
from weir_tools.virtual.meter import VirtualMeter

LOOK_EVERY_S = 3600.0
ITEMS_MAX = 3000
"""In one collection of the gateway; see UNMARKED_MAX and FETCH_MAX of weir_gateway.publisher."""

ITEMS_PER_METER_MAX = 64
PROGRAMS_PER_APPEND_MAX = 1.02
_PROGRAMS_PER_SECTOR_MAX = 4  # its old header spoilt, its new one, both copies of the end
_PROGRAMS_PER_CUT_MAX = 24  # a mount repairs, the counter and the headers are written again
_PROGRAMS_PER_STORE_MAX = 4  # of settings: two copies, of which each may spoil what was there
_PROGRAMS_PER_FRAME_MAX = 2 / 64  # both copies of the counter, a block of frames ahead

_COLLECTIONS = (dict, set, list, deque)
_OURS = ("weir_gateway.", "weir_protocol.")


async def watch_memory(gateway: VirtualGateway, meters: int, ledger: Ledger) -> None:
    """Look at the gateway's collections from time to time, until cancelled."""
    most = ITEMS_MAX + ITEMS_PER_METER_MAX * meters
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        life = gateway.life
        for name, size in _sizes(life) if life is not None else ():
            if size > most:
                ledger.breach(0, None, f"the gateway keeps {size} items in {name}")


def _sizes(life: object) -> Iterator[tuple[str, int]]:
    """Yield each collection that the gateway's parts hold, with the number of items in it."""
    seen: set[int] = set()
    waiting: list[Any] = list(_fields(life).values())
    while waiting:
        part = waiting.pop()
        if id(part) in seen or not type(part).__module__.startswith(_OURS):
            continue
        seen.add(id(part))
        for name, value in _fields(part).items():
            if isinstance(value, _COLLECTIONS):
                yield f"{type(part).__name__}.{name}", _size(value)
            else:
                waiting.append(value)


def _fields(part: Any) -> dict[str, Any]:
    slots = getattr(type(part), "__slots__", ())
    found = {name: getattr(part, name) for name in slots if hasattr(part, name)}
    return {**found, **getattr(part, "__dict__", {})}


def _size(collection: Any) -> int:
    inner = collection.values() if isinstance(collection, dict) else collection
    return len(collection) + sum(len(one) for one in inner if isinstance(one, _COLLECTIONS))


def check_wear(ledger: Ledger, meter: VirtualMeter, frames: int) -> None:
    """Erases are spread evenly over the ring, and an append costs hardly more than one program."""
    flash, cuts = meter.site.flash, meter.cut_count
    erases = flash.erases_of[RING_SECTOR:]
    if max(erases) - min(erases) > 1 + cuts:
        ledger.breach(meter.meter_id, None, f"its sectors wear unevenly: {erases} erases")
    per_sector = flash.sector_size // SLOT_SIZE - 1
    rings = [len(book.in_order) for book in (meter.book, meter.book.events)]
    appends = sum(rings)
    sectors = sum(one // per_sector + 1 for one in rings)
    most = (
        appends * PROGRAMS_PER_APPEND_MAX
        + sectors * _PROGRAMS_PER_SECTOR_MAX
        + cuts * _PROGRAMS_PER_CUT_MAX
        + meter.book.settings_stores * _PROGRAMS_PER_STORE_MAX
        + frames * _PROGRAMS_PER_FRAME_MAX
        + _PROGRAMS_PER_CUT_MAX
    )
    if flash.program_count > most:
        what = f"{flash.program_count} programs for {rings} appends and {cuts} cuts"
        ledger.breach(meter.meter_id, None, what)
