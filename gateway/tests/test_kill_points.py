"""The gateway is killed at every point where something was promised or is about to be."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from peers.bookkeeping import Bookkeeping
from peers.gateway_run import GatewayRun
from peers.mosquitto import Consumer
from peers.ruin import PAGE_BYTES, fold_log, overwrite
from peers.scripted_meter import ScriptedMeter
from peers.sender import Sender
from weir_gateway.store import schema, set_aside
from weir_gateway.store.file import DatabaseFile

METER = 1001
KILLED = -signal.SIGKILL


def stored(database: Path) -> list[int]:
    """Return the sequences, and leave the log as it was left for the next start."""
    with closing(schema.connect(database, read_only=True)) as connection:
        rows = connection.execute("SELECT sequence FROM readings ORDER BY sequence").fetchall()
    return [sequence for (sequence,) in rows]


def prepare_doomed(point: str, times: int, database: Path) -> bool:
    """Prepare a database in a process of its own; return whether that was killed."""
    ended = subprocess.run(
        [sys.executable, "-m", "peers.doomed", point, str(times), "prepare", str(database)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
        check=False,
    )
    assert ended.returncode in (0, KILLED)
    return ended.returncode == KILLED


def kills(point: str, database: Path, content: dict[str, bytes], every: int) -> Iterator[int]:
    """Lay the files out anew and kill at each ``every``-th time, until none is left to kill at."""
    times = 1
    while True:
        for path in database.parent.glob(f"{database.name}*"):
            path.unlink()
        for name, one in content.items():
            database.with_name(name).write_bytes(one)
        if not prepare_doomed(point, times, database):
            break
        yield times
        times += every


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def oldest(tmp_path: Path) -> Path:
    """A database of the first schema, with a reading."""
    database = tmp_path / "weir.db"
    schema.prepare(database, schema.MIGRATIONS[:1])
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "INSERT INTO meters (meter_id, first_seen_ms) VALUES (1001, 1);"
            "INSERT INTO custody VALUES (1001, 7, 1, 5, 5, 1, 1, 0, NULL, 0, 10, 60, 1, 1);"
            "INSERT INTO readings VALUES "
            "(1001, 7, 0, 1790000000, 2, 1790000000, 1, 0, 4, 4, 4, 1, 0, 10, 60, 1, 1);"
        )
    return database


def see_every_migration_killed(database: Path, every: int) -> int:
    count = 0
    for _ in kills("statement", database, contents(database.parent), every):
        DatabaseFile(database).prepare()
        assert stored(database) == [0]
        assert set_aside.found(database) == []
        with closing(sqlite3.connect(database)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert version == len(schema.MIGRATIONS)
        count += 1
    return count


def test_killed_within_a_migration_it_migrates_at_the_next_start(oldest: Path) -> None:
    assert see_every_migration_killed(oldest, every=5) >= 5


@pytest.mark.soak
def test_killed_at_every_statement_of_the_migrations(oldest: Path) -> None:
    assert see_every_migration_killed(oldest, every=1) >= 25


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A database with a spoilt header, and a log with what was committed last."""
    database = tmp_path / "weir.db"
    DatabaseFile(database).prepare()
    books = Bookkeeping(database)
    books.hello()
    books.span(0, 49)
    fold_log(database)
    books.span(50, 59)
    left = contents(tmp_path)
    books.connection.close()
    for name, one in left.items():
        (tmp_path / name).write_bytes(one)
    overwrite(database, 0, bytes(PAGE_BYTES))
    return database


def see_every_setting_aside_killed(
    database: Path, content: dict[str, bytes], point: str, every: int
) -> int:
    count = 0
    for _ in kills(point, database, content, every):
        DatabaseFile(database).prepare()
        (kept,) = set_aside.found(database)
        assert kept.path.read_bytes() == content["weir.db"]
        assert set_aside.beside(kept.path, "-wal").read_bytes() == content["weir.db-wal"]
        assert stored(database) == []
        count += 1
    return count


def test_killed_while_it_sets_a_database_aside_it_ends_that_at_the_next_start(
    damaged: Path,
) -> None:
    content = contents(damaged.parent)
    assert see_every_setting_aside_killed(damaged, content, "rename", every=1) >= 3
    assert see_every_setting_aside_killed(damaged, content, "statement", every=10) >= 4


