"""Someone pulls the plug while bytes are on the line, not between two sessions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import Calendar, Gateway, Meter, Pulses, Subscriber, Supply
from weir_bench.waiting import wait_until

RATE_HZ = 0.125
RECORDS_BEFORE = 2 * 96 + 1  # when the session begins


@contextmanager
def in_mid_session(calendar: Calendar, meter: Meter) -> Iterator[None]:
    """The block runs as soon as the meter has begun to send a backlog, on a thread of its own."""
    calendar.let_pass(minutes=15)
    meter.uplink.cut()
    calendar.let_pass(hours=48)
    meter.uplink.mend()
    before = len(meter.uplink.trace)
    with ThreadPoolExecutor() as pool:
        passing = pool.submit(let_backlog_go, calendar, meter)
        wait_until(lambda: len(meter.uplink.trace) > before, "the session to begin")
        yield
        passing.result()


@pytest.mark.each_link
def test_a_gateway_killed_in_mid_session_has_every_reading_once(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    with in_mid_session(calendar, meter):
        gateway.kill()
        gateway.start()
    calendar.let_pass(seconds=1)
    let_backlog_go(calendar, meter)
    made = RECORDS_BEFORE + 1
    readings = collect(gateway, subscriber, count=made)
    assert [one["forward_pulses"] for one in readings] == [
        number * 900 // 8 for number in range(1, made + 1)
    ]


@pytest.mark.each_link
def test_a_meter_whose_power_is_cut_in_mid_session_has_every_reading_arrive_once(
    calendar: Calendar,
    pulses: Pulses,
    supply: Supply,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.send(forward=1)
    with in_mid_session(calendar, meter):
        supply.cut()
    supply.restore()
    pulses.send(forward=2)
    calendar.let_pass(minutes=30, seconds=1)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=RECORDS_BEFORE + 2)
    assert [one["forward_pulses"] for one in readings] == [1] * RECORDS_BEFORE + [3, 3]
