"""The database's tables, their version, and the way from each version to the next."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import StoreUnusable
from weir_gateway.store import event_steps, read_steps, schema_steps

APPLICATION_ID = 0x57656972
"""Marks the file as ours, so that another program's database is never written to."""

_VERSION_1 = """
CREATE TABLE meters (
    meter_id INTEGER PRIMARY KEY,
    first_seen_ms INTEGER NOT NULL,
    epoch INTEGER,         -- of the newest HELLO
    hello TEXT,            -- fields of the newest HELLO, JSON
    hello_at_ms INTEGER,
    status TEXT,           -- fields of the newest STATUS, JSON
    status_at_ms INTEGER
) STRICT;

-- What the gateway has promised to one meter in one epoch. Sequences are unwrapped here: 64 bit,
-- equal to the meter's modulo 2**32.
CREATE TABLE custody (
    meter_id INTEGER NOT NULL REFERENCES meters,
    epoch INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,          -- 1 for the first epoch heard of this meter
    uplink_counter INTEGER NOT NULL,   -- highest accepted
    downlink_counter INTEGER NOT NULL, -- next to be used
    resume_at INTEGER NOT NULL,        -- lowest sequence neither held nor named lost
    sequence_next INTEGER NOT NULL,    -- one above the highest held or lost
    boot_sequence INTEGER NOT NULL,    -- first sequence of the meter's newest boot
    clock_offset_s INTEGER,            -- places records of that boot that have no time
    settings_version INTEGER NOT NULL, -- this and the next two as the newest HELLO said
    pulse_weight_ml INTEGER NOT NULL,
    sample_interval_s INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    stored_count INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meter_id, epoch),
    UNIQUE (meter_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE readings (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    taken_at_s INTEGER NOT NULL,       -- as the meter said it, with its time_quality
    time_quality INTEGER NOT NULL,
    measured_at_s INTEGER,             -- UTC; null when it cannot be known
    forward_pulses INTEGER NOT NULL,
    reverse_pulses INTEGER NOT NULL,
    pressure_mean_kpa INTEGER,
    pressure_min_kpa INTEGER,
    pressure_max_kpa INTEGER,
    peak_flow_pulses INTEGER NOT NULL,
    status INTEGER NOT NULL,
    pulse_weight_ml INTEGER NOT NULL,  -- in force when stored: a later change alters nothing here
    sample_interval_s INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meter_id, epoch, sequence),
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT, WITHOUT ROWID;

-- With published in it, SQLite counts the backlog in the index alone: 20 times as fast.
CREATE INDEX readings_unpublished ON readings (meter_id, epoch, sequence, published)
WHERE published = 0;

-- Ranges that did not arrive in order. They never overlap within one meter and epoch.
CREATE TABLE gaps (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'lost', 'closed')),
    noticed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (meter_id, epoch, first_sequence),
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT, WITHOUT ROWID;

CREATE INDEX gaps_missing ON gaps (meter_id, epoch, first_sequence) WHERE state <> 'closed';
"""

_BOOTS = """
CREATE TABLE boots (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    boot_sequence INTEGER NOT NULL,    -- first sequence of this boot
    sequence_end INTEGER NOT NULL,     -- one above the highest known to be of this boot
    clock_offset_s INTEGER,            -- places its records that have no time
    PRIMARY KEY (meter_id, epoch, boot_sequence),
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT, WITHOUT ROWID;

INSERT INTO boots
SELECT meter_id, epoch, boot_sequence, sequence_next, clock_offset_s FROM custody;
"""

# A replayed reading is published again. It was live once; on MQTT it is not any more.
_REPLAYED = "ALTER TABLE readings ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0"

_REPLACEMENT = """
-- In a database that replaced a damaged one: how far ahead of the clock downlink counters begin.
CREATE TABLE replacement (downlink_ahead INTEGER NOT NULL) STRICT;
"""

_REQUESTS = """
-- What an operator asked a meter for again, held or not.
CREATE TABLE requests (
    meter_id INTEGER NOT NULL,
    number INTEGER NOT NULL,           -- counts the requests to one meter, from 1
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    from_s INTEGER,                    -- the times that were asked for, if any
    to_s INTEGER,
    made_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,            -- null while something remains
    returned_count INTEGER NOT NULL DEFAULT 0,
    lost_count INTEGER NOT NULL DEFAULT 0,
    conflict_count INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (meter_id, number),
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_standing ON requests (meter_id, epoch) WHERE finished_at_ms IS NULL;

-- What remains of the requests that are not finished. Ranges of one request never overlap.
CREATE TABLE request_ranges (
    meter_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    PRIMARY KEY (meter_id, number, first_sequence),
    FOREIGN KEY (meter_id, number) REFERENCES requests ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Readings that a meter gave with other values than are held.
CREATE TABLE request_conflicts (
    meter_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (meter_id, number, sequence),
    FOREIGN KEY (meter_id, number) REFERENCES requests ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- 1 while a request to this epoch has something left: saves each uplink from looking.
ALTER TABLE custody ADD COLUMN requested INTEGER NOT NULL DEFAULT 0;
"""

