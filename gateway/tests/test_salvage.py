"""Salvage: what can still be read of a damaged database comes back, and nothing is overwritten."""

import errno
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.loss import (
    OLD_EPOCH,
    PUBLISHED,
    RECORDS,
    Loss,
    column,
    junk_every_other_page,
    junk_some_pages,
    refill,
    rows,
)
from peers.ruin import cut_in_half, junk_pages, overwrite
from peers.scripted_meter import record
from weir_gateway.errors import GatewayError
from weir_gateway.lock import only_one
from weir_gateway.salvage import TABLES_LEFT, acknowledge, salvage
from weir_gateway.store import custody, gap_news, queries, request_queries, schema, set_aside
from weir_gateway.store.file import DOWNLINKS_IN_LOG, DatabaseFile
from weir_gateway.store.promise import Origin


@pytest.fixture
def loss(tmp_path: Path) -> Loss:
    return Loss(tmp_path)


def zap_header(path: Path) -> None:
    overwrite(path, 0, bytes(100))


def test_a_whole_database_comes_over_whole(loss: Loss) -> None:
    report = loss.salvage()
    assert report.whole
    assert rows(loss.database) == loss.before
    assert report.of("readings").added == len(loss.before)
    assert report.missing == 0
    for table in ("custody", "gaps", "meters", "boots"):
        text = f"SELECT * FROM {table} ORDER BY 1, 2, 3"
        assert column(loss.database, text) == column(loss.damaged, text), table


def test_what_was_published_stays_published(loss: Loss) -> None:
    report = loss.salvage()
    assert report.published_before == PUBLISHED - 50  # one span never came
    assert len(column(loss.database, "SELECT 1 FROM readings WHERE published")) == PUBLISHED - 50


@pytest.mark.parametrize("ruin", [junk_some_pages, junk_every_other_page, cut_in_half, zap_header])
def test_every_row_that_can_be_reached_comes_back(
    loss: Loss, ruin: Callable[[Path], None]
) -> None:
    ruin(loss.damaged)
    reachable = set(loss.before) if ruin is zap_header else loss.reachable()
    assert len(reachable) > 500
    report = loss.salvage()
    found = rows(loss.database)
    assert reachable <= set(found)
    assert all(loss.before[key] == row for key, row in found.items())
    assert not report.whole


def test_the_lost_log_costs_only_what_was_in_it(loss: Loss) -> None:
    books = Bookkeeping(loss.damaged)
    books.counter = 10 * RECORDS
    books.span(RECORDS, RECORDS + 49)
    books.connection.close()
    content = loss.damaged.read_bytes()
    assert loss.salvage().of("readings").added == len(loss.before) + 50
    assert loss.damaged.read_bytes() == content


def test_a_log_beside_it_is_read_with_it(loss: Loss) -> None:
    books = Bookkeeping(loss.damaged)
    books.counter = 10 * RECORDS
    books.span(RECORDS, RECORDS + 49)
    log = set_aside.beside(loss.damaged, "-wal")
    main, log_bytes = loss.damaged.read_bytes(), log.read_bytes()
    books.connection.close()
    loss.damaged.write_bytes(main)
    log.write_bytes(log_bytes)

    assert loss.salvage().of("readings").added == len(loss.before) + 50
    assert log.read_bytes() == log_bytes


def test_what_cannot_be_read_is_asked_of_the_meter(loss: Loss) -> None:
    junk_some_pages(loss.damaged)
    report = loss.salvage()
    absent = {key[2] for key in loss.before if key[1] == EPOCH and key[0] == METER} - {
        key[2] for key in rows(loss.database) if key[1] == EPOCH and key[0] == METER
    }
    assert absent
    wanted = {
        sequence
        for first, last in column(
            loss.database,
            "SELECT first_sequence, last_sequence FROM gaps WHERE state = 'open' "
            f"AND meter_id = {METER} AND epoch = {EPOCH}",
        )
        for sequence in range(int(str(first)), int(str(last)) + 1)
    }
    assert absent <= wanted
    assert not report.whole