@pytest.mark.soak
def test_killed_at_every_statement_and_file_of_a_setting_aside(damaged: Path) -> None:
    content = contents(damaged.parent)
    assert see_every_setting_aside_killed(damaged, content, "statement", every=1) >= 40
    assert see_every_setting_aside_killed(damaged, content, "open", every=1) >= 5


class Trial:
    """One meter and one database through many kills, each at another moment."""

    def __init__(self, gateway: GatewayRun) -> None:
        self._gateway = gateway
        self._database = gateway.folder / "weir.db"
        self.sender = Sender(ScriptedMeter(METER))
        gateway.write_keys(self.sender.meter)

    def kill_at(self, point: str, times: int) -> None:
        """Let the meter talk to a gateway until that is dead; see that its word is kept."""
        before = self.sender.acknowledged
        self._gateway.start_doomed(point, times)
        with closing(self._gateway.dial()) as link:
            if self.sender.hello(link):
                self.sender.send(link, before + 400)
        assert self._gateway.wait() == KILLED, "the moment did not come"
        held = stored(self._database)
        assert held == list(range(len(held)))
        assert len(held) >= self.sender.acknowledged >= before

    def end(self, consumer: Consumer) -> None:
        """Let everything arrive, and see that each reading did, under one id, in order."""
        last = self.sender.acknowledged + 20
        self._gateway.start()
        with closing(self._gateway.dial()) as link:
            assert self.sender.hello(link)
            self.sender.send(link, last)
        assert stored(self._database) == list(range(last + 1))
        ids = [f"{METER}-5eed0001-{sequence}" for sequence in range(last + 1)]
        consumer.expect_all(METER, ids)
        documents: dict[str, object] = {}
        for one in consumer.payloads(f"weir/{METER}/reading"):
            one.pop("historical")
            assert documents.setdefault(one["id"], one) == one
        assert list(documents) == ids


MOMENTS = {
    "commit": (2, 3, 4, 5, 7),
    "acknowledge": (1, 2, 4),
    "publish": (3, 9, 20),
    "published": (3, 9, 20),
    "delivered": (1, 2, 4),
}


@pytest.mark.parametrize("point", MOMENTS)
def test_killed_at_a_point_nothing_is_lost_or_gets_a_second_id(
    gateway: GatewayRun, consumer: Consumer, point: str
) -> None:
    trial = Trial(gateway)
    for times in MOMENTS[point]:
        trial.kill_at(point, times)
    trial.end(consumer)


def see_checkpoints_killed(folder: Path, sizes: range) -> None:
    """Kill it within the checkpoint that first brings a page beyond each size into the file."""
    gateway = GatewayRun(folder, 1)  # without a broker nobody reads, so the log stays short
    database = folder / "weir.db"
    sender = Sender(ScriptedMeter(METER), span=50)
    gateway.write_keys(sender.meter)
    for size_bytes in sizes:
        gateway.start_doomed("checkpoint", size_bytes)
        with closing(gateway.dial()) as link:
            assert sender.hello(link)
            sender.send(link, 1_000_000)
        assert gateway.wait() == -signal.SIGXFSZ
        assert size_bytes - PAGE_BYTES < database.stat().st_size <= size_bytes
        held = stored(database)
        assert held == list(range(len(held)))
        assert len(held) >= sender.acknowledged > 0
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def test_killed_within_a_checkpoint_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    see_checkpoints_killed(tmp_path, range(200_000, 400_000, 50_000))


@pytest.mark.soak
def test_killed_within_many_checkpoints_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    see_checkpoints_killed(tmp_path, range(200_000, 2_000_000, 20_000))


@pytest.mark.soak
@pytest.mark.parametrize("point", MOMENTS)
def test_killed_at_each_of_the_first_forty_times_of_a_point(
    gateway: GatewayRun, consumer: Consumer, point: str
) -> None:
    trial = Trial(gateway)
    for times in range(2, 41):
        trial.kill_at(point, times)
    trial.end(consumer)
