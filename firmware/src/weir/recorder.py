"""From samples to records: what is measured in an interval is stored when the interval is over."""

from micropython import const
from weir.link import tables_gen as t

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.metrology.interval import Interval
    from weir.metrology.registers import Registers
    from weir.schedule.timekeeper import Timekeeper
    from weir.schedule.timetable import Timetable
    from weir.store.journal import Journal

_MASK = const(0xFFFFFFFF)
_HALF = const(0x80000000)


class Recorder:
    """Keeps the interval under way. A sample that comes late loses no pulse."""

    def __init__(
        self,
        registers: "Registers",
        interval: "Interval",
        timekeeper: "Timekeeper",
        timetable: "Timetable",
        journal: "Journal",
    ) -> None:
        self.journal = journal
        self._registers = registers
        self._interval = interval
        self._timekeeper = timekeeper
        self._timetable = timetable
        self._record = [0] * 9
        self._began_ms = self._sampled_at_ms = self._before_ms = 0
        self._sampled_pulses = self._before_pulses = 0  # forward less reverse, at both samples

    def start(self, now_ms: int, *, first: bool) -> None:
        """Begin at a start of the meter. ``first``: there was none before, so no pulse is lost."""
        self._began_ms = now_ms
        self.restart_flow(now_ms)
        self._interval.flag(t.STATUS_RESTARTED)
        if not first:
            self._interval.flag(t.STATUS_REGISTER_GAP)  # pulses since the last record, if any

    def flag(self, status: int) -> None:
        """Set status bits for the record of the interval under way."""
        self._interval.flag(status)

    def take(self, forward_pulses: int, reverse_pulses: int) -> None:
        """Take the hardware's totals of this boot."""
        if not self._registers.take(forward_pulses, reverse_pulses):
            self._interval.flag(t.STATUS_REGISTER_GAP)

    def sample(self, now_ms: int, calendar_ms: int, pressure_kpa: "int | None") -> None:
        """Take one sample, and store the interval if it is over."""
        self._add(now_ms, pressure_kpa)
        if self._timetable.store_due(calendar_ms):
            self._store(now_ms, calendar_ms)
            self._timetable.stored(calendar_ms)
        self._timetable.sampled(calendar_ms)

    def close(self, now_ms: int) -> None:
        """Store the interval under way before its time, unless it has only just begun."""
        if now_ms != self._began_ms:
            self._add(now_ms, None)
            self._store(now_ms, self._timekeeper.calendar_ms(now_ms))

    def restart_flow(self, now_ms: int) -> None:
        """Count the flow anew: pulses of before have another meaning, or are not known."""
        self._sampled_at_ms = self._before_ms = now_ms
        self._sampled_pulses = self._before_pulses = self._net_pulses()

    def flow_l_per_h(self, now_ms: int, pulse_weight_ml: int) -> "int | None":
        """Return the mean flow, below 0 in reverse, since the last sample that is far enough back.

        That is one or two sample intervals. None when fewer than two pulses came in it: they
        say too little of a slow flow.
        """
        since_ms, pulses = self._before_ms, self._before_pulses
        if now_ms - self._sampled_at_ms >= self._timetable.sample_interval_ms:
            since_ms, pulses = self._sampled_at_ms, self._sampled_pulses
        span_ms = now_ms - since_ms
        passed = ((self._net_pulses() - pulses + _HALF) & _MASK) - _HALF
        if span_ms <= 0 or abs(passed) < 2:
            return None
        flow = (abs(passed) * pulse_weight_ml * 3600 + span_ms // 2) // span_ms
        return min(flow, _HALF - 1) * (1 if passed > 0 else -1)

    def _net_pulses(self) -> int:
        return self._registers.forward_pulses - self._registers.reverse_pulses

    def _add(self, now_ms: int, pressure_kpa: "int | None") -> None:
        span_ms = self._timetable.sample_interval_ms
        intervals = (now_ms - self._sampled_at_ms + span_ms // 2) // span_ms
        self._before_ms, self._before_pulses = self._sampled_at_ms, self._sampled_pulses
        self._sampled_at_ms, self._sampled_pulses = now_ms, self._net_pulses()
        self._interval.sample(self._registers.forward_pulses, pressure_kpa, max(intervals, 1))

    def _store(self, now_ms: int, calendar_ms: int) -> None:
        interval = self._interval
        span_ms = self._timetable.store_interval_ms
        off_ms = abs(now_ms - self._began_ms - span_ms)
        if off_ms > span_ms // 32:  # far more than any oscillator is off
            interval.flag(t.STATUS_SHORT_INTERVAL)
        low, high = interval.pressure_min_kpa, interval.pressure_max_kpa
        mean = interval.pressure_mean_kpa
        if mean is None or low is None or high is None:
            interval.flag(t.STATUS_PRESSURE_FAULT)
            mean = low = high = t.NO_PRESSURE_KPA
        record = self._record
        record[0] = calendar_ms // 1000
        record[1] = self._registers.forward_pulses
        record[2] = self._registers.reverse_pulses
        record[3], record[4], record[5] = mean, low, high
        record[6] = interval.peak_flow_pulses
        record[7] = interval.status
        record[8] = self._timekeeper.quality(now_ms)
        self.journal.append(record)
        self._began_ms = now_ms
        interval.begin()