def test_what_was_lost_is_told_once_more(loss: Loss) -> None:
    books = Bookkeeping(loss.damaged)
    books.counter = 1000
    named = [{"first_sequence": 1000, "last_sequence": 1009}]
    custody.take_lost(books.connection, books.origin(), named)
    books.connection.close()
    loss.salvage()
    with closing(sqlite3.connect(loss.database)) as connection:
        told = [one.gap for one in gap_news.waiting(connection, 10)]
    assert [(one.first_sequence, one.last_sequence, one.state) for one in told] == [
        (1000, 1009, "lost")
    ]


def test_a_meter_that_has_its_ring_fills_the_rest(loss: Loss) -> None:
    junk_every_other_page(loss.damaged)
    loss.salvage()
    books = Bookkeeping(loss.database)
    books.counter = 10 * RECORDS
    receipt = books.hello(sequence_next=RECORDS)
    while receipt.missing:
        for first, last in receipt.missing:
            receipt = books.span(first, min(last, first + 49))
    books.connection.close()
    held = {key[2] for key in rows(loss.database) if key[:2] == (METER, EPOCH)}
    assert held == set(range(RECORDS))
    assert column(loss.database, "SELECT 1 FROM gaps WHERE state = 'open'") == []


def test_readings_that_came_again_meanwhile_are_counted_as_present(loss: Loss) -> None:
    refill(loss, 0, 50, 100).connection.close()
    report = loss.salvage()
    assert report.of("readings").present == 150
    assert report.of("readings").conflicts == 0
    assert set(rows(loss.database)) == set(loss.before)
    waiting = column(loss.database, "SELECT 1 FROM readings WHERE published = 0")
    assert len(waiting) == len(loss.before) - (PUBLISHED - 50)
    text = f"SELECT resume_at, sequence_next FROM custody WHERE epoch = {EPOCH} LIMIT 1"
    assert column(loss.database, text) == [(1000, RECORDS)]


def test_a_conflict_is_named_and_what_is_held_stays(loss: Loss) -> None:
    books = Bookkeeping(loss.database)
    books.hello()
    books.take(record(7, forward_pulses=12345))
    books.connection.close()
    report = loss.salvage()
    assert report.conflicts == [f"{METER}-{EPOCH:08x}-7"]
    assert rows(loss.database)[METER, EPOCH, 7] != loss.before[METER, EPOCH, 7]


@pytest.mark.parametrize("ahead", [-5, 0, 5])
def test_counters_only_rise(loss: Loss, ahead: int) -> None:
    """Each by itself, whichever of the two databases has used more of it."""
    refill(loss, 0).connection.close()
    where = f"WHERE meter_id = {METER} AND epoch = {EPOCH}"
    text = f"SELECT uplink_counter, downlink_counter FROM custody {where}"
    [(uplink, downlink)] = column(loss.damaged, text)
    assert isinstance(uplink, int)
    assert isinstance(downlink, int)
    with closing(sqlite3.connect(loss.database)) as connection, connection:
        connection.execute(
            f"UPDATE custody SET uplink_counter = ?, downlink_counter = ? {where}",
            (uplink + ahead, downlink - ahead * 10_000),
        )
    loss.salvage()
    started = downlink - ahead * 10_000 + DOWNLINKS_IN_LOG  # what every start without a log adds
    assert column(loss.database, text) == [(uplink + max(ahead, 0), max(downlink, started))]


def test_a_lost_epoch_comes_before_the_one_that_the_meter_has_now(loss: Loss) -> None:
    refill(loss, 0).connection.close()
    loss.salvage()
    text = f"SELECT epoch FROM custody WHERE meter_id = {METER} ORDER BY ordinal"
    assert column(loss.database, text) == [(OLD_EPOCH,), (EPOCH,)]


def test_salvaging_twice_adds_nothing(loss: Loss) -> None:
    loss.salvage()
    report = loss.salvage()
    assert report.of("readings").added == 0
    assert report.of("readings").present == len(loss.before)
    assert rows(loss.database) == loss.before


def test_a_dry_run_tells_the_same_and_changes_nothing(loss: Loss) -> None:
    junk_some_pages(loss.damaged)
    told = loss.salvage(dry_run=True).document()
    assert rows(loss.database) == {}
    assert {**loss.salvage().document(), "dry_run": True} == told