_GAP_NEWS = """
-- What is to be told of gaps on MQTT. A hole that was told stays until it is not open any more.
CREATE TABLE gap_news (
    number INTEGER PRIMARY KEY,
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'lost', 'closed')),
    noticed_at_ms INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    settled INTEGER NOT NULL DEFAULT 0, -- of a hole: it is not open any more
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT;

CREATE INDEX gap_news_holes ON gap_news (meter_id, epoch, first_sequence) WHERE state = 'open';
CREATE INDEX gap_news_waiting ON gap_news (number) WHERE published = 0;
CREATE INDEX gaps_open ON gaps (noticed_at_ms) WHERE state = 'open';
"""

_FORGOTTEN = """
-- What retention deleted: without it, what a damaged page lost would look the same. Ranges never
-- overlap within one meter and epoch.
CREATE TABLE forgotten (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    PRIMARY KEY (meter_id, epoch, first_sequence),
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (
    _VERSION_1,
    _BOOTS,
    _REPLAYED,
    _REPLACEMENT,
    _REQUESTS,
    _GAP_NEWS,
    _FORGOTTEN,
    schema_steps.ERRANDS,
    event_steps.EVENTS,
    read_steps.READS,
    schema_steps.SETTINGS,
    event_steps.LISTENING,
    event_steps.EVENT_ASKS,
    event_steps.EVENT_INDEXES,
    schema_steps.SETTINGS_BEHIND,
    schema_steps.SETTINGS_ASKED,
)
"""Step n leads from schema version n to n + 1. Append; never edit one that was released."""

_CACHE_KIB = 512
_WAL_BYTES_MAX = 16 << 20
LOCK_WAIT_S = 5.0  # a backup or an analyst's query may hold the lock for a moment


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open one connection with the durability that acknowledgements rely on."""
    connection = _open(path, "ro" if read_only else "rwc")
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def prepare(path: Path, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Create the database, or bring it to the newest schema.

    Raise StoreUnusable for another program's file or a newer schema, else sqlite3.Error.
    """
    with suppress(OSError):  # SQLite says why
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # its log gets the same
    with closing(_open(path, "rwc")) as connection:
        refuse_foreign(connection, path, len(migrations))
    with closing(connect(path)) as connection:
        _migrate(connection, migrations)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=LOCK_WAIT_S,
    )


def begin_ahead(connection: sqlite3.Connection, downlink_ahead: int) -> None:
    """Let the downlink counters begin so far ahead of the clock, if none has begun yet."""
    connection.execute(
        "INSERT INTO replacement SELECT ? WHERE NOT EXISTS (SELECT 1 FROM custody)",
        (downlink_ahead,),
    )


def skip_downlinks(connection: sqlite3.Connection, count: int) -> None:
    """Leave out so many downlink counters of every meter, also of those not known yet.

    They may have been used already.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE custody SET downlink_counter = downlink_counter + ?", (count,))
    connection.execute(
        "INSERT INTO replacement SELECT COALESCE(MAX(downlink_ahead), 0) + ? FROM replacement",
        (count,),
    )
    connection.execute(
        "DELETE FROM replacement "
        "WHERE downlink_ahead < (SELECT MAX(downlink_ahead) FROM replacement)"
    )
    connection.execute("COMMIT")


def refuse_foreign(
    connection: sqlite3.Connection, path: Path, known: int = len(MIGRATIONS)
) -> None:
    """Look before anything is written, so that another program's file stays as it was."""
    found = _pragma(connection, "user_version")
    if _pragma(connection, "application_id") != APPLICATION_ID and not _is_empty(connection):
        raise StoreUnusable(messages.DATABASE_FOREIGN.format(path=path))
    if found > known:
        raise StoreUnusable(messages.DATABASE_NEWER.format(path=path, found=found, known=known))


def _migrate(connection: sqlite3.Connection, migrations: tuple[str, ...]) -> None:
    found = _pragma(connection, "user_version")
    for version, script in enumerate(migrations[found:], found + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {version}; COMMIT;"
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
