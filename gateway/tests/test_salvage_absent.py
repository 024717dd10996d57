"""Salvage: what should be there and was not read is asked for, and nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.loss import (
    OLD_EPOCH,
    RECORDS,
    Loss,
    column,
    junk_every_other_page,
    open_sequences,
    refill,
    rows,
)
from weir_gateway.store import retention


@pytest.fixture
def loss(tmp_path: Path) -> Loss:
    return Loss(tmp_path)


def forget(loss: Loss, sequences: range) -> None:
    books = Bookkeeping(loss.damaged)
    with books.connection:
        gone = [(METER, EPOCH, sequence) for sequence in sequences]
        assert retention.forget(books.connection, gone) > 0.9 * len(sequences)
    books.connection.close()


def test_what_retention_deleted_is_not_asked_for(loss: Loss) -> None:
    forget(loss, range(200, 900))
    report = loss.salvage()
    assert report.whole
    assert open_sequences(loss.database) == set(range(1000, 1050))


def test_among_what_retention_deleted_what_is_damaged_is_asked_for(loss: Loss) -> None:
    forget(loss, range(0, 2000, 2))
    junk_every_other_page(loss.damaged)
    report = loss.salvage()
    held = {key[2] for key in rows(loss.database) if key[:2] == (METER, EPOCH)}
    gone = set(range(0, 2000, 2)) - set(range(1000, 1050))
    wanted = open_sequences(loss.database)
    assert wanted == set(range(RECORDS)) - held - gone
    assert report.missing == len(wanted - set(range(1000, 1050))) > 500


def test_keys_that_are_no_numbers_cost_only_their_readings(loss: Loss) -> None:
    with closing(sqlite3.connect(loss.damaged)) as opened:
        opened.execute("PRAGMA writable_schema = ON")
        opened.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT, ', '')")
        opened.commit()
    with closing(sqlite3.connect(loss.damaged)) as opened:
        for name, value, sequence in (
            *(("meter_id", "'x'", 7), ("epoch", "x'00'", 8), ("sequence", "0.5", 9)),
            *(("status", "'y'", 10), ("taken_at_s", "-1", 11)),
        ):
            opened.execute(
                f"UPDATE readings SET {name} = {value} "
                f"WHERE meter_id = {METER} AND epoch = {EPOCH} AND sequence = {sequence}"
            )
        opened.execute("UPDATE boots SET epoch = 'z' WHERE epoch = 221")
        opened.execute("UPDATE gaps SET first_sequence = 'a' WHERE first_sequence = 1000")
        opened.commit()
    report = loss.salvage()
    assert not report.whole
    assert report.of("boots").unsound == report.of("gaps").unsound == 1
    assert set(loss.before) - set(rows(loss.database)) == {
        (METER, EPOCH, sequence) for sequence in range(7, 12)
    }
    assert {*range(7, 12), *range(1000, 1050)} <= open_sequences(loss.database)


def test_what_is_absent_of_an_older_epoch_is_named_lost_when_the_meter_calls(loss: Loss) -> None:
    """Its ring of that time is gone; the epoch that it has now is known already."""
    refill(loss, 0).connection.close()
    with closing(sqlite3.connect(loss.damaged)) as opened, opened:
        opened.execute(f"DELETE FROM readings WHERE epoch = {OLD_EPOCH} AND sequence < 10")
    loss.salvage()
    assert open_sequences(loss.database, OLD_EPOCH) == set(range(10))
    books = Bookkeeping(loss.database)
    books.counter = 10 * RECORDS
    books.hello()
    books.connection.close()
    assert open_sequences(loss.database, OLD_EPOCH, "lost") == set(range(10))


def test_what_was_overwritten_before_the_new_database_heard_of_it_is_asked_for(loss: Loss) -> None:
    books = Bookkeeping(loss.database)
    books.hello(sequence_oldest=RECORDS + 500, sequence_next=RECORDS + 550)
    books.span(RECORDS + 500, RECORDS + 549)
    books.connection.close()
    loss.salvage()
    overwritten = set(range(RECORDS, RECORDS + 500))
    assert open_sequences(loss.database) == overwritten | set(range(1000, 1050))


@pytest.mark.parametrize("sequence_next", [RECORDS + (1 << 20), 904, 1 << 61])
def test_an_end_that_contradicts_the_readings_is_not_believed(
    loss: Loss, sequence_next: int
) -> None:
    with closing(sqlite3.connect(loss.damaged)) as opened, opened:
        opened.execute(
            f"UPDATE custody SET sequence_next = {sequence_next} "
            f"WHERE meter_id = {METER} AND epoch = {EPOCH}"
        )
    loss.salvage()
    assert set(rows(loss.database)) == set(loss.before)
    text = f"SELECT sequence_next FROM custody WHERE meter_id = {METER} AND epoch = {EPOCH}"
    assert column(loss.database, text) == [(RECORDS,)]
    assert open_sequences(loss.database) == set(range(1000, 1050))


def test_a_reading_beyond_the_end_in_place_of_an_absent_one_is_not_believed(loss: Loss) -> None:
    with closing(sqlite3.connect(loss.damaged)) as opened, opened:
        opened.execute(
            f"UPDATE readings SET sequence = {1 << 30} "
            f"WHERE meter_id = {METER} AND epoch = {EPOCH} AND sequence = 300"
        )
    report = loss.salvage()
    assert (report.of("readings").unsound, report.missing) == (1, 1)
    assert set(loss.before) - set(rows(loss.database)) == {(METER, EPOCH, 300)}