def test_the_alarm_ends_with_the_salvage(loss: Loss) -> None:
    assert DatabaseFile(loss.database).alarm is not None
    loss.salvage()
    assert DatabaseFile(loss.database).alarm is None
    note = set_aside.beside(loss.damaged, set_aside.SALVAGED)
    assert json.loads(note.read_text())["whole"] is True


def test_the_alarm_ends_when_it_is_acknowledged(loss: Loss) -> None:
    acknowledge(loss.damaged, loss.database)
    assert DatabaseFile(loss.database).alarm is None
    with pytest.raises(GatewayError, match="does not lie set aside"):
        acknowledge(loss.database, loss.database)


def test_it_refuses_while_a_gateway_runs(loss: Loss) -> None:
    with only_one(loss.database), pytest.raises(GatewayError, match="stop it, salvage"):
        loss.salvage()


def test_a_file_of_which_nothing_is_left_is_said_to_be_so(loss: Loss) -> None:
    loss.damaged.write_bytes(b"\xa5" * 50_000)
    with pytest.raises(GatewayError, match="nothing can be read"):
        loss.salvage()


def test_an_older_schema_is_salvaged_too(tmp_path: Path) -> None:
    damaged = tmp_path / "old.db"
    schema.prepare(damaged, schema.MIGRATIONS[:1])
    with closing(sqlite3.connect(damaged)) as old:
        old.execute("INSERT INTO meters (meter_id, first_seen_ms) VALUES (1001, 1)")
        old.execute(
            "INSERT INTO custody (meter_id, epoch, ordinal, uplink_counter, downlink_counter, "
            "resume_at, sequence_next, boot_sequence, settings_version, pulse_weight_ml, "
            "sample_interval_s, last_seen_ms, stored_count) "
            "VALUES (1001, 7, 1, 5, 5, 1, 1, 0, 0, 10, 60, 1, 1)"
        )
        old.execute(
            "INSERT INTO readings VALUES "
            "(1001, 7, 0, 1790000000, 2, 1790000000, 1, 0, 4, 4, 4, 1, 0, 10, 60, 1, 1)"
        )
        old.commit()
    report = salvage(damaged, tmp_path / "weir.db")
    assert report.whole
    assert len(rows(tmp_path / "weir.db")) == 1


def test_every_table_is_either_salvaged_or_known_to_be_left(loss: Loss) -> None:
    report = loss.salvage()
    text = "SELECT name FROM sqlite_master WHERE type = 'table'"
    assert {name for (name,) in column(loss.database, text)} == {*report.tables, *TABLES_LEFT}


def test_a_meter_whose_hello_was_not_salvaged_is_served_as_one_that_was_never_heard(
    loss: Loss,
) -> None:
    with closing(sqlite3.connect(loss.damaged)) as opened:
        text = "SELECT rootpage FROM sqlite_master WHERE name = 'meters'"
        (page,) = opened.execute(text).fetchone()
    junk_pages(loss.damaged, range(page, page + 1))
    assert not loss.salvage().whole
    assert len(rows(loss.database)) == len(loss.before)
    with closing(schema.connect(loss.database)) as opened:
        assert queries.send_intervals_s(opened) == {}
        assert queries.meter(opened, METER) is None
        assert request_queries.ring(opened, METER) is None
        (counter,) = opened.execute(
            "SELECT uplink_counter FROM custody WHERE meter_id = ? AND epoch = ?", (METER, EPOCH)
        ).fetchone()
        origin = Origin(METER, EPOCH, counter + 1, 1_800_000_000_000)
        records = [record(sequence) for sequence in range(RECORDS + 100, RECORDS + 103)]
        receipt = custody.take_readings(opened, origin, records)
    assert (receipt.stored_count, len(receipt.missing)) == (3, 2)


def test_too_little_room_for_the_copy_is_told_as_that(
    loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(*_paths: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fill_up)
    with pytest.raises(GatewayError, match=r"no room in .* set TMPDIR"):
        loss.salvage()
    assert rows(loss.damaged) == loss.before
