"""A meter: the real firmware on virtual ports, whose power can go at any moment.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from weir.assembly import EVENT_SECTOR, RING_SECTOR, assemble
from weir.store.slots import SLOT_SIZE
from weir.wake_cycle import WakeCycle
from weir_tools.virtual.board import Board, Site
from weir_tools.virtual.flash import CUT_MODES, PowerCut
from weir_tools.virtual.ledger import BootSpan, MeterBook
from weir_tools.virtual.loop import VirtualTime
from weir_tools.virtual.observer import Observer
from weir_tools.virtual.trace import Trace

_BOOT_S = 0.05  # from power to the first step
_BROWN_OUT_S = 3.0  # how long a supply that is not steady lasts at most
_OPERATIONS_AT_BOOT = 3  # flash operations of a boot that a brown-out may strike


class VirtualMeter:
    """Steps its firmware when it is due. Everything it appends goes into its book first.

    brown_outs: how many of the next boots fail soon. cut_count: losses of power so far.
    breach: told of what is broken. on_rest: told after each step that leaves the link closed.
    """

    def __init__(
        self,
        instant: VirtualTime,
        site: Site,
        book: MeterBook,
        trace: Trace,
        chance: random.Random,
        breach: Callable[[int, int | None, str], None],
    ) -> None:
        self._instant = instant
        self._loop = asyncio.get_running_loop()
        self._site = site
        self._trace = trace
        self._chance = chance
        self._breach = breach
        self._timer: asyncio.Handle | None = None
        self._board: Board | None = None
        self._cycle: WakeCycle | None = None
        self._observer: Observer | None = None
        self.book = book
        self.brown_outs = 0
        self.cut_count = 0
        self.step_count = 0
        self.on_rest: Callable[[VirtualMeter], None] = _ignore
        site.link.wake = site.senses.wake = self.wake
        self._worn_sectors: set[int] = set()
        self._note_capacity()

    @property
    def meter_id(self) -> int:
        return self._site.keys.meter_id

    @property
    def settings(self) -> Any:
        """What is in force (weir.settings.in_force.Settings), None before the first boot."""
        return None if self._observer is None else self._observer.settings

    @property
    def raised_codes(self) -> list[int]:
        return [] if self._observer is None else self._observer.raised_codes

    @property
    def site(self) -> Site:
        return self._site

    def switch_on(self) -> None:
        """Give it power. It boots, unless that is cut short as well."""
        self._trace.note("boot", self.meter_id)
        flash = self._site.flash
        flash.cut_at = -1
        if self.brown_outs:
            self.brown_outs -= 1
            self.strike_flash(self._chance.randrange(_OPERATIONS_AT_BOOT))
            self._loop.call_later(self._chance.uniform(0, _BROWN_OUT_S), self._brown_out)
        board = self._board = Board(self._instant, self._site)
        self.book.boots.append(BootSpan(board.began_totals))
        try:
            self._cycle = assemble(board)
        except PowerCut:
            self._lose_power()
            return
        self._observer = Observer(
            self._instant, self._site.water, self.book, self._breach, self._cycle
        )
        self._timer = self._loop.call_later(_BOOT_S, self._step)

    def switch_off(self) -> None:
        """Stop it for good, between two steps."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._cycle = None
        self._site.link.hang_up()

    def cut_power(self) -> None:
        """Take the power away now; what is in memory is gone."""
        if self._cycle is not None:
            self._lose_power()

    def strike_flash(self, operations: int) -> None:
        """Take the power away inside a flash operation, after so many whole ones."""
        flash = self._site.flash
        flash.cut_at = flash.operation_count + operations
        flash.cut_mode = self._chance.choice(CUT_MODES)

    def wear(self) -> None:
        """Let a bit of the ring stick, in a sector that is not being written."""
        if self._observer is None:
            return
        flash, chance = self._site.flash, self._chance
        newest = RING_SECTOR + self._observer.readings._ring._newest
        sector = chance.randrange(RING_SECTOR, flash.sector_count)
        if sector == newest:
            return
        self._worn_sectors.add(sector)
        self._note_capacity()
        place = chance.randrange(flash.sector_size)
        bits = 1 << chance.randrange(8)
        self._note_rot(sector * flash.sector_size, place // SLOT_SIZE)
        flash.stick(sector * flash.sector_size + place, chance.choice((0, bits)), bits)

    def _note_capacity(self) -> None:
        """Note how much the ring must keep: all but the sector being cleared and worn ones."""
        flash = self._site.flash
        sectors = flash.sector_count - RING_SECTOR - 1 - len(self._worn_sectors)
        per_sector = flash.sector_size // SLOT_SIZE - 1
        self.book.ring_keeps = max(0, sectors) * per_sector
        self.book.events.ring_keeps = (RING_SECTOR - EVENT_SECTOR - 1) * per_sector

    def _note_rot(self, start: int, slot: int) -> None:
        """Note what a slot of the sector at ``start`` holds; with its header all may be lost."""
        flash = self._site.flash
        slots = (slot,) if slot else range(1, flash.sector_size // SLOT_SIZE)
        for each in slots:
            at = start + each * SLOT_SIZE
            sequence = int.from_bytes(flash.cells[at : at + 4], "little")
            self.book.rotten.add((self.book.epoch, sequence))

    def jump_clock(self, span_ms: int) -> None:
        """Let the meter's own clock go forward by a span at once."""
        if self._board is not None:
            self._board.jumped_ms += span_ms
            self.wake()

    def wake(self) -> None:
        """Let the firmware step now: the link or a sense has something to say."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_soon(self._step)

    def _step(self) -> None:
        cycle, board = self._cycle, self._board
        if cycle is None or board is None:
            return
        self.step_count += 1
        try:
            cycle.turn()
        except PowerCut:
            self._lose_power()
            return
        assert self._observer is not None
        self._observer.follow()
        link = self._site.link
        if link.has_more or self._site.senses.is_news:
            self._timer = self._loop.call_soon(self._step)
        else:
            self._timer = self._loop.call_at(board.wake_at_us / 1e6, self._step)
            if not link.is_open():
                self.on_rest(self)

    def _brown_out(self) -> None:
        if self._site.flash.cut_at >= 0:
            self.cut_power()

    def _lose_power(self) -> None:
        self.cut_count += 1
        self._trace.note("cut", self.meter_id)
        self.switch_off()
        self._site.flash.cut_at = -1
        self.book.boots[-1].ended = self._site.water.totals(self._instant.now_us)
        off_s = self._chance.choice((1.0, 30.0, 1800.0)) * self._chance.random()
        self._loop.call_later(off_s, self.switch_on)


def _ignore(_meter: VirtualMeter) -> None:
    """What nobody asked to hear of."""
