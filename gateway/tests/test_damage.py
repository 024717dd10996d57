"""A damaged database: set aside whole, replaced by a fresh one, remembered until cared for."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from peers.bookkeeping import METER, NOW_MS, Bookkeeping
from peers.ruin import cut_in_half, fold_log, garble_schema, junk_pages, overwrite, page_count
from peers.scripted_meter import HELLO
from weir_gateway.errors import StoreUnavailable, StoreUnusable
from weir_gateway.store import Store, custody, damage, schema, set_aside
from weir_gateway.store.file import RENEWALS_MAX, RENEWALS_WITHIN_S, DatabaseFile
from weir_gateway.store.promise import Origin
from weir_gateway.store.receipt import Receipt
from weir_gateway.store.transaction import Request, Transactions

RECORDS = 3000
CORRUPT = sqlite3.DatabaseError("database disk image is malformed")
CORRUPT.sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of this gateway with readings, closed cleanly and known to its lock file."""
    path = tmp_path / "weir.db"
    DatabaseFile(path).prepare()
    books = Bookkeeping(path)
    books.connection.execute("BEGIN")
    books.hello()
    for first in range(0, RECORDS, 50):
        books.span(first, first + 49)
    books.connection.execute("COMMIT")
    books.connection.close()
    return path


@pytest.fixture
def unmarked(path: Path) -> Path:
    """The same as an earlier release left it: its lock file says nothing."""
    path.with_name("weir.db.lock").unlink()
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.suffix != ".lock"}


