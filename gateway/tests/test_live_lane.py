"""What is live and what is history, in the order in which the publisher sends them."""

import asyncio
from pathlib import Path

import pytest

from peers.bookkeeping import METER
from peers.echo import until
from peers.press import Press, run
from weir_gateway.lanes import FETCH_MAX, LIVE_MAX


def test_a_backlog_that_fits_a_fetch_keeps_plain_order_and_only_its_end_is_live(
    tmp_path: Path,
) -> None:
    async def scenario(press: Press) -> None:
        press.books.span(0, FETCH_MAX - 1)
        press.broker.auto = True
        await press.start()
        await press.broker.connect()
        await press.all_marked()

    press = run(tmp_path, scenario)
    assert press.sequences() == list(range(FETCH_MAX))
    assert press.live() == [(FETCH_MAX - 1, METER, FETCH_MAX - 1)]


def test_what_is_new_goes_ahead_of_a_deep_backlog_and_is_not_historical(tmp_path: Path) -> None:
    backlog = 8 * FETCH_MAX

    async def scenario(press: Press) -> None:
        press.books.span(0, backlog - 1)
        await press.start()
        await press.broker.connect()
        for sequence in range(backlog, backlog + 3):
            await until(lambda: len(press.broker.in_flight) == 50, "a full window")
            press.take(sequence, sequence)
            sent = len(press.broker.sent)
            while sequence not in press.sequences():
                assert len(press.broker.sent) <= sent + 2 * FETCH_MAX, "not out in time"
                await press.broker.acknowledge(10)
                await asyncio.sleep(0.001)
        press.broker.auto = True
        await press.broker.acknowledge(50)
        await press.all_marked()

    press = run(tmp_path, scenario)
    ahead = [sequence for _, _, sequence in press.live()]
    assert ahead == list(range(backlog - 1, backlog + 3))
    assert [one for one in press.sequences() if one not in ahead] == list(range(backlog - 1))


def hold(press: Press, meters: range, count: int) -> None:
    press.books.connection.execute("BEGIN")
    for meter_id in meters:
        press.books.hello(meter_id=meter_id)
        press.books.span(0, count - 1, meter_id=meter_id)
    press.books.connection.execute("COMMIT")


@pytest.mark.parametrize("count", [20, 250])
def test_a_quarter_of_each_fetch_is_kept_for_what_is_new(tmp_path: Path, count: int) -> None:
    meters = range(1, 101)

    async def scenario(press: Press) -> None:
        hold(press, meters, count)
        await press.start()
        press.broker.auto = True
        await press.broker.connect()
        await until(lambda: len(press.broker.sent) >= 4 * FETCH_MAX, "four fetches")
        await press.broker.lose()

    live = run(tmp_path, scenario).live()
    assert LIVE_MAX == FETCH_MAX // 4
    assert [place for place, _, _ in live] == [
        *range(LIVE_MAX),
        *range(FETCH_MAX, FETCH_MAX + len(meters) - LIVE_MAX),
    ]
    assert [(meter_id, sequence) for _, meter_id, sequence in live] == [
        (meter_id, count - 1) for meter_id in meters
    ]


def test_a_meter_that_trickles_does_not_wait_for_the_backlog_of_many(tmp_path: Path) -> None:
    meters = range(1, 301)
    trickling = 2002

    async def scenario(press: Press) -> None:
        hold(press, meters, 30)
        press.books.hello(meter_id=trickling)
        await press.start()
        await press.broker.connect()
        while len(press.live()) < len(meters):
            await press.broker.acknowledge(50)
            await asyncio.sleep(0.001)
        for sequence in range(4):
            press.take(sequence, sequence, meter_id=trickling)
            sent = len(press.broker.sent)
            while sequence not in press.sequences(trickling):
                assert len(press.broker.sent) <= sent + 2 * FETCH_MAX, "not out in time"
                await press.broker.acknowledge(10)
                await asyncio.sleep(0.001)
        press.broker.auto = True
        await press.broker.acknowledge(50)
        await press.all_marked()

    press = run(tmp_path, scenario)
    assert press.sequences(trickling) == list(range(4))
    live = [(meter_id, sequence) for _, meter_id, sequence in press.live()]
    assert live == [*((one, 29) for one in meters), *((trickling, one) for one in range(4))]
    assert all(press.sequences(one) == [29, *range(29)] for one in meters)


def test_many_meters_that_together_fill_no_more_than_a_fetch_keep_plain_order(
    tmp_path: Path,
) -> None:
    meters = range(1, FETCH_MAX // 4 + 1)

    async def scenario(press: Press) -> None:
        hold(press, meters, 4)
        await press.start()
        press.broker.auto = True
        await press.broker.connect()
        await press.all_marked()

    press = run(tmp_path, scenario)
    assert all(press.sequences(one) == list(range(4)) for one in meters)


def test_what_fills_a_hole_is_historical(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.broker.auto = True
        await press.start()
        await press.broker.connect()
        for first, last in ((5, 9), (0, 4), (10, 10)):
            press.take(first, last)
            await press.all_marked()

    live = run(tmp_path, scenario).live()
    assert [sequence for _, _, sequence in live] == [9, 10]


def test_a_reading_of_an_older_epoch_is_historical(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.broker.auto = True
        await press.start()
        await press.broker.connect()
        press.take(0, 1)
        await press.all_marked()
        press.books.hello(epoch=7)
        press.take(0, 0, epoch=7)
        await press.all_marked()
        press.take(2, 3)
        await press.all_marked()

    live = run(tmp_path, scenario).live()
    assert [(place, sequence) for place, _, sequence in live] == [(1, 1), (2, 0)]
