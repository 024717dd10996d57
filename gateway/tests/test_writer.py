"""Transactions and the thread around them: in order, in groups, whole or not at all."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weir_gateway.errors import StoreUnavailable
from weir_gateway.store.transaction import Request, Transactions
from weir_gateway.store.writer import Writer


def opener(path: Path, trace: list[str] | None = None) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("CREATE TABLE IF NOT EXISTS notes (number INTEGER UNIQUE)")
        if trace is not None:
            connection.set_trace_callback(trace.append)
        return connection

    return connect


class FailingDisk:
    """Opens connections of which the first one's ``nth`` COMMIT fails, and all it does after.

    So does a real one that lost its disk, until the file is opened anew.
    """

    def __init__(self, path: Path, nth: int) -> None:
        self.opened_count = 0
        self._path = path
        self._left = nth

    def connect(self) -> sqlite3.Connection:
        disk, is_first = self, self.opened_count == 0
        self.opened_count += 1

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
                disk._left -= is_first and sql == "COMMIT"
                if is_first and disk._left <= 0 and sql != "ROLLBACK":
                    raise sqlite3.OperationalError("disk I/O error")
                return super().execute(sql, *arguments)

        connection = sqlite3.connect(self._path, isolation_level=None, factory=Connection)
        connection.execute("CREATE TABLE IF NOT EXISTS notes (number INTEGER UNIQUE)")
        return connection


def refuse(_: sqlite3.Connection) -> None:
    raise ValueError("mine alone")


def note(number: int) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO notes VALUES (?)", (number,))
        return number

    return work


def notes(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    found = [number for (number,) in connection.execute("SELECT number FROM notes")]
    connection.close()
    return found


def test_what_is_awaited_is_in_the_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(Transactions(opener(tmp_path / "a.db")))
        writer.start()
        assert await writer.submit(note(7)) == 7
        assert notes(tmp_path / "a.db") == [7]
        await writer.stop()

    asyncio.run(scenario())


def test_all_that_waits_at_a_moment_becomes_one_transaction_in_order(tmp_path: Path) -> None:
    trace: list[str] = []

    async def scenario() -> None:
        writer = Writer(Transactions(opener(tmp_path / "a.db", trace)))
        writer.start()
        gate = threading.Event()
        first = writer.submit(lambda _: gate.wait(30))
        rest = [writer.submit(note(number)) for number in range(50)]
        gate.set()
        await first
        assert await asyncio.gather(*rest) == list(range(50))
        await writer.stop()

    asyncio.run(scenario())
    assert notes(tmp_path / "a.db") == list(range(50))
    assert trace.count("COMMIT") <= 2


def test_the_fault_of_one_request_costs_the_others_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(Transactions(opener(tmp_path / "a.db")))
        writer.start()
        gate = threading.Event()
        writer.submit(lambda _: gate.wait(30))
        good = [writer.submit(note(number)) for number in (1, 2)]
        bad = writer.submit(refuse)
        twice = writer.submit(note(1))
        last = writer.submit(note(3))
        gate.set()
        assert await asyncio.gather(*good, last) == [1, 2, 3]
        with pytest.raises(ValueError, match="mine alone"):
            await bad
        with pytest.raises(sqlite3.IntegrityError):
            await twice
        assert writer.problem is None
        await writer.stop()

    asyncio.run(scenario())
    assert notes(tmp_path / "a.db") == [1, 2, 3]


def test_when_the_disk_is_full_nothing_is_stored_and_it_recovers_by_itself(tmp_path: Path) -> None:
    pages_max = [3]

    def connect() -> sqlite3.Connection:
        connection = opener(tmp_path / "a.db")()
        connection.execute(f"PRAGMA max_page_count = {pages_max[0]}")
        return connection

    def big(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS big (filler)")
        connection.execute("INSERT INTO big VALUES (zeroblob(100000))")

    async def scenario() -> None:
        writer = Writer(Transactions(connect))
        writer.start()
        gate = threading.Event()
        writer.submit(lambda _: gate.wait(30))
        failing: list[asyncio.Future[Any]] = [writer.submit(note(1)), writer.submit(big)]
        gate.set()
        for future in failing:
            with pytest.raises(StoreUnavailable, match="full"):
                await future
        assert "full" in str(writer.problem)
        assert notes(tmp_path / "a.db") == []

        pages_max[0] = 1000
        await writer.submit(note(2))
        assert writer.problem is None
        await writer.stop()

    asyncio.run(scenario())
    assert notes(tmp_path / "a.db") == [2]


def test_a_database_that_cannot_be_opened_is_tried_again_for_the_next_request(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "later"

    async def scenario() -> None:
        writer = Writer(Transactions(opener(folder / "a.db")))
        writer.start()
        with pytest.raises(StoreUnavailable):
            await writer.submit(note(1))
        folder.mkdir()
        assert await writer.submit(note(2)) == 2
        await writer.stop()

    asyncio.run(scenario())
    assert notes(folder / "a.db") == [2]


def test_stopping_finishes_what_was_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(Transactions(opener(tmp_path / "a.db")))
        writer.start()
        waiting = [writer.submit(note(number)) for number in range(2500)]
        await writer.stop()
        await asyncio.gather(*waiting)

    asyncio.run(scenario())
    assert notes(tmp_path / "a.db") == list(range(2500))


def test_a_request_that_nobody_waits_for_any_more_is_still_done(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(Transactions(opener(tmp_path / "a.db")))
        writer.start()
        writer.submit(note(1)).cancel()
        await writer.submit(note(2))
        await writer.stop()

    asyncio.run(scenario())
    assert notes(tmp_path / "a.db") == [1, 2]


def test_transactions_need_neither_a_thread_nor_an_event_loop(tmp_path: Path) -> None:
    transactions = Transactions(opener(tmp_path / "a.db"))
    group = [Request(note(1)), Request(note(1)), Request(note(2))]
    transactions.commit(group)
    transactions.close()
    assert [request.result for request in group if request.error is None] == [1, 2]
    assert isinstance(group[1].error, sqlite3.IntegrityError)
    assert notes(tmp_path / "a.db") == [1, 2]


def test_transactions_stand_still_until_they_are_called_again(tmp_path: Path) -> None:
    transactions = Transactions(opener(tmp_path / "later" / "a.db"))
    failed = Request(note(1))
    transactions.commit([failed])
    assert isinstance(failed.error, StoreUnavailable)
    assert "unable to open" in str(transactions.problem)

    (tmp_path / "later").mkdir()
    transactions.commit([Request(note(2))])
    assert transactions.problem is None
    transactions.close()
    assert notes(tmp_path / "later" / "a.db") == [2]


def test_what_a_disk_does_not_take_while_a_group_is_taken_apart_is_never_acknowledged(
    tmp_path: Path,
) -> None:
    disk = FailingDisk(tmp_path / "a.db", nth=2)
    transactions = Transactions(disk.connect)
    group = [Request(note(1)), Request(note(2)), Request(refuse), Request(note(3))]
    transactions.commit(group)
    transactions.close()
    assert isinstance(group[1].error, StoreUnavailable)
    assert "disk I/O error" in str(group[1].error)
    assert isinstance(group[2].error, ValueError)
    assert [request.result for request in group if request.error is None] == [1, 3]
    assert notes(tmp_path / "a.db") == [1, 3]


def test_what_is_undone_leaves_no_result_behind(tmp_path: Path) -> None:
    transactions = Transactions(FailingDisk(tmp_path / "a.db", nth=1).connect)
    group = [Request(note(1)), Request(note(2))]
    transactions.commit(group)
    transactions.close()
    assert [request.result for request in group] == [None, None]
    assert notes(tmp_path / "a.db") == []


def test_after_an_io_error_the_next_request_gets_a_connection_of_its_own(tmp_path: Path) -> None:
    disk = FailingDisk(tmp_path / "a.db", nth=1)
    transactions = Transactions(disk.connect)
    first, second = Request(note(1)), Request(note(2))
    transactions.commit([first])
    assert isinstance(first.error, StoreUnavailable)
    transactions.commit([second])
    transactions.close()
    assert (second.error, second.result) == (None, 2)
    assert disk.opened_count == 2
    assert transactions.problem is None
    assert notes(tmp_path / "a.db") == [2]
