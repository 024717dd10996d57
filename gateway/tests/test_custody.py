"""Custody: an acknowledgement means durable, and everything else gets no answer at all."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from peers.office import keep_open
from peers.scripted_meter import ScriptedMeter, record
from weir_gateway.clock import Clock
from weir_gateway.counters import RejectCounters
from weir_gateway.custody import Custodian, Taken
from weir_gateway.registry import Registry
from weir_gateway.store import Store, custody, schema
from weir_protocol.batch import Batch
from weir_protocol.frames import FrameType
from weir_protocol.framing import Deframer
from weir_protocol.session import HostSession

METER = 1001
NOW_MS = 1_790_000_000_250


class Office:
    """A custodian on a real database, with one registered meter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meter = ScriptedMeter(METER)
        self.counters = RejectCounters()
        self.taken: list[Taken] = []
        keys = folder / "keys.txt"
        keys.touch(mode=0o600)
        keys.write_text(f"{METER} {self.meter.key.hex()}\n")
        self.registry = Registry(keys)
        self.registry.load()
        self.store = Store(folder / "weir.db")
        self.clock = Clock(machine_s=lambda: NOW_MS / 1000)
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory, as after a restart of the gateway."""
        self.custodian = Custodian(
            self.store, self.registry, self.clock, self.counters, self.taken.append
        )

    async def tell(self, stream_bytes: bytes) -> list[dict[str, Any] | None]:
        """Submit frames at once; return for each that was submitted what it was answered."""
        frames = Deframer().feed(stream_bytes)
        submitted = [self.custodian.submit(frame, "test") for frame in frames]
        answers = [await answer for answer in submitted if answer is not None]
        return [self.meter.answers(answer)[0] if answer else None for answer in answers]

    def reasons(self) -> dict[str, int]:
        return dict(self.counters.totals)

    def sequences(self) -> list[int]:
        connection = sqlite3.connect(self.folder / "weir.db")
        rows = connection.execute("SELECT sequence FROM readings ORDER BY sequence").fetchall()
        connection.close()
        return [sequence for (sequence,) in rows]


def run(folder: Path, scenario: Callable[[Office], Coroutine[Any, Any, None]]) -> Office:
    return keep_open(lambda: Office(folder), scenario)


def test_hello_and_readings_are_answered_with_time_and_resume_point(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        (hello,) = await office.tell(office.meter.hello(sequence_oldest=5, sequence_next=8))
        assert hello is not None
        counter = hello["counter"]
        assert hello == {
            "counter": counter,
            "answers": 1,
            "time_s": NOW_MS // 1000,
            "time_ms": 250,
            "resume_at": 5,
            "flags": 0,
        }
        (readings,) = await office.tell(office.meter.span(5, 7))
        assert readings is not None
        assert (readings["answers"], readings["resume_at"]) == (2, 8)
        assert readings["counter"] > counter

    office = run(tmp_path, scenario)
    assert [taken.receipt.stored_count for taken in office.taken] == [0, 3]
    assert office.reasons() == {}


def test_nothing_is_answered_before_it_is_durable(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        gate = threading.Event()
        held_up = office.store.commit(lambda _: gate.wait(30))
        (frame,) = Deframer().feed(office.meter.span(0, 2))
        answer = office.custodian.submit(frame, "test")
        assert answer is not None
        await asyncio.wait([answer], timeout=0.3)
        assert not answer.done()
        assert office.sequences() == []

        gate.set()
        await held_up
        assert await answer is not None
        assert office.sequences() == [0, 1, 2]

    run(tmp_path, scenario)


def test_the_time_told_is_that_after_the_commit(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        machine_s = [NOW_MS / 1000]
        office.clock = Clock(machine_s=lambda: machine_s[0])
        office.start()
        gate = threading.Event()
        held_up = office.store.commit(lambda _: gate.wait(30))
        (frame,) = Deframer().feed(office.meter.span(0, 2))
        answer = office.custodian.submit(frame, "test")
        assert answer is not None
        machine_s[0] += 7.125
        gate.set()
        await held_up
        (told,) = office.meter.answers(await answer or b"")
        assert told["time_s"] * 1000 + told["time_ms"] == NOW_MS + 7125

    run(tmp_path, scenario)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for a locked database."""
    monkeypatch.setattr(schema, "LOCK_WAIT_S", 0.1)


