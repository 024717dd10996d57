"""What HELLO says about the meter."""

from weir.link.tables_gen import LAYOUTS, TYPE_HELLO

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from weir.hal.clock import Clock
    from weir.hal.power import Power
    from weir.metrology.interval import Interval
    from weir.metrology.registers import Registers
    from weir.schedule.timekeeper import Timekeeper
    from weir.settings import Settings
    from weir.store.journal import Journal

FIRMWARE_VERSION = (0, 1, 0)
MEDIUM_WATER = 0


class SelfDescription:
    """Called, it returns the values of HELLO in the order of its layout."""

    def __init__(
        self,
        settings: "Settings",
        clock: "Clock",
        power: "Power",
        timekeeper: "Timekeeper",
        journal: "Journal",
        registers: "Registers",
        interval: "Interval",
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._power = power
        self._timekeeper = timekeeper
        self._journal = journal
        self._registers = registers
        self._interval = interval

    def __call__(self) -> "list[int]":
        values = self._values()
        return [values[name] for name in LAYOUTS[TYPE_HELLO][1]]

    def _values(self) -> "dict[str, int]":
        now_ms = self._clock.now_ms()
        settings = self._settings
        return {
            "firmware_major": FIRMWARE_VERSION[0],
            "firmware_minor": FIRMWARE_VERSION[1],
            "firmware_patch": FIRMWARE_VERSION[2],
            "reset_cause": self._power.reset_cause(),
            "medium": MEDIUM_WATER,
            "settings_version": settings.version,
            "boot_sequence": self._journal.boot_sequence,
            "sequence_oldest": self._journal.sequence_oldest,
            "sequence_next": self._journal.sequence_next,
            "clock_s": self._timekeeper.calendar_ms(now_ms) // 1000,
            "time_quality": self._timekeeper.quality(now_ms),
            "status": self._interval.status,
            "battery_mv": self._power.battery_mv(),
            "forward_pulses": self._registers.forward_pulses,
            "reverse_pulses": self._registers.reverse_pulses,
            "pulse_weight_ml": settings.pulse_weight_ml,
            "sample_interval_s": settings.sample_interval_s,
            "store_interval_s": settings.store_interval_s,
            "send_interval_s": settings.send_interval_s,
            "frame_size_max": settings.frame_size_max,
        }
