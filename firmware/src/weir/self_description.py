"""What HELLO says about the meter."""

from micropython import const
from weir.link.tables_gen import LAYOUTS, TYPE_HELLO

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.hal.clock import Clock
    from weir.hal.key_store import KeyStore
    from weir.hal.power import Power
    from weir.metrology.interval import Interval
    from weir.metrology.registers import Registers
    from weir.schedule.timekeeper import Timekeeper
    from weir.store.journal import Journal

_FIRMWARE_VERSION = (0, 1, 0)
_MEDIUM_WATER = const(0)
_SETTINGS_VERSION = const(0)  # as provisioned


class SelfDescription:
    """Called, it returns the values of HELLO in the order of its layout."""

    def __init__(
        self,
        keys: "KeyStore",
        clock: "Clock",
        power: "Power",
        timekeeper: "Timekeeper",
        journal: "Journal",
        registers: "Registers",
        interval: "Interval",
        frame_size_max: int,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._power = power
        self._timekeeper = timekeeper
        self._journal = journal
        self._registers = registers
        self._interval = interval
        self._frame_size_max = frame_size_max

    def __call__(self) -> "list[int]":
        values = self._values()
        return [values[name] for name in LAYOUTS[TYPE_HELLO][1].split()]

    def _values(self) -> "dict[str, int]":
        now_ms = self._clock.now_ms()
        keys = self._keys
        return {
            "firmware_major": _FIRMWARE_VERSION[0],
            "firmware_minor": _FIRMWARE_VERSION[1],
            "firmware_patch": _FIRMWARE_VERSION[2],
            "reset_cause": self._power.reset_cause(),
            "medium": _MEDIUM_WATER,
            "settings_version": _SETTINGS_VERSION,
            "boot_sequence": self._journal.boot_sequence,
            "sequence_oldest": self._journal.sequence_oldest,
            "sequence_next": self._journal.sequence_next,
            "clock_s": self._timekeeper.calendar_ms(now_ms) // 1000,
            "time_quality": self._timekeeper.quality(now_ms),
            "status": self._interval.status,
            "battery_mv": self._power.battery_mv(),
            "forward_pulses": self._registers.forward_pulses,
            "reverse_pulses": self._registers.reverse_pulses,
            "pulse_weight_ml": keys.pulse_weight_ml,
            "sample_interval_s": keys.sample_interval_s,
            "store_interval_s": keys.store_interval_s,
            "send_interval_s": keys.send_interval_s,
            "frame_size_max": self._frame_size_max,
        }