def test_when_the_store_fails_nothing_is_answered_until_it_recovers(
    tmp_path: Path, impatient: None
) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        lock = sqlite3.connect(tmp_path / "weir.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")  # another program keeps the database locked
        assert await office.tell(office.meter.span(0, 2)) == [None]
        assert "locked" in str(office.store.problem)
        assert office.reasons() == {"store": 1}

        lock.execute("ROLLBACK")
        (answer,) = await office.tell(office.meter.span(0, 2))
        assert answer is not None
        assert answer["resume_at"] == 3
        assert office.store.problem is None
        lock.close()

    office = run(tmp_path, scenario)
    assert [taken.receipt.stored_count for taken in office.taken] == [0, 3]


def test_a_failed_hello_leaves_no_epoch_behind(tmp_path: Path, impatient: None) -> None:
    async def scenario(office: Office) -> None:
        lock = sqlite3.connect(tmp_path / "weir.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        assert await office.tell(office.meter.hello()) == [None]
        lock.execute("ROLLBACK")
        lock.close()
        assert await office.tell(office.meter.span(0, 1)) == []
        assert office.reasons() == {"store": 1, "unknown_epoch": 1}
        assert await office.tell(office.meter.hello() + office.meter.span(0, 1)) != []

    assert run(tmp_path, scenario).taken[-1].receipt.resume_at == 2


def test_a_meter_that_is_not_registered_gets_no_answer(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        assert await office.tell(ScriptedMeter(77).hello()) == []

    assert run(tmp_path, scenario).reasons() == {"unknown_meter": 1}


def test_a_frame_under_the_wrong_key_gets_no_answer(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        stranger = ScriptedMeter(METER, key=bytes(16))
        assert await office.tell(stranger.hello()) == []
        assert await office.tell(office.meter.hello()) != []
        assert await office.tell(stranger.span(0, 3)) == []

    office = run(tmp_path, scenario)
    assert office.reasons() == {"wrong_key": 2}
    assert len(office.taken) == 1


@pytest.mark.parametrize("size", [0, 1, 5, 6, 20, 46])
def test_a_frame_cut_short_gets_no_answer(tmp_path: Path, size: int) -> None:
    async def scenario(office: Office) -> None:
        (frame,) = Deframer().feed(office.meter.hello())
        assert office.custodian.submit(frame[:size], "test") is None

    assert sum(run(tmp_path, scenario).reasons().values()) == 1


def test_a_replayed_frame_gets_no_answer_even_after_a_restart(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        hello, readings = office.meter.hello(), office.meter.span(0, 2)
        await office.tell(hello + readings)
        assert await office.tell(hello + readings) == []
        office.start()
        assert await office.tell(hello + readings) == []

    office = run(tmp_path, scenario)
    assert office.reasons() == {"replay": 4}
    assert len(office.taken) == 2


def test_a_hello_of_an_epoch_long_past_is_still_a_replay(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        old_hello = office.meter.hello()
        await office.tell(old_hello)
        office.meter.epoch = 7
        await office.tell(office.meter.hello() + office.meter.span(0, 1))
        office.start()
        assert await office.tell(old_hello) == []
        (answer,) = await office.tell(office.meter.span(2, 3))
        assert answer is not None
        assert answer["resume_at"] == 4

    assert run(tmp_path, scenario).reasons() == {"replay": 1}


def test_readings_before_any_hello_get_no_answer(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        assert await office.tell(office.meter.span(0, 3)) == []

    assert run(tmp_path, scenario).reasons() == {"unknown_epoch": 1}


def test_after_a_restart_a_session_goes_on_without_hello(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        _, before = await office.tell(office.meter.hello() + office.meter.span(0, 2))
        office.start()
        (answer,) = await office.tell(office.meter.span(3, 5))
        assert before is not None
        assert answer is not None
        assert answer["resume_at"] == 6
        assert answer["counter"] > before["counter"]

    assert run(tmp_path, scenario).sequences() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("restarted", [False, True])
def test_readings_packed_against_a_held_record_are_understood(
    tmp_path: Path, restarted: bool
) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello() + office.meter.span(0, 2))
        if restarted:
            office.start()
        batch = Batch((record(3), record(4)), 900, 15, reference=record(2))
        fields = {"settings_version": 0x07, "batch": batch}
        (answer,) = await office.tell(office.meter.uplink(FrameType.READINGS, fields))
        assert answer is not None
        assert answer["resume_at"] == 5

    assert run(tmp_path, scenario).sequences() == [0, 1, 2, 3, 4]


def test_readings_packed_against_a_record_that_is_not_held_get_no_answer(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        batch = Batch((record(3),), 900, 15, reference=record(2))
        fields = {"settings_version": 0x07, "batch": batch}
        assert await office.tell(office.meter.uplink(FrameType.READINGS, fields)) == []
        (answer,) = await office.tell(office.meter.span(0, 3))
        assert answer is not None
        assert answer["resume_at"] == 4

    assert sum(run(tmp_path, scenario).reasons().values()) == 1


def test_frames_of_an_unknown_settings_version_make_the_gateway_ask_for_hello(
    tmp_path: Path,
) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello(settings_version=0x0107))
        flags = [
            answer["flags"]
            for version in (0x07, 0x08)
            for answer in await office.tell(
                office.meter.readings(record(version - 7), settings_version=version)
            )
            if answer is not None
        ]
        assert flags == [0, 2]
        (answer,) = await office.tell(office.meter.hello(settings_version=0x0108))
        assert answer is not None
        assert answer["flags"] == 0

    run(tmp_path, scenario)


def test_a_repeat_that_differs_is_counted_and_answered_as_held(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello() + office.meter.span(0, 2))
        (answer,) = await office.tell(office.meter.readings(record(2, forward_pulses=9999)))
        assert answer is not None
        assert answer["resume_at"] == 3

    assert run(tmp_path, scenario).reasons() == {"conflict": 1}


def test_status_and_lost_frames_are_answered(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        status, lost = await office.tell(office.meter.status() + office.meter.lost((0, 9)))
        assert status is not None
        assert lost is not None
        assert (status["resume_at"], lost["resume_at"]) == (0, 10)

    run(tmp_path, scenario)


def test_a_fault_while_storing_costs_only_its_own_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        monkeypatch.setattr(custody, "take_status", broken)
        answers = await office.tell(office.meter.status() + office.meter.span(0, 2))
        assert answers[0] is None
        assert answers[1] is not None

    assert run(tmp_path, scenario).reasons() == {"fault": 1}
    assert "a bug" in caplog.text


def test_a_fault_while_opening_costs_only_its_own_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        with monkeypatch.context() as patched:
            patched.setattr(HostSession, "receive", broken)
            assert await office.tell(office.meter.span(0, 2)) == []
        (answer,) = await office.tell(office.meter.span(0, 2))
        assert answer is not None
        assert answer["resume_at"] == 3

    assert run(tmp_path, scenario).reasons() == {"fault": 1}
    assert "a bug" in caplog.text


def test_neither_keys_nor_readings_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello() + office.meter.span(0, 2))
        await office.tell(ScriptedMeter(METER, key=bytes(16)).hello())
        await office.tell(office.meter.readings(record(2, forward_pulses=987_654_321)))

    with caplog.at_level(logging.DEBUG):
        office = run(tmp_path, scenario)
    assert office.meter.key.hex() not in caplog.text
    assert "987654321" not in caplog.text
