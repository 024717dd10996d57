"""The publisher: everything stored goes out, in order, until the broker has acknowledged it."""

import asyncio
import random
import sqlite3
import threading
from pathlib import Path

import pytest

from peers.bookkeeping import METER
from peers.echo import until
from peers.press import Press, run
from peers.waiting import WAIT_S_MAX
from weir_gateway import lanes
from weir_gateway import publisher as publishing
from weir_gateway.lanes import FETCH_MAX, Fetched, InHand
from weir_gateway.registry import Registry
from weir_gateway.replay import ReplayDocument, Replayer
from weir_gateway.store import schema
from weir_gateway.store.replay import Span


def test_a_backlog_of_an_earlier_run_goes_out_in_order_behind_the_newest(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.books.span(0, 999)
        press.broker.auto = True
        await press.start()
        assert press.publisher.backlog == 1000
        await press.broker.connect()
        await press.all_marked()

    press = run(tmp_path, scenario)
    assert press.sequences() == [999, *range(999)]
    assert press.publisher.published == 1000
    assert not any(message.retain for message in press.broker.sent)


def test_what_is_stored_later_goes_out_as_well(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.broker.auto = True
        await press.start()
        await press.broker.connect()
        for first in range(0, 50, 5):
            press.take(first, first + 4)
            await press.all_marked()

    assert run(tmp_path, scenario).sequences() == list(range(50))


def test_nothing_is_marked_before_it_is_acknowledged(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.books.span(0, 9)
        await press.start()
        await press.broker.connect()
        await until(lambda: len(press.broker.sent) == 10, "all to be sent")
        assert press.unpublished() == 10
        await press.broker.acknowledge(4)
        await until(lambda: press.unpublished() == 6, "four to be marked")
        assert press.publisher.backlog == 6

    run(tmp_path, scenario)


def test_no_more_than_the_window_is_in_flight(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.books.span(0, 99)
        await press.start()
        await press.broker.connect()
        await until(lambda: len(press.broker.in_flight) == 7, "a full window")
        await asyncio.sleep(0.1)
        assert len(press.broker.sent) == 7
        await press.broker.acknowledge(3)
        await until(lambda: len(press.broker.sent) == 10, "the window to be refilled")

    run(tmp_path, scenario, window=7)


def test_a_lost_connection_repeats_what_was_not_acknowledged_in_order(tmp_path: Path) -> None:
    async def scenario(press: Press) -> None:
        press.books.span(0, 29)
        await press.start()
        await press.broker.connect()
        await until(lambda: len(press.broker.in_flight) == 10, "a full window")
        await press.broker.acknowledge(4)
        await until(lambda: len(press.broker.in_flight) == 10, "a full window again")
        await press.broker.lose()
        await until(lambda: press.unpublished() == 26, "the acknowledged ones to be marked")

        press.broker.auto = True
        await press.broker.connect()
        await press.all_marked()

    sent = run(tmp_path, scenario, window=10).sequences()
    assert sent == [*range(14), *range(4, 30)]


def test_a_connection_lost_while_all_is_in_flight_and_nothing_waits_is_made_good(
    tmp_path: Path,
) -> None:
    async def scenario(press: Press) -> None:
        press.books.span(0, 4)
        await press.start()
        await press.broker.connect()
        await until(lambda: len(press.broker.in_flight) == 5, "all to be in flight")
        await press.broker.lose()
        press.broker.auto = True
        await press.broker.connect()
        await press.all_marked()

    assert run(tmp_path, scenario).sequences() == [*range(5), *range(5)]


def test_a_hole_that_is_filled_while_the_broker_is_away_goes_out_in_its_place(
    tmp_path: Path,
) -> None:
    async def scenario(press: Press) -> None:
        press.broker.auto = True
        await press.start()
        press.take(5, 9)
        press.take(0, 4)
        await press.broker.connect()
        await press.all_marked()

    assert run(tmp_path, scenario).sequences() == list(range(10))


def test_what_a_lost_connection_gives_back_goes_ahead_of_what_was_being_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_fetch = lanes.fetch
    began, gate = threading.Event(), threading.Event()

    def slow_fetch(connection: sqlite3.Connection, turn: InHand, live: InHand) -> Fetched:
        began.set()
        assert gate.wait(WAIT_S_MAX)
        return real_fetch(connection, turn, live)

    async def scenario(press: Press) -> None:
        press.books.span(0, 4)
        await press.start()
        await press.broker.connect()
        await until(lambda: len(press.broker.in_flight) == 5, "all to be in flight")
        monkeypatch.setattr(lanes, "fetch", slow_fetch)
        press.take(5, 9)
        await until(began.is_set, "what is new to be fetched")
        press.broker.auto = True
        await press.broker.lose()
        await press.broker.connect()
        gate.set()
        await press.all_marked()

    assert run(tmp_path, scenario).sequences() == [*range(5), *range(10)]


def test_meters_whose_fetch_fails_keep_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_fetch = lanes.fetch
    asked: list[tuple[set[int], set[int]]] = []

    def fetch(connection: sqlite3.Connection, turn: InHand, live: InHand) -> Fetched:
        asked.append((set(turn), set(live)))
        if len(asked) == 1:
            raise sqlite3.OperationalError("disk I/O error")
        return real_fetch(connection, turn, live)

    monkeypatch.setattr(publishing, "_RETRY_S", 0.01)
    monkeypatch.setattr(lanes, "fetch", fetch)

    async def scenario(press: Press) -> None:
        press.books.span(0, FETCH_MAX)  # deep, so that both lanes are asked for
        press.books.hello(meter_id=2002)
        press.books.span(0, 4, meter_id=2002)
        press.broker.auto = True
        await press.start()
        await press.broker.connect()
        await until(lambda: len(asked) >= 2, "another fetch")
        assert asked[:2] == [({METER, 2002}, {METER, 2002})] * 2
        await press.all_marked()

    run(tmp_path, scenario)


def test_one_meters_backlog_does_not_hold_up_another(tmp_path: Path) -> None:
    flooding, quiet = METER, 2002

    async def scenario(press: Press) -> None:
        press.books.span(0, 4999)
        press.books.hello(meter_id=quiet)
        await press.start()
        await press.broker.connect()
        await until(lambda: press.broker.sent, "the backlog to begin")
        press.take(0, 0, meter_id=quiet)
        press.broker.auto = True
        await press.broker.acknowledge(50)
        await until(lambda: press.sequences(quiet), "the quiet meter's reading")
        assert len(press.sequences(flooding)) <= 3 * FETCH_MAX
        await press.all_marked()

    press = run(tmp_path, scenario)
    assert press.sequences(flooding) == [4999, *range(4999)]


def test_what_the_broker_denies_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing, "DENIED_PAUSE_S", 0.01)

    async def scenario(press: Press) -> None:
        press.books.span(0, 4)
        await press.start()
        await press.broker.connect()
        await until(lambda: len(press.broker.in_flight) == 5, "all to be sent")
        await press.broker.acknowledge(5, denied="Not authorized")
        await until(lambda: len(press.broker.in_flight) == 5, "all to be sent again")
        assert press.unpublished() == 5
        await press.broker.acknowledge(5)
        await press.all_marked()

    run(tmp_path, scenario)
    assert "did not take a message (Not authorized)" in caplog.text


def test_while_marks_cannot_be_stored_publishing_pauses_and_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LOCK_WAIT_S", 0.05)
    monkeypatch.setattr(publishing, "UNMARKED_MAX", 100)

    async def scenario(press: Press) -> None:
        press.books.span(0, 2999)
        press.broker.auto = True
        await press.start()
        lock = sqlite3.connect(press.path, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        await press.broker.connect()
        await until(lambda: press.store.problem, "the store to fail")
        await asyncio.sleep(0.5)
        assert len(press.broker.sent) <= 100 + FETCH_MAX
        lock.execute("ROLLBACK")
        lock.close()
        await press.all_marked()

    assert run(tmp_path, scenario).sequences() == [2999, *range(2999)]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_broker_does_every_reading_is_acknowledged_in_order(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    meters = [1001, 1002, 1003]

    async def scenario(press: Press) -> None:
        for meter_id in meters[1:]:
            press.books.hello(meter_id=meter_id)
        await press.start()
        taken = dict.fromkeys(meters, 0)
        for _ in range(120):
            act = chance.random()
            if act < 0.4:
                meter_id = chance.choice(meters)
                count = chance.randrange(1, 40)
                press.take(taken[meter_id], taken[meter_id] + count - 1, meter_id=meter_id)
                taken[meter_id] += count
            elif act < 0.55:
                await press.broker.lose()
            elif act < 0.7:
                await press.broker.connect()
            elif act < 0.9:
                await press.broker.acknowledge(chance.randrange(1, 30))
            await asyncio.sleep(chance.choice([0, 0, 0.005]))
        press.broker.auto = True
        await press.broker.lose()
        await press.broker.connect()
        await press.all_marked()
        for meter_id in meters:
            first_seen = list(dict.fromkeys(press.sequences(meter_id)))
            ahead = {sequence for _, meter, sequence in press.live() if meter == meter_id}
            behind = [sequence for sequence in first_seen if sequence not in ahead]
            assert sorted(first_seen) == list(range(taken[meter_id])), f"seed {seed}"
            assert behind == sorted(behind), f"seed {seed}"
            assert first_seen == sorted(first_seen) or sum(taken.values()) > FETCH_MAX

    run(tmp_path, scenario, window=20)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_replayed_meanwhile_goes_out_and_nothing_is_left_behind(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    answers: list[ReplayDocument] = []

    async def scenario(press: Press) -> None:
        registry = Registry(tmp_path / "keys.txt")
        replayer = Replayer(press.store, registry, press.publisher.add)
        await press.start()
        taken = 0
        for _ in range(80):
            act = chance.random()
            if act < 0.3:
                count = chance.randrange(1, 60)
                press.take(taken, taken + count - 1)
                taken += count
            elif act < 0.45:
                answers.append(await replayer.replay(METER, Span(None, None)))
            elif act < 0.55:
                await press.broker.lose()
            elif act < 0.7:
                await press.broker.connect()
            else:
                await press.broker.acknowledge(chance.randrange(1, 40))
            await asyncio.sleep(chance.choice([0, 0, 0.003]))
        press.broker.auto = True
        await press.broker.connect()
        await press.all_marked()
        await replayer.replay(METER, Span(None, None))
        sent = len(press.broker.sent)
        await press.all_marked()
        assert sorted(press.sequences()[sent:]) == list(range(taken)), f"seed {seed}"
        assert not [place for place, _, _ in press.live() if place >= sent], f"seed {seed}"

    run(tmp_path, scenario, window=20)
    assert answers, "no replay came in between"
