"""Dial checks: what a person read off the dial, kept beside the register that was known then."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, NOW_MS, Bookkeeping
from peers.office import METER, Office, keep_open
from peers.scripted_meter import record
from weir_gateway.clock import Clock
from weir_gateway.dial_checks import DialChecks
from weir_gateway.errors import Refusal
from weir_gateway.salvage import salvage
from weir_gateway.store import dial_checks
from weir_gateway.store.dial_checks import StoredCheck

NOW_S = NOW_MS / 1000


class Desk(Office):
    """An office with checks, whose clock shows ``now_s``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.now_s = NOW_S
        clock = Clock(machine_s=lambda: self.now_s)
        self.checks = DialChecks(self.store, self.registry, clock)


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[], Desk]:
    return lambda: Desk(tmp_path)


def test_a_check_records_the_difference_and_how_it_grew(desk: Callable[[], Desk]) -> None:
    async def scenario(here: Desk) -> None:
        await here.tell(here.meter.hello(forward_pulses=1000, time_quality=2))
        first = await here.checks.post(METER, {"dial_m3": "0.009", "by": "ann", "note": "wet"})
        assert (first["register_volume_l"], first["dial_volume_l"]) == (10, 9)
        assert (first["difference_l"], first["change_l"]) == (1, None)
        assert (first["by"], first["note"]) == ("ann", "wet")
        later = int(NOW_S) + 10**8
        reversed_flow = {"forward_pulses": 3000, "reverse_pulses": 500}
        await here.tell(here.meter.status(taken_at_s=later, **reversed_flow))
        second = await here.checks.post(METER, {"dial_m3": 0.0255})
        assert (second["forward_volume_l"], second["reverse_volume_l"]) == (30, 5)
        assert (second["register_volume_l"], second["register_source"]) == (25, "status")
        assert (second["difference_l"], second["change_l"]) == (-0.5, -1.5)
        assert (await here.checks.get(METER, None))["checks"] == [second, first]
        assert [first["number"], second["number"]] == [1, 2]

    keep_open(desk, scenario)


def test_a_dial_is_compared_with_the_newest_that_the_meter_said(
    desk: Callable[[], Desk],
) -> None:
    async def scenario(here: Desk) -> None:
        await here.tell(here.meter.hello())
        await here.tell(here.meter.status(taken_at_s=record(4).taken_at_s, time_quality=2))
        check = await here.checks.post(METER, {"dial_m3": "1"})
        assert check["register_source"] == "hello"
        later = here.meter.span(5, 5, taken_at_s=int(NOW_S) + 10**8)
        await here.tell(later)
        check = await here.checks.post(METER, {"dial_m3": "1"})
        assert (check["register_source"], check["forward_volume_l"]) == ("reading", 0.35)

    keep_open(desk, scenario)


def test_a_difference_of_another_ring_is_not_compared(desk: Callable[[], Desk]) -> None:
    async def scenario(here: Desk) -> None:
        await here.tell(here.meter.hello())
        await here.checks.post(METER, {"dial_m3": "1"})
        here.meter.epoch, here.meter.counter = 7, 0
        await here.tell(here.meter.hello())
        check = await here.checks.post(METER, {"dial_m3": "1"})
        assert check["change_l"] is None

    keep_open(desk, scenario)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "dial_m3 is None, not what a dial shows: write cubic metres as 123.456"),
        ({"dial_m3": "12,5"}, "dial_m3 is 12,5, not"),
        ({"dial_m3": -1}, "dial_m3 is -1, not"),
        ({"dial_m3": True}, "dial_m3 is True, not"),
        ({"dial_m3": "1.1234567"}, "to the millilitre at most"),
        ({"dial_m3": "1" * 10}, "not what a dial shows"),
        ({"dial_m3": "1", "note": ""}, "note is not text of 1 to 500 characters in one line"),
        ({"dial_m3": "1", "by": "a\nb"}, "by is not text of 1 to 100 characters in one line"),
        ({"dial": "1"}, "there is no field dial in this request"),
    ],
)
def test_a_check_that_cannot_be_is_refused_with_a_sentence(
    desk: Callable[[], Desk], fields: dict[str, object], sentence: str
) -> None:
    async def scenario(here: Desk) -> None:
        await here.tell(here.meter.hello())
        with pytest.raises(Refusal) as caught:
            await here.checks.post(METER, fields)
        assert caught.value.status == 400
        assert sentence in str(caught.value)

    keep_open(desk, scenario)


def test_a_meter_that_was_never_heard_has_nothing_to_compare(desk: Callable[[], Desk]) -> None:
    async def scenario(here: Desk) -> None:
        with pytest.raises(Refusal, match="was never heard") as caught:
            await here.checks.post(METER, {"dial_m3": "1"})
        assert caught.value.status == 409

    keep_open(desk, scenario)


def check(made_at_ms: int, dial_ml: int) -> StoredCheck:
    return StoredCheck(
        METER, made_at_ms, "ann", None, dial_ml, "status", NOW_MS, EPOCH, 100, 0, 10
    )


def test_salvage_brings_checks_back_and_overwrites_none(tmp_path: Path) -> None:
    damaged, database = tmp_path / "damaged.db", tmp_path / "weir.db"
    for path, checks in ((damaged, [(1, 5), (2, 6)]), (database, [(2, 7), (3, 8)])):
        books = Bookkeeping(path)
        books.hello()
        for made_at_ms, dial_ml in checks:
            dial_checks.add(books.connection, check(made_at_ms, dial_ml))
        books.connection.close()
    tally = salvage(damaged, database).of("dial_checks")
    assert (tally.read, tally.added, tally.present) == (2, 1, 1)
    with closing(Bookkeeping(database).connection) as connection:
        kept = dial_checks.newest(connection, METER, 10)
    assert [(number, one.dial_ml) for number, one in kept] == [(3, 8), (2, 7), (1, 5)]
