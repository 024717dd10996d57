"""Finds registers that cannot be right: they fell, or rose by more than their samples can give.

Compared are records that follow each other within one run of the meter. A restart, a gap that the
meter itself tells of and another epoch are no disagreement.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from weir_gateway.event_names import GatewayCode
from weir_gateway.watch.desk import AlarmDesk
from weir_protocol.records import (
    PEAK_FLOW_PULSES_MAX,
    REGISTER_MODULUS,
    IntervalRecord,
    Status,
    TimeQuality,
)

_HALF = REGISTER_MODULUS // 2
_APART = int(Status.RESTARTED | Status.REGISTER_GAP)
_OTHER_LENGTH = int(Status.CLOCK_STEPPED)

SampleInterval = Callable[[int, int, int], int | None]
"""Returns the sample interval that a stored record was taken under: of meter, epoch, sequence."""


@dataclass(slots=True)
class _Known:
    """newest: the newest record, None where nothing may be compared with it."""

    epoch: int
    sample_interval_s: int
    newest: IntervalRecord | None = None
    good_count: int = 0


class RegisterWatch:
    def __init__(
        self,
        desk: AlarmDesk,
        sample_interval_of: SampleInterval,
        tolerance_pulses: int,
        clear_records: int,
    ) -> None:
        """clear_records: so many intervals in a row that agree clear the alarm."""
        self._desk = desk
        self._sample_interval_of = sample_interval_of
        self._tolerance = tolerance_pulses
        self._clear_records = clear_records
        self._known: dict[int, _Known] = {}

    def begin(self, meter_id: int, epoch: int, sample_interval_s: int) -> None:
        """Take up a meter whose records before this start of the gateway do not count."""
        self._known[meter_id] = _Known(epoch, sample_interval_s)

    def hear_hello(self, meter_id: int, epoch: int, hello: Mapping[str, int]) -> None:
        """Compare the registers of a HELLO with the newest record, unless the meter restarted."""
        known = self._known.get(meter_id)
        sample_interval_s = hello["sample_interval_s"]
        if known is None or known.epoch != epoch:
            self._known[meter_id] = _Known(epoch, sample_interval_s)
            self._desk.clear_alarm(meter_id, GatewayCode.REGISTER, 0, 0)
            return
        known.sample_interval_s = sample_interval_s
        newest = known.newest
        if newest is None or not _follows(newest.sequence, hello["boot_sequence"] - 1):
            known.newest = None
            return
        self._compare_live(meter_id, epoch, hello)

    def hear_status(self, meter_id: int, epoch: int, status: Mapping[str, int]) -> None:
        """Compare a STATUS with the newest record, unless that was taken later.

        A STATUS may be delayed by a session or more, while records go on.
        """
        known = self._known.get(meter_id)
        if known is not None and known.newest is not None and _is_after(status, known.newest):
            self._compare_live(meter_id, epoch, status)

    def _compare_live(self, meter_id: int, epoch: int, registers: Mapping[str, int]) -> None:
        known = self._known.get(meter_id)
        if known is None or known.epoch != epoch or known.newest is None:
            return
        newest = known.newest
        fallen = max(
            _fall(registers["forward_pulses"] - newest.forward_pulses),
            _fall(registers["reverse_pulses"] - newest.reverse_pulses),
        )
        if fallen:
            self._disagree(meter_id, known, -fallen, 0)

    def hear_records(self, meter_id: int, epoch: int, records: Sequence[IntervalRecord]) -> None:
        known = self._known.get(meter_id)
        if known is None or known.epoch != epoch:
            return
        for record in records:
            before, known.newest = known.newest, _newer(known.newest, record)
            if before is not None and (record.sequence - before.sequence) % REGISTER_MODULUS == 1:
                self._compare(meter_id, known, before, record)

    def _compare(
        self, meter_id: int, known: _Known, before: IntervalRecord, record: IntervalRecord
    ) -> None:
        if record.status & _APART:
            return
        forward = record.forward_pulses - before.forward_pulses
        fallen = max(_fall(forward), _fall(record.reverse_pulses - before.reverse_pulses))
        if fallen:
            self._disagree(meter_id, known, -fallen, 0)
            return
        volume = forward % REGISTER_MODULUS
        most = self._most(before, record, known.sample_interval_s)
        if most is not None and volume > most:
            taken_under_s = self._sample_interval_of(meter_id, known.epoch, record.sequence)
            most = self._most(before, record, taken_under_s or known.sample_interval_s)
        if most is not None and volume > most:
            self._disagree(meter_id, known, volume, most)
        elif self._desk.is_active(meter_id, GatewayCode.REGISTER):
            self._agree(meter_id, known, volume, volume if most is None else most)

    def _most(
        self, before: IntervalRecord, record: IntervalRecord, sample_interval_s: int
    ) -> int | None:
        """Return how many pulses the samples of an interval can have seen, None if not known."""
        interval_s = record.taken_at_s - before.taken_at_s
        if (
            record.peak_flow_pulses == PEAK_FLOW_PULSES_MAX
            or record.status & _OTHER_LENGTH
            or sample_interval_s <= 0
            or interval_s <= 0
        ):
            return None
        samples = -(-interval_s // sample_interval_s) + 1
        return samples * record.peak_flow_pulses + self._tolerance

    def _disagree(self, meter_id: int, known: _Known, value: int, limit: int) -> None:
        known.good_count = 0
        self._desk.raise_alarm(meter_id, GatewayCode.REGISTER, value, limit)

    def _agree(self, meter_id: int, known: _Known, value: int, limit: int) -> None:
        known.good_count += 1
        if known.good_count >= self._clear_records:
            known.good_count = 0
            self._desk.clear_alarm(meter_id, GatewayCode.REGISTER, value, limit)


def _fall(difference: int) -> int:
    """Return by how much a register fell. One that counted past its 32 bits did not."""
    rise = difference % REGISTER_MODULUS
    return 0 if rise < _HALF else REGISTER_MODULUS - rise


def _is_after(status: Mapping[str, int], record: IntervalRecord) -> bool:
    """Return whether a STATUS was surely measured after a record, by the same clock."""
    unset = TimeQuality.UNSET
    return (
        (status["time_quality"] == unset) == (record.time_quality == unset)
        and not record.status & Status.CLOCK_STEPPED
        and status["taken_at_s"] > record.taken_at_s
    )


def _newer(newest: IntervalRecord | None, record: IntervalRecord) -> IntervalRecord:
    if newest is None or _follows(record.sequence, newest.sequence):
        return record
    return newest


def _follows(sequence: int, other: int) -> bool:
    """Return whether a sequence comes after another, modulo 2**32."""
    return 0 < (sequence - other) % REGISTER_MODULUS < _HALF
