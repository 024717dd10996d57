"""The watches on a real database: what they find is an alarm like any other."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from peers.echo import until
from peers.office import METER, Office
from peers.scripted_meter import HELLO
from weir_gateway.clock import Clock
from weir_gateway.config_alarms import AlarmsConfig
from weir_gateway.event_documents import alarm_document
from weir_gateway.store import event_queries, listening
from weir_gateway.watch.watches import Watches

HOUR_S = 3600
STORED_S = 900


class Watched(Office):
    """An office with watches, on a calendar in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.calendar_s = float(HELLO["clock_s"])
        self.clock = Clock(machine_s=lambda: self.calendar_s)
        super().__init__(folder)
        self.config = AlarmsConfig()
        self.noted: list[int] = []

    async def open(self) -> None:
        """Start with nothing in memory, as after a restart of the gateway."""
        self.watches = Watches(
            self.config,
            self.store,
            self.clock,
            self.noted.append,
            self.registry,
            lambda: self.monotonic_s,
        )
        await self.watches.load()
        self.on_taken = self.watches.hear

    def later(self, seconds: float) -> None:
        """Let time pass while the gateway listens."""
        for _ in range(20):
            self.calendar_s += seconds / 20
            self.monotonic_s += seconds / 20
            self.watches.check()

    def has_listened(self, stretches: list[tuple[int, int]]) -> bool:
        return self.store.look_up(listening.stretches) == stretches

    async def active(self) -> list[str]:
        await self.store.commit(lambda _: None)  # after what was found
        found = await self.store.read(event_queries.active_alarms, None)
        return [alarm_document(one)["name"] for one in found]


def run(folder: Path, scenario: Callable[[Watched], Coroutine[Any, Any, None]]) -> None:
    async def opened() -> None:
        office = Watched(folder)
        office.store.start()
        await office.open()
        await office.tell(office.meter.hello())
        await scenario(office)
        await office.store.close()

    asyncio.run(opened())


def test_silence_lasts_over_a_restart_and_ends_with_the_next_uplink(tmp_path: Path) -> None:
    async def scenario(office: Watched) -> None:
        assert await office.active() == []
        office.later(HOUR_S)
        assert await office.active() == ["silence"]
        await office.open()
        office.later(HOUR_S)
        assert await office.active() == ["silence"]
        await office.tell(office.meter.span(0, 1))
        assert await office.active() == []
        assert office.noted == [METER, METER]

    run(tmp_path, scenario)


def test_sessions_missed_before_a_restart_count_and_those_of_the_outage_do_not(
    tmp_path: Path,
) -> None:
    async def scenario(office: Watched) -> None:
        started_ms = int(office.calendar_s * 1000)
        office.calendar_s += 20 * HOUR_S
        await office.open()
        office.later(10)
        assert await office.active() == []
        await office.store.commit(listening.note, started_ms, started_ms + 1000 * HOUR_S)
        await office.open()
        office.later(10)
        assert await office.active() == ["silence"]

    run(tmp_path, scenario)


def test_a_register_and_a_clock_are_judged_by_what_the_meter_sends(tmp_path: Path) -> None:
    async def scenario(office: Watched) -> None:
        meter = office.meter
        office.calendar_s += 2 * STORED_S
        await office.tell(meter.span(0, 1))
        await office.tell(meter.span(2, 2, forward_pulses=3))
        assert await office.active() == ["register"]
        await office.tell(meter.status(taken_at_s=int(office.calendar_s) + 60))
        assert await office.active() == ["clock", "register"]
        hello = {"clock_s": int(office.calendar_s), "boot_sequence": 3}
        await office.tell(meter.hello(**hello))
        assert await office.active() == ["register"]

    run(tmp_path, scenario)


@pytest.mark.parametrize("name", ["silence", "register", "clock"])
def test_an_alarm_that_is_not_wanted_any_more_is_cleared_and_never_raised(
    tmp_path: Path, name: str
) -> None:
    async def scenario(office: Watched) -> None:
        async def make_all() -> None:
            meter, now_s = office.meter, int(office.calendar_s)
            office.later(HOUR_S)
            await office.tell(meter.span(0, 1))
            await office.tell(meter.span(2, 2, forward_pulses=3, taken_at_s=now_s + 9 * HOUR_S))
            office.later(HOUR_S)

        await make_all()
        assert sorted(await office.active()) == ["clock", "register", "silence"]
        off: dict[str, Any] = {name: False}
        office.config = replace(office.config, **off)
        await office.open()
        assert name not in await office.active()
        await make_all()
        assert name not in await office.active()

    run(tmp_path, scenario)


def test_a_meter_that_is_taken_out_of_the_key_file_is_not_called_silent(tmp_path: Path) -> None:
    async def scenario(office: Watched) -> None:
        office.later(HOUR_S)
        assert await office.active() == ["silence"]
        keys = tmp_path / "keys.txt"
        text = keys.read_text()
        keys.write_text("")
        office.registry.load()
        office.later(HOUR_S)
        assert await office.active() == []
        keys.write_text(text)
        office.registry.load()
        office.later(1)
        assert await office.active() == []
        office.later(HOUR_S)
        assert await office.active() == ["silence"]

    run(tmp_path, scenario)


def test_that_the_gateway_listens_is_noted_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir_gateway.watch.watches.LISTENING_EVERY_S", 0.001)

    async def scenario(office: Watched) -> None:
        noting = asyncio.create_task(office.watches.run())
        begun_ms = int(office.calendar_s * 1000)
        for ended_ms in (begun_ms, begun_ms + 50_000):
            office.calendar_s = ended_ms / 1000
            expected = [(begun_ms, ended_ms)]
            await until(partial(office.has_listened, expected), "the note")
        noting.cancel()

    run(tmp_path, scenario)


def test_of_the_starts_of_a_gateway_a_bounded_number_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "KEPT_MAX", 3)
    office = Office(tmp_path)
    with closing(office.connect()) as connection:
        for start in range(6):
            listening.note(connection, start * 10, start * 10 + 5)
        assert listening.stretches(connection) == [(30, 35), (40, 45), (50, 55)]


def test_a_clock_that_was_set_back_takes_nothing_from_what_was_listened(tmp_path: Path) -> None:
    office = Office(tmp_path)
    with closing(office.connect()) as connection:
        for now_ms in (50, 20):
            listening.note(connection, 10, now_ms)
        assert listening.stretches(connection) == [(10, 50)]
