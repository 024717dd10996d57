"""Interval records of a meter in the middle of its life, made by the firmware's own arithmetic."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise

from weir.link.tables_gen import NO_PRESSURE_KPA, STATUS_PRESSURE_FAULT
from weir.metrology.interval import Interval
from weir.schedule.timekeeper import Timekeeper
from weir_tools.simulator.waveform import Waveform

SAMPLE_S = 60
STORE_S = 900
RECORDS_A_DAY = 96
CLOCK_ROUND_TRIP_MS = 400
STARTS_AT_S = 1_609_459_200  # for a recording that does not say: 2021-01-01
FORWARD_BEFORE = 12_345_678  # what the register showed when the recording began
REVERSE_BEFORE = 321

Record = list[int]  # as the firmware keeps it: nine integers
Pressure = Callable[[int], int | None]  # of now_ms


def days_of(waveform: Waveform, pressure: Pressure, days_max: int) -> Iterator[list[Record]]:
    """Records of whole days, spread over the recording; the record before a day comes first.

    Days with hours in which nothing was recorded are left out. A recording shorter than a day
    gives the records that it has.
    """
    day_ms = RECORDS_A_DAY * STORE_S * 1000
    lead_ms = STORE_S * 1000
    missing_ms = waveform.recording.missing_starts_ms
    starts_ms = [
        start_ms
        for start_ms in range(lead_ms, waveform.ends_ms - day_ms + 1, day_ms)
        if bisect_left(missing_ms, start_ms - lead_ms)
        == bisect_left(missing_ms, start_ms + day_ms)
    ]
    if waveform.ends_ms < day_ms + lead_ms:
        yield list(_records(waveform, pressure, lead_ms, waveform.ends_ms))
        return
    wanted = min(days_max, len(starts_ms))
    for index in range(wanted):
        start_ms = starts_ms[index * len(starts_ms) // wanted]
        yield list(_records(waveform, pressure, start_ms, start_ms + day_ms))


def _records(
    waveform: Waveform, pressure: Pressure, begins_ms: int, ends_ms: int
) -> Iterator[Record]:
    """The record that ends at `begins_ms`, and those of the intervals from there on."""
    starts_at_s = waveform.recording.starts_at_s
    first_at_s = STARTS_AT_S if starts_at_s is None else starts_at_s
    origin_ms = (first_at_s - first_at_s % STORE_S) * 1000
    clock = Timekeeper()
    clock.start(begins_ms)
    clock.offer(origin_ms + begins_ms, CLOCK_ROUND_TRIP_MS, begins_ms)
    interval = Interval(_registers(waveform, begins_ms - STORE_S * 1000)[0])
    instants_ms = range(begins_ms - STORE_S * 1000, ends_ms + 1, STORE_S * 1000)
    for before_ms, at_ms in pairwise(instants_ms):
        for sampled_ms in range(before_ms + SAMPLE_S * 1000, at_ms + 1, SAMPLE_S * 1000):
            interval.sample(_registers(waveform, sampled_ms)[0], pressure(sampled_ms))
        yield _record(waveform, interval, at_ms, origin_ms + at_ms, clock.quality(at_ms))
        interval.begin()


def _record(
    waveform: Waveform, interval: Interval, at_ms: int, calendar_ms: int, quality: int
) -> Record:
    forward, reverse = _registers(waveform, at_ms)
    pressures = (interval.pressure_mean_kpa, interval.pressure_min_kpa, interval.pressure_max_kpa)
    kpas = [NO_PRESSURE_KPA if kpa is None else kpa for kpa in pressures]
    status = STATUS_PRESSURE_FAULT if interval.pressure_mean_kpa is None else 0
    peak = interval.peak_flow_pulses
    return [calendar_ms // 1000, forward, reverse, *kpas, peak, status, quality]


def _registers(waveform: Waveform, now_ms: int) -> tuple[int, int]:
    forward, reverse = waveform.counts_at(now_ms)
    return (FORWARD_BEFORE + forward) % 2**32, (REVERSE_BEFORE + reverse) % 2**32
