"""What HELLO and STATUS say about the meter."""

from micropython import const
from weir.link import tables_gen as t
from weir.settings import table_gen as g

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol

    from weir.alarm_watch import AlarmWatch
    from weir.hal.clock import Clock
    from weir.hal.power import Power
    from weir.metrology.interval import Interval
    from weir.metrology.registers import Registers
    from weir.schedule.timekeeper import Timekeeper
    from weir.settings.in_force import Settings
    from weir.store.journal import Journal

    class Link(Protocol):
        """See weir.hal.byte_link."""

        frame_size_max: int

    class Board(Protocol):
        """What the description needs of a board; see weir.hal.board."""

        @property
        def clock(self) -> Clock: ...
        @property
        def power(self) -> Power: ...
        @property
        def link(self) -> Link: ...


_FIRMWARE_VERSION = (0, 1, 0)
_MEDIUM_WATER = const(0)


class SelfDescription:
    """Called, it returns the values of HELLO in the order of its layout.

    reset_cause: why this boot began; see weir.hal.power.
    """

    def __init__(
        self,
        board: "Board",
        settings: "Settings",
        timekeeper: "Timekeeper",
        journal: "Journal",
        registers: "Registers",
        interval: "Interval",
        watch: "AlarmWatch",
    ) -> None:
        self._clock = board.clock
        self._power = board.power
        self.reset_cause = board.power.reset_cause()
        self._frame_size_max = board.link.frame_size_max
        self._settings = settings
        self._timekeeper = timekeeper
        self._journal = journal
        self._registers = registers
        self._interval = interval
        self._watch = watch

    def __call__(self) -> "list[int]":
        values = self._values(self._clock.now_ms())
        value = self._settings.value
        values["firmware_major"] = _FIRMWARE_VERSION[0]
        values["firmware_minor"] = _FIRMWARE_VERSION[1]
        values["firmware_patch"] = _FIRMWARE_VERSION[2]
        values["reset_cause"] = self.reset_cause
        values["medium"] = _MEDIUM_WATER
        values["boot_sequence"] = self._journal.boot_sequence
        values["sequence_oldest"] = self._journal.sequence_oldest
        values["sequence_next"] = self._journal.sequence_next
        values["clock_s"] = values["taken_at_s"]
        values["pulse_weight_ml"] = value(g.K_PULSE_WEIGHT_ML)
        values["sample_interval_s"] = value(g.K_SAMPLE_INTERVAL_S)
        values["store_interval_s"] = value(g.K_STORE_INTERVAL_S)
        values["send_interval_s"] = value(g.K_SEND_INTERVAL_S)
        values["frame_size_max"] = self._frame_size_max
        return _in_order(t.TYPE_HELLO, values)

    def reading(self, now_ms: int, flow_l_per_h: int, pressure_kpa: "int | None") -> "list[int]":
        """Return the values of STATUS after its request and settings version."""
        values = self._values(now_ms)
        values["request"] = 0
        values["flow_l_per_h"] = flow_l_per_h
        if pressure_kpa is None:
            pressure_kpa = t.NO_PRESSURE_KPA
            values["status"] |= t.STATUS_PRESSURE_FAULT
        values["pressure_kpa"] = pressure_kpa
        return _in_order(t.TYPE_STATUS, values)[2:]

    def _values(self, now_ms: int) -> "dict[str, int]":
        """Return what both say, of this moment."""
        return {
            "settings_version": self._settings.version,
            "taken_at_s": self._timekeeper.calendar_ms(now_ms) // 1000,
            "time_quality": self._timekeeper.quality(now_ms),
            "status": self._interval.status | self._watch.status,
            "battery_mv": self._power.battery_mv(),
            "forward_pulses": self._registers.forward_pulses,
            "reverse_pulses": self._registers.reverse_pulses,
        }


def _in_order(frame_type: int, values: "dict[str, int]") -> "list[int]":
    return [values[name] for name in t.LAYOUTS[frame_type][1].split()]