def reading_count(path: Path) -> int:
    with closing(schema.connect(path, read_only=True)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM readings").fetchone()[0])


def only_one_set_aside(path: Path) -> Path:
    (one,) = set_aside.found(path)
    return one.path


def zap_header(path: Path) -> None:
    overwrite(path, 0, bytes(100))


def junk_the_middle(path: Path) -> None:
    middle = page_count(path) // 2
    junk_pages(path, range(middle, middle + 3))


@pytest.mark.parametrize("ruin", [zap_header, garble_schema, junk_the_middle, cut_in_half])
def test_one_that_is_damaged_at_the_start_is_set_aside_whole(
    unmarked: Path, ruin: Callable[[Path], None]
) -> None:
    ruin(unmarked)
    before = unmarked.read_bytes()

    file = DatabaseFile(unmarked)
    file.prepare()

    kept = only_one_set_aside(unmarked)
    assert kept.read_bytes() == before
    assert str(kept) in str(file.alarm)
    assert reading_count(unmarked) == 0


def test_one_without_its_first_page_is_known_by_its_lock_file(path: Path) -> None:
    junk_pages(path, range(1, 2))
    before = path.read_bytes()
    DatabaseFile(path).prepare()
    assert only_one_set_aside(path).read_bytes() == before
    assert reading_count(path) == 0


def test_one_that_is_gone_is_begun_anew_and_the_log_says_so(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.unlink()
    DatabaseFile(path).prepare()
    assert reading_count(path) == 0
    assert set_aside.found(path) == []
    assert "is gone" in caplog.text


def test_the_log_is_set_aside_with_its_database(path: Path) -> None:
    books = Bookkeeping(path)
    books.counter = RECORDS
    books.hello()
    before = contents(path.parent)
    books.connection.close()
    for name, content in before.items():  # as a power cut leaves it
        path.with_name(name).write_bytes(content)
    assert before["weir.db-wal"]
    zap_header(path)

    DatabaseFile(path).prepare()

    kept = only_one_set_aside(path)
    assert set_aside.beside(kept, "-wal").read_bytes() == before["weir.db-wal"]


def test_a_log_without_its_database_is_not_deleted(path: Path) -> None:
    path.with_name("weir.db-wal").write_bytes(b"what was committed last")
    path.write_bytes(b"")
    DatabaseFile(path).prepare()
    kept = only_one_set_aside(path)
    assert set_aside.beside(kept, "-wal").read_bytes() == b"what was committed last"


def other_text(path: Path) -> None:
    path.write_text("something else " * 1000)


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def other_database_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.executemany("INSERT INTO theirs VALUES (?)", [("x" * 1000,)] * 100)
        connection.commit()
    cut_in_half(path)


def newer_database(path: Path) -> None:
    schema.prepare(path, (*schema.MIGRATIONS, "CREATE TABLE later (x)"))


@pytest.mark.parametrize(
    "make", [other_text, other_database, other_database_damaged, newer_database]
)
def test_what_is_not_ours_or_too_new_is_refused_and_stays_where_it_is(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "weir.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"not a database of this gateway|newer gateway"):
        DatabaseFile(path).prepare()
    assert path.read_bytes() == before
    assert set_aside.found(path) == []


def test_a_fresh_one_has_the_rights_of_the_one_before(path: Path) -> None:
    path.chmod(0o640)
    zap_header(path)
    DatabaseFile(path).prepare()
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_alarm_stays_over_restarts_until_somebody_cares(path: Path) -> None:
    zap_header(path)
    DatabaseFile(path).prepare()
    again = DatabaseFile(path)
    again.prepare()
    assert again.alarm is not None
    set_aside.beside(only_one_set_aside(path), set_aside.ACKNOWLEDGED).touch()
    assert again.alarm is None


def test_a_setting_aside_that_was_cut_off_is_ended_at_the_next_start(path: Path) -> None:
    (path.parent / "weir.db.damaged-20261121T120000Z-1-wal").write_bytes(b"log")
    before = path.read_bytes()
    file = DatabaseFile(path)
    file.prepare()
    kept = only_one_set_aside(path)
    assert kept.read_bytes() == before
    assert reading_count(path) == 0
    assert file.alarm is not None


def ruin_under_a_running_store(path: Path) -> None:
    fold_log(path)
    junk_pages(path, range(2, page_count(path) + 1))


def look_at_everything(connection: sqlite3.Connection) -> int:
    return len(connection.execute("SELECT * FROM readings NOT INDEXED").fetchall())


def say_hello(connection: sqlite3.Connection, counter: int = 10_000) -> Receipt:
    return custody.take_hello(connection, Origin(METER, 1, counter, NOW_MS), HELLO)


def test_one_that_is_found_damaged_by_a_commit_is_replaced_while_the_gateway_runs(
    path: Path,
) -> None:
    renewed: list[bool] = []

    async def scenario() -> None:
        store = Store(path, lambda: renewed.append(True))
        store.start()
        assert await store.read(look_at_everything) == RECORDS
        ruin_under_a_running_store(path)
        with pytest.raises(StoreUnavailable, match="set aside whole as"):
            await store.commit(look_at_everything)
        await store.commit(say_hello)
        assert store.problem is None
        assert await store.read(look_at_everything) == 0
        assert store.look_up(look_at_everything) == 0
        await store.close()

    asyncio.run(scenario())
    assert renewed == [True]
    assert path.with_name(only_one_set_aside(path).name).stat().st_size > 0


async def read(store: Store) -> int:
    return await store.read(look_at_everything)


async def look_up(store: Store) -> int:
    return store.look_up(look_at_everything)


@pytest.mark.parametrize("ask", [read, look_up])
def test_one_that_is_found_damaged_by_a_reader_is_replaced_as_well(
    path: Path, ask: Callable[[Store], Awaitable[int]]
) -> None:
    async def scenario() -> None:
        store = Store(path)
        store.start()
        ruin_under_a_running_store(path)
        with pytest.raises(StoreUnavailable):
            await ask(store)
        with pytest.raises(StoreUnavailable):
            await store.commit(say_hello)  # shares the transaction of the complaint
        await store.commit(say_hello)
        assert await store.read(look_at_everything) == 0
        await store.close()

    asyncio.run(scenario())
    assert only_one_set_aside(path).exists()


def test_two_complaints_about_one_file_replace_it_once(path: Path) -> None:
    async def scenario() -> None:
        store = Store(path)
        store.start()
        ruin_under_a_running_store(path)
        failing = [store.read(look_at_everything) for _ in range(3)]
        found = await asyncio.gather(*failing, return_exceptions=True)
        assert any(isinstance(one, StoreUnavailable) for one in found)
        await store.close()

    asyncio.run(scenario())
    assert only_one_set_aside(path).exists()


def test_damage_that_is_gone_at_the_second_look_costs_nothing(path: Path) -> None:
    faults = [CORRUPT]

    def flicker(connection: sqlite3.Connection) -> int:
        if faults:
            raise faults.pop()
        return look_at_everything(connection)

    async def scenario() -> None:
        store = Store(path)
        store.start()
        assert await store.commit(flicker) == RECORDS
        faults.append(CORRUPT)
        assert await store.read(flicker) == RECORDS
        await store.close()

    asyncio.run(scenario())
    assert set_aside.found(path) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_CORRUPT_INDEX, True),
        (sqlite3.SQLITE_NOTADB, True),
        (sqlite3.SQLITE_IOERR_READ, True),
        (sqlite3.SQLITE_IOERR_WRITE, False),
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_BUSY, False),
        (sqlite3.SQLITE_READONLY, False),
    ],
)
def test_only_what_a_file_cannot_recover_from_is_damage(code: int, expected: bool) -> None:
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = code
    assert damage.is_damage(error) is expected


