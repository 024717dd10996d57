"""The database file: made, recognised, migrated, or refused."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from weir_gateway.errors import StoreUnusable
from weir_gateway.store import schema


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return int(found)


def test_a_new_file_gets_the_newest_schema_and_full_durability(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    schema.prepare(path)
    assert version(path) == len(schema.MIGRATIONS)

    connection = schema.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    connection.close()


def test_a_new_file_and_what_sqlite_keeps_beside_it_are_private(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    before = os.umask(0)
    try:
        schema.prepare(path)
        connection = schema.connect(path)
        connection.execute("INSERT INTO meters (meter_id, first_seen_ms) VALUES (7, 1)")
    finally:
        os.umask(before)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    connection.close()
    assert modes == dict.fromkeys(("weir.db", "weir.db-wal", "weir.db-shm"), 0o600)


def test_the_mode_that_an_operator_gave_stays(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    schema.prepare(path)
    path.chmod(0o640)
    schema.prepare(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_preparing_again_keeps_what_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    schema.prepare(path)
    connection = schema.connect(path)
    connection.execute("INSERT INTO meters (meter_id, first_seen_ms) VALUES (7, 1)")
    connection.close()

    schema.prepare(path)

    connection = schema.connect(path)
    assert connection.execute("SELECT meter_id FROM meters").fetchall() == [(7,)]
    connection.close()


def test_an_older_schema_is_led_to_the_newest_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    schema.prepare(path)
    connection = schema.connect(path)
    connection.execute("INSERT INTO meters (meter_id, first_seen_ms) VALUES (7, 1)")
    connection.close()
    steps = (
        *schema.MIGRATIONS,
        "ALTER TABLE meters ADD COLUMN place TEXT DEFAULT 'cellar'",
        "UPDATE meters SET place = place || ', left'",
    )

    schema.prepare(path, steps)

    assert version(path) == len(steps)
    connection = schema.connect(path)
    assert connection.execute("SELECT meter_id, place FROM meters").fetchall() == [
        (7, "cellar, left")
    ]
    connection.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    schema.prepare(path)
    steps = (*schema.MIGRATIONS, "ALTER TABLE meters ADD COLUMN place TEXT; SELECT nonsense")
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        schema.prepare(path, steps)
    assert version(path) == len(schema.MIGRATIONS)
    connection = schema.connect(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(meters)")]
    connection.close()
    assert "place" not in columns


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    schema.prepare(path, (*schema.MIGRATIONS, "CREATE TABLE later (x)"))
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"newer gateway \(schema \d+, this one knows \d+\)"):
        schema.prepare(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="is not a database of this gateway"):
        schema.prepare(path)
    assert path.read_bytes() == before
