"""What a port gives to the firmware, for one boot of a virtual meter.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import random
from dataclasses import dataclass, field

from weir.ports.aes_on_host import HostAes
from weir.settings import table_gen as g
from weir_tools.simulator.senses import Senses
from weir_tools.virtual.flash import FaultyFlash
from weir_tools.virtual.link import VirtualLink
from weir_tools.virtual.loop import VirtualTime
from weir_tools.virtual.water import Water

_POWER_ON = 1
_BATTERY_MV = 3600
_MILLION = 1_000_000
_MASK = 0xFFFF_FFFF


@dataclass(slots=True)
class Identity:
    """What the meter was provisioned with (weir.hal.key_store)."""

    meter_id: int
    key: bytes
    sample_interval_s: int
    store_interval_s: int
    send_interval_s: int
    pulse_weight_ml: int = 1000

    @property
    def settings(self) -> dict[int, int]:
        return {
            g.K_SAMPLE_INTERVAL_S: self.sample_interval_s,
            g.K_STORE_INTERVAL_S: self.store_interval_s,
            g.K_SEND_INTERVAL_S: self.send_interval_s,
            g.K_PULSE_WEIGHT_ML: self.pulse_weight_ml,
        }


@dataclass(frozen=True, slots=True)
class Site:
    """What outlasts a loss of power. drift_ppm: how fast the meter's oscillator is."""

    keys: Identity
    flash: FaultyFlash
    link: VirtualLink
    water: Water
    chance: random.Random
    drift_ppm: int
    senses: Senses = field(default_factory=lambda: Senses(battery_mv=_BATTERY_MV))


class Board:
    """Board, clock, power, pulse counter, senses and pressure input of one boot.

    wake_at_us: when the firmware wants its next step. jumped_ms: how far its clock jumped.
    """

    def __init__(self, instant: VirtualTime, site: Site) -> None:
        self._instant = instant
        self._water = site.water
        self._chance = site.chance
        self._drift_ppm = site.drift_ppm
        self._began_us = instant.now_us
        self.began_totals = self._water.totals(instant.now_us)
        self.keys, self.flash, self.link = site.keys, site.flash, site.link
        self.clock = self.power = self.pulses = self.analog = self.senses = self
        self._felt = site.senses
        self._felt.forget()
        self._transitions_at_boot = self._felt.illegal_transitions
        self.aes = HostAes
        self._is_warm = False  # the pressure sensor, which gives nothing before
        self.jumped_ms = 0
        self.wake_at_us = instant.now_us

    def draw_u32(self) -> int:
        return self._chance.getrandbits(32)

    def now_ms(self) -> int:
        elapsed_us = self._instant.now_us - self._began_us
        return (elapsed_us + elapsed_us * self._drift_ppm // _MILLION) // 1000 + self.jumped_ms

    def link_ms(self) -> int:
        return self.now_ms()

    def count_as(self, mode: int, debounce_close_ms: int, debounce_open_ms: int) -> None:
        """Pulses come counted already, forward and reverse apart."""

    def measure_with(self, sensor: int, range_kpa: int, warm_up_ms: int) -> None:
        """Pressure comes in kPa."""

    def forward_pulses(self) -> int:
        return (self._water.totals(self._instant.now_us)[0] - self.began_totals[0]) & _MASK

    def reverse_pulses(self) -> int:
        return (self._water.totals(self._instant.now_us)[1] - self.began_totals[1]) & _MASK

    def pressure_kpa(self) -> int | None:
        return self._water.pressure_kpa() if self._is_warm else None

    def battery_mv(self) -> int:
        return self._felt.battery_mv

    def sensed(self) -> int:
        return self._felt.take()

    def illegal_transitions(self) -> int:
        return (self._felt.illegal_transitions - self._transitions_at_boot) & _MASK

    def reset_cause(self) -> int:
        return _POWER_ON

    def sleep(
        self, wake_at_ms: int, link_wake_at_ms: int | None, *, pressure_wanted: bool
    ) -> None:
        """Note until when; the world turns meanwhile."""
        self._is_warm = pressure_wanted
        if link_wake_at_ms is not None and link_wake_at_ms < wake_at_ms:
            wake_at_ms = link_wake_at_ms
        wanted_us = (wake_at_ms - self.jumped_ms) * 1000
        elapsed_us = -(-wanted_us * _MILLION // (_MILLION + self._drift_ppm))
        self.wake_at_us = self._began_us + max(elapsed_us, 0)