class Clock:
    now_s = NOW_MS / 1000

    def __call__(self) -> float:
        return self.now_s


def test_a_disk_that_spoils_every_file_is_trusted_again_only_after_an_hour(path: Path) -> None:
    clock = Clock()
    file = DatabaseFile(path, clock)
    file.prepare()
    transactions = Transactions(file.connect, file.replace)

    def fail(_: sqlite3.Connection) -> None:
        raise CORRUPT

    for _ in range(RENEWALS_MAX):
        transactions.commit([Request(fail)])
        assert transactions.problem is None
    refused = Request(fail)
    transactions.commit([refused])
    assert isinstance(refused.error, StoreUnavailable)
    assert "check the disk" in str(transactions.problem)
    assert len(set_aside.found(path)) == RENEWALS_MAX

    clock.now_s += RENEWALS_WITHIN_S
    transactions.commit([Request(fail)])
    assert len(set_aside.found(path)) == RENEWALS_MAX + 1
    transactions.commit([Request(say_hello)])
    assert transactions.problem is None
    transactions.close()


@pytest.fixture
def replaced(path: Path) -> Iterator[sqlite3.Connection]:
    zap_header(path)
    file = DatabaseFile(path)
    file.prepare()
    with closing(file.connect()) as connection:
        yield connection


def test_no_downlink_counter_of_the_lost_file_is_used_again(
    replaced: sqlite3.Connection, tmp_path: Path
) -> None:
    books = Bookkeeping(tmp_path / "other.db")
    usual = books.hello().downlink_counter
    assert say_hello(replaced).downlink_counter >= usual + (1 << 20)


def test_a_second_replacement_begins_higher_still(
    replaced: sqlite3.Connection, path: Path
) -> None:
    first = say_hello(replaced).downlink_counter
    replaced.close()
    zap_header(path)
    file = DatabaseFile(path)
    file.prepare()
    with closing(file.connect()) as connection:
        assert say_hello(connection).downlink_counter >= first + (1 << 20)


def test_a_log_that_was_lost_takes_no_downlink_counter_back(path: Path) -> None:
    before = path.read_bytes()
    books = Bookkeeping(path)
    books.counter = RECORDS
    used = [books.span(first, first).downlink_counter for first in range(RECORDS, RECORDS + 200)]
    books.connection.close()
    path.write_bytes(before)  # as it was before that log came into it
    file = DatabaseFile(path)
    file.prepare()
    books = Bookkeeping(path)
    books.counter = RECORDS
    assert books.hello().downlink_counter > max(used)
    books.connection.close()


def test_a_log_that_is_there_leaves_the_downlink_counters_in_order(path: Path) -> None:
    books = Bookkeeping(path)
    books.counter = RECORDS
    books.hello()
    used = books.report().downlink_counter
    left = contents(path.parent)
    books.connection.close()
    for name, content in left.items():  # as a kill leaves it
        path.with_name(name).write_bytes(content)
    DatabaseFile(path).prepare()
    with closing(schema.connect(path, read_only=True)) as connection:
        (next_one,) = connection.execute("SELECT downlink_counter FROM custody").fetchone()
    assert next_one == used + 1
