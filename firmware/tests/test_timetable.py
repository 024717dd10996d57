"""Things are due on a grid of the calendar; each meter has a slot of its own to send in."""

from weir.schedule.timekeeper import SLEWED, Timekeeper
from weir.schedule.timetable import Timetable

NOON_MS = 1_614_600_000_000
MINUTE_MS = 60_000


def timetable_of(
    meter_id: int = 1, sample_s: int = 60, store_s: int = 900, send_s: int = 900
) -> Timetable:
    timetable = Timetable(meter_id)
    timetable.configure(sample_s, store_s, send_s)
    timetable.align(NOON_MS)
    return timetable


def instants(timetable: Timetable, count: int) -> "list[tuple[int, str]]":
    """Wake whenever something is due; return when, after noon, and what was."""
    found = []
    for _ in range(count):
        at_ms = timetable.wake_at_ms()
        due = ""
        if timetable.sample_due(at_ms):
            due += "m"
            if timetable.store_due(at_ms):
                due += "s"
                timetable.stored(at_ms)
            timetable.sampled(at_ms)
        if timetable.send_due(at_ms):
            due += "c"
            timetable.sent(at_ms)
        found.append((at_ms - NOON_MS, due))
    return found


def test_samples_and_stores_fall_on_the_grid() -> None:
    found = [entry for entry in instants(timetable_of(), 40) if "m" in entry[1]]
    assert [at_ms for at_ms, _ in found] == [MINUTE_MS * step for step in range(1, len(found) + 1)]
    assert [at_ms for at_ms, due in found if "s" in due] == [15 * MINUTE_MS, 30 * MINUTE_MS]


def test_a_store_is_also_a_sample_whatever_the_intervals() -> None:
    for sample_s, store_s in ((420, 900), (900, 900), (3600, 900), (7, 10)):
        found = instants(timetable_of(sample_s=sample_s, store_s=store_s), 50)
        stores = [at_ms for at_ms, due in found if "ms" in due]
        assert stores == [1000 * store_s * step for step in range(1, len(stores) + 1)]
        assert len(stores) >= 10


def test_each_meter_sends_once_an_interval_in_its_own_slot() -> None:
    slots = []
    for meter_id in range(1000, 1100):
        sends = [at_ms for at_ms, due in instants(timetable_of(meter_id), 60) if "c" in due]
        assert sends[1] - sends[0] == 900_000
        slots.append(sends[0] % 900_000)
    for quarter in range(4):  # a hundred meters in a row spread over seven eighths of it
        inside = [slot for slot in slots if slot // (225_000 * 7 // 8) == quarter]
        assert 20 <= len(inside) <= 30


def test_what_is_overdue_is_due_once() -> None:
    timetable = timetable_of()
    late_ms = NOON_MS + 100 * MINUTE_MS + 17
    assert timetable.store_due(late_ms)
    timetable.stored(late_ms)
    timetable.sampled(late_ms)
    timetable.sent(late_ms)
    assert not timetable.store_due(late_ms)
    assert not timetable.sample_due(late_ms)
    assert not timetable.send_due(late_ms)
    assert timetable.sample_due(NOON_MS + 101 * MINUTE_MS)
    assert not timetable.store_due(NOON_MS + 105 * MINUTE_MS - 1)
    assert timetable.store_due(NOON_MS + 105 * MINUTE_MS)


def test_the_first_call_after_a_start_comes_within_10_s() -> None:
    for meter_id in (1, 4711, 0xFFFFFFFF):
        timetable = timetable_of(meter_id, send_s=86_400)
        timetable.start(0)
        assert timetable.send_due(10_000)


def test_calls_that_reach_nobody_are_repeated_ever_later() -> None:
    timetable = timetable_of(4711, send_s=86_400)
    timetable.start(0)
    waits = []
    at_ms = 10_000
    for _ in range(8):
        timetable.sent(at_ms)
        timetable.retry(at_ms)
        begun_ms = at_ms
        while not timetable.send_due(at_ms):
            at_ms += 1000
        waits.append((at_ms - begun_ms) // 1000)
    assert waits[0] in range(60, 76)
    assert all(waits[step] > 1.9 * waits[step - 1] for step in range(1, 8))
    timetable.reached()
    timetable.sent(at_ms)
    timetable.retry(at_ms)
    assert timetable.send_due(at_ms + 76_000)


def test_a_retry_comes_no_later_than_it_must() -> None:
    timetable = timetable_of(4711, send_s=86_400)
    for _ in range(12):
        timetable.retry(NOON_MS, 10 * MINUTE_MS)
        assert timetable.send_due(NOON_MS + 10 * MINUTE_MS * 5 // 4)
        timetable.align(NOON_MS)


def test_a_slew_neither_repeats_nor_skips_an_instant_of_the_grid() -> None:
    for off_ms in (-4_999, -1, 1, 4_999):
        for lead_ms in (-3, -1, 0, 1, 3):
            timekeeper = Timekeeper()
            timekeeper.start(0)
            timekeeper.offer(NOON_MS - 5_000, 10_000, 0)
            timetable = timetable_of(1, 1, 10, 86_400)
            found: list[int] = []
            wake_until(timetable, timekeeper, 0, 20_000 + lead_ms, found)
            now_ms = 20_000 + lead_ms
            assert timekeeper.offer(NOON_MS + now_ms + off_ms, 0, now_ms) == SLEWED
            wake_until(timetable, timekeeper, now_ms, 5_200_000, found)
            assert len(found) >= 5_190
            assert found == [NOON_MS + 1000 * step for step in range(1, len(found) + 1)]


def wake_until(
    timetable: Timetable, timekeeper: Timekeeper, now_ms: int, end_ms: int, found: "list[int]"
) -> None:
    """Wake when the timetable wants it; note which instants of samples and stores were met."""
    now_ms = max(timekeeper.now_ms_at(timetable.wake_at_ms()), now_ms)
    while now_ms <= end_ms:
        calendar_ms = timekeeper.calendar_ms(now_ms)
        if timetable.sample_due(calendar_ms):
            if timetable.store_due(calendar_ms):
                timetable.stored(calendar_ms)
                assert calendar_ms // 1000 % 10 == 0
            timetable.sampled(calendar_ms)
            assert calendar_ms % 1000 <= 1
            found.append(calendar_ms // 1000 * 1000)
        if timetable.send_due(calendar_ms):
            timetable.sent(calendar_ms)
        now_ms = timekeeper.now_ms_at(timetable.wake_at_ms())
