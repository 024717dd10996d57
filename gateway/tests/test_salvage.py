"""Salvage: what can still be read of a damaged database comes back, and nothing is overwritten."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.ruin import PAGE_BYTES, cut_in_half, junk_pages, overwrite, page_count
from peers.scripted_meter import record
from weir_gateway.errors import GatewayError
from weir_gateway.lock import only_one
from weir_gateway.salvage import TABLES_LEFT, acknowledge, salvage
from weir_gateway.salvage.report import Report
from weir_gateway.store import custody, gap_news, outbox, retention, schema, set_aside
from weir_gateway.store.file import DOWNLINKS_IN_LOG, DatabaseFile

RECORDS = 4000
PUBLISHED = 2500
SECOND_METER = 2002
OLD_EPOCH = 0x0DD


class Loss:
    """A database of a past, damaged, and the one that replaced it."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "weir.db"
        self.damaged = folder / "weir.db.damaged-20261121T120000Z-1"
        self._fill()
        self.before = rows(self.damaged)

    def _fill(self) -> None:
        books = Bookkeeping(self.damaged)
        books.connection.execute("BEGIN")
        books.hello(OLD_EPOCH)
        books.span(0, 49, OLD_EPOCH)
        books.hello()
        for first in range(0, RECORDS, 50):
            if first != 1000:
                books.span(first, first + 49)
        books.hello(meter_id=SECOND_METER)
        books.span(0, 49, meter_id=SECOND_METER)
        keys = [(METER, EPOCH, sequence) for sequence in range(PUBLISHED)]
        outbox.mark_published(books.connection, keys)
        books.connection.execute("COMMIT")
        books.connection.close()

    def salvage(self, *, dry_run: bool = False) -> Report:
        return salvage(self.damaged, self.database, dry_run=dry_run)

    def reachable(self) -> set[tuple[int, ...]]:
        """Return what an independent reader gets: every key looked up alone."""
        found = set()
        with closing(sqlite3.connect(f"{self.damaged.as_uri()}?immutable=1", uri=True)) as opened:
            opened.execute("PRAGMA writable_schema = ON")
            for key in self.before:
                text = "SELECT * FROM readings WHERE meter_id = ? AND epoch = ? AND sequence = ?"
                try:
                    found |= {row[:3] for row in opened.execute(text, key)}
                except sqlite3.DatabaseError:
                    continue
        return found


def rows(path: Path) -> dict[tuple[int, ...], tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[:3]: row for row in connection.execute("SELECT * FROM readings")}


def column(path: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(text).fetchall()


@pytest.fixture
def loss(tmp_path: Path) -> Loss:
    return Loss(tmp_path)


def readings_leaves(path: Path) -> list[int]:
    """Return the pages that hold readings and no keys of other pages, in the file's order."""
    leaf_of_index = 0x0A
    found = []
    content = path.read_bytes()
    for page in range(2, page_count(path) + 1):
        at = (page - 1) * PAGE_BYTES
        cells = int.from_bytes(content[at + 3 : at + 5], "big")
        if content[at] == leaf_of_index and 20 < cells < 90:
            found.append(page)
    return found


def junk_some_pages(path: Path) -> None:
    leaves = readings_leaves(path)
    for page in (leaves[3], leaves[4], leaves[20], leaves[-2]):
        junk_pages(path, range(page, page + 1))


def junk_every_other_page(path: Path) -> None:
    for page in readings_leaves(path)[5:35:2]:
        junk_pages(path, range(page, page + 1))


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


def forget(loss: Loss, sequences: range) -> None:
    books = Bookkeeping(loss.damaged)
    with books.connection:
        gone = [(METER, EPOCH, sequence) for sequence in sequences]
        assert retention.forget(books.connection, gone) > 0.9 * len(sequences)
    books.connection.close()


def open_sequences(path: Path, epoch: int = EPOCH, state: str = "open") -> set[int]:
    ranges = column(
        path,
        "SELECT first_sequence, last_sequence FROM gaps "
        f"WHERE state = '{state}' AND meter_id = {METER} AND epoch = {epoch}",
    )
    return {
        sequence
        for first, last in ranges
        for sequence in range(int(str(first)), int(str(last)) + 1)
    }


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


def refill(loss: Loss, *records: int) -> Bookkeeping:
    books = Bookkeeping(loss.database)
    books.hello()
    for first in records:
        books.span(first, first + 49)
    return books


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
