"""Alarms over the local interface and over MQTT: listed, followed, acknowledged."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER, NOW_MS
from peers.event_books import CLEAR, FLOW_HIGH, LEAK, RAISE, EventBooks, event
from weir_gateway.alarms import Alarms
from weir_gateway.clock import Clock
from weir_gateway.errors import Refusal
from weir_gateway.registry import Registry
from weir_gateway.request_fields import NOTE_MAX
from weir_gateway.store import Store, event_queries

SECOND, REGISTERED, STRANGER = 2002, 3003, 4004
LEAK_ID = f"{METER}-5eed0001-e2"


class Counter:
    """Alarms on a real database, without links, broker or socket."""

    def __init__(self, folder: Path) -> None:
        self.books = EventBooks(folder / "weir.db")
        self.books.hello()
        self.books.hello(meter_id=SECOND)
        keys = folder / "keys.txt"
        keys.touch(mode=0o600)
        keys.write_text(f"{REGISTERED} {bytes(16).hex()}\n")
        registry = Registry(keys)
        registry.load()
        self.store = Store(folder / "weir.db")
        self.store.start()
        self.noted: list[int] = []
        clock = Clock(machine_s=lambda: NOW_MS / 1000 + 60)
        self.alarms = Alarms(self.store, registry, clock, self.noted.append)

    async def get(self, name: str, **options: str) -> Any:
        return await self.alarms.respond("GET", [name], options, {})

    async def acknowledge(self, alarm: str, **fields: object) -> Any:
        path = ["alarms", alarm, "acknowledgements"]
        return await self.alarms.respond("POST", path, {}, fields)

    async def listed(self, **options: str) -> list[str]:
        return [alarm["id"] for alarm in (await self.get("alarms", **options))["alarms"]]


def run(folder: Path, scenario: Callable[[Counter], Coroutine[Any, Any, None]]) -> None:
    async def opened() -> None:
        counter = Counter(folder)
        counter.books.tell(event(0, FLOW_HIGH, RAISE), event(1, FLOW_HIGH, CLEAR, value=90))
        counter.books.tell(event(2, LEAK, RAISE))
        counter.books.tell(event(0, LEAK, RAISE), meter_id=SECOND)
        await scenario(counter)
        await counter.store.close()
        counter.books.connection.close()

    asyncio.run(opened())


def test_active_alarms_are_listed_the_newest_first(tmp_path: Path) -> None:
    async def scenario(counter: Counter) -> None:
        assert await counter.listed() == [f"{SECOND}-5eed0001-e0", LEAK_ID]
        assert await counter.listed(meter=str(METER)) == [LEAK_ID]
        assert await counter.listed(meter=str(REGISTERED)) == []

    run(tmp_path, scenario)


def test_past_alarms_are_listed_page_by_page(tmp_path: Path) -> None:
    async def scenario(counter: Counter) -> None:
        assert await counter.listed(all="1", meter=str(METER)) == [
            LEAK_ID,
            f"{METER}-5eed0001-e0",
        ]
        assert await counter.listed(all="1", limit="1") == [f"{SECOND}-5eed0001-e0"]
        after_it = await counter.get("alarms", all="1", before=LEAK_ID)
        (past,) = after_it["alarms"]
        assert (past["active"], past["value"], past["cleared_value"]) == (False, 120, 90)

    run(tmp_path, scenario)


def test_an_acknowledgement_says_who_when_and_what(tmp_path: Path) -> None:
    async def scenario(counter: Counter) -> None:
        told = await counter.acknowledge(LEAK_ID, by="Ada", note="valve ordered")
        words = {"by": "Ada", "at": "2026-09-21T14:14:20.000Z", "note": "valve ordered"}
        assert (told["active"], told["acknowledged"]) == (True, words)
        assert counter.noted == [METER]
        assert counter.store.look_up(event_queries.alarm_counts) == (2, 1)
        await counter.acknowledge(LEAK_ID)
        assert counter.store.look_up(event_queries.alarm_counts) == (2, 1)
        listed = await counter.get("alarms", meter=str(METER))
        assert listed["alarms"][0]["acknowledged"]["by"] == "local interface"
        past = await counter.acknowledge(f"{METER}-5eed0001-e0", by="Ada")
        assert past["acknowledged"]["by"] == "Ada"

    run(tmp_path, scenario)


def test_alarms_are_acknowledged_over_mqtt_too(tmp_path: Path) -> None:
    async def scenario(counter: Counter) -> None:
        fields: dict[str, object] = {"alarm": LEAK_ID, "note": "seen"}
        told = await counter.alarms.answer(METER, fields, None)
        assert isinstance(told["alarm"], dict)
        assert told["alarm"]["acknowledged"]["by"] == "MQTT"
        for wrong in ({}, {"alarm": 7}, {"alarm": LEAK_ID, "who": "Ada"}):
            with pytest.raises(Refusal):
                await counter.alarms.answer(METER, wrong, None)
        with pytest.raises(Refusal, match="use the topic of its meter"):
            await counter.alarms.answer(SECOND, fields, None)

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("alarm", "fields", "status"),
    [
        (f"{METER}-5eed0001-e1", {}, 404),  # that event raised nothing
        (f"{METER}-gateway-e2", {}, 404),
        (f"{STRANGER}-5eed0001-e2", {}, 404),
        ("leak", {}, 400),
        (LEAK_ID, {"note": 7}, 400),
        (LEAK_ID, {"note": "two\nlines"}, 400),
        (LEAK_ID, {"note": "x" * (NOTE_MAX + 1)}, 400),
        (LEAK_ID, {"remark": "x"}, 400),
    ],
)
def test_a_wrong_acknowledgement_is_refused_with_a_sentence(
    tmp_path: Path, alarm: str, fields: dict[str, object], status: int
) -> None:
    async def scenario(counter: Counter) -> None:
        with pytest.raises(Refusal) as refused:
            await counter.acknowledge(alarm, **fields)
        assert refused.value.status == status
        assert counter.noted == []

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("name", "options", "status"),
    [
        ("alarms", {"meter": str(STRANGER)}, 404),
        ("alarms", {"meter": "one"}, 400),
        ("alarms", {"limit": "0", "all": "1"}, 400),
        ("alarms", {"colour": "red"}, 400),
        ("events", {"after": "-1"}, 400),
        ("events", {"limit": "1001"}, 400),
    ],
)
def test_a_wrong_question_is_refused(
    tmp_path: Path, name: str, options: dict[str, str], status: int
) -> None:
    async def scenario(counter: Counter) -> None:
        with pytest.raises(Refusal) as refused:
            await counter.get(name, **options)
        assert refused.value.status == status

    run(tmp_path, scenario)


def test_events_are_followed_without_missing_one(tmp_path: Path) -> None:
    async def scenario(counter: Counter) -> None:
        def sequences(page: dict[str, Any]) -> list[int]:
            return [one["sequence"] for one in page["events"]]

        newest = await counter.get("events", meter=str(METER), limit="2")
        assert sequences(newest) == [1, 2]
        after = str(newest["next"])
        assert (await counter.get("events", after=after))["events"] == []
        counter.books.tell(event(3), event(4))
        counter.books.tell(event(1), meter_id=SECOND)
        page = await counter.get("events", after=after, meter=str(METER), limit="1")
        assert sequences(page) == [3]
        page = await counter.get("events", after=str(page["next"]), meter=str(METER))
        assert sequences(page) == [4]
        assert (await counter.get("events", after=str(page["next"])))["events"] == []
        assert sequences(await counter.get("events", after="0", limit="3")) == [0, 1, 2]
        ahead = await counter.get("events", after="900000")  # of a database that was replaced
        assert int(ahead["next"]) == int(page["next"])

    run(tmp_path, scenario)
