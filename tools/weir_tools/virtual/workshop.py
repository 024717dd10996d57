"""Makes the meters of a world.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import sqlite3

from weir.assembly import RING_SECTOR
from weir_tools.virtual.board import Identity, Site
from weir_tools.virtual.flash import FaultyFlash
from weir_tools.virtual.ledger import Ledger
from weir_tools.virtual.link import Accept, VirtualLink
from weir_tools.virtual.listener import Listener
from weir_tools.virtual.loop import VirtualTime
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.ring_cuts import age_flash
from weir_tools.virtual.scenario import Equipment, Scenario, equipment
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.water import Water

_FIRST_METER_ID = 1001
_AGED = (1 << 32) - 1  # registers and sequences of an old meter are a little below it


class Workshop:
    """accept: takes the links of the meters at the gateway."""

    def __init__(
        self,
        scenario: Scenario,
        instant: VirtualTime,
        ledger: Ledger,
        trace: Trace,
        accept: Accept,
        database: sqlite3.Connection,
    ) -> None:
        self._scenario = scenario
        self._instant = instant
        self._ledger = ledger
        self._trace = trace
        self._accept = accept
        self._database = database

    def make(
        self, number: int, made: Equipment | None = None, water: Water | None = None
    ) -> VirtualMeter:
        """Make a meter. What is not given, the scenario's chance draws."""
        meter_id = _FIRST_METER_ID + number
        chance = self._scenario.chance(f"meter {number}")
        made = made or equipment(chance)
        keys = Identity(
            meter_id,
            chance.randbytes(16),
            made.sample_interval_s,
            made.store_interval_s,
            made.send_interval_s,
        )
        flash = FaultyFlash(made.sector_size, RING_SECTOR + made.ring_sectors, made.program_size)
        book = self._ledger.book(meter_id)
        if made.is_old:
            book.registers = (_AGED - chance.randrange(9000), _AGED - chance.randrange(90))
            sequence = _AGED - chance.randrange(300)
            age_flash(flash, chance.getrandbits(32), sequence, book.registers)
        link = VirtualLink(
            meter_id,
            self._scenario.chance(f"link {number}"),
            self._trace,
            self._accept,
            Listener(self._ledger, self._database, book, keys.key),
            made.frame_size_max,
        )
        water = water or Water(self._scenario.chance(f"water {number}"))
        site = Site(keys, flash, link, water, chance, made.drift_ppm)
        return VirtualMeter(self._instant, site, book, self._trace, chance, self._ledger.breach)
