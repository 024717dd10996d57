"""The tables of events and alarms, for ``schema``."""

EVENTS = """
-- What meters told at once, and what the gateway noticed of them itself (epoch 2**32).
CREATE TABLE events (
    number INTEGER PRIMARY KEY,        -- the order in which the gateway came to know of them
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,         -- unwrapped; the gateway's own count is apart
    taken_at_s INTEGER NOT NULL,       -- as the meter said it, with its time_quality
    time_quality INTEGER NOT NULL,
    measured_at_s INTEGER,             -- UTC; null when it cannot be known
    code INTEGER NOT NULL,
    phase INTEGER NOT NULL,
    value INTEGER NOT NULL,
    limit_value INTEGER NOT NULL,
    alarm_epoch INTEGER,               -- this and the next name the event that raised the alarm
    alarm_sequence INTEGER,
    received_at_ms INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    UNIQUE (meter_id, epoch, sequence)
) STRICT;

CREATE INDEX events_waiting ON events (number) WHERE published = 0;

-- An alarm is named by the event that raised it. It is active until it is cleared.
CREATE TABLE alarms (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    code INTEGER NOT NULL,
    cleared_epoch INTEGER,             -- this and the next name the event that cleared it
    cleared_sequence INTEGER,
    PRIMARY KEY (meter_id, epoch, sequence)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX alarms_active ON alarms (meter_id, code) WHERE cleared_sequence IS NULL;

CREATE TABLE acknowledgements (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,         -- this and the two before name the alarm
    number INTEGER NOT NULL,           -- counts those of one alarm, from 1
    made_at_ms INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (meter_id, epoch, sequence, number)
) STRICT, WITHOUT ROWID;

-- Events that a meter made and that never came: its ring had overwritten them.
CREATE TABLE event_gaps (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    noticed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (meter_id, epoch, first_sequence)
) STRICT, WITHOUT ROWID;
"""

LISTENING = """
-- When the gateway was there to hear meters: one row for each of its starts.
CREATE TABLE listening (
    begun_ms INTEGER PRIMARY KEY,
    ended_ms INTEGER NOT NULL          -- when it was noted last
) STRICT;
"""

EVENT_ASKS = """
-- How often the meter may leave them out again: it may have what a restored database has lost.
ALTER TABLE event_gaps ADD COLUMN asks_left INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_gaps ADD COLUMN asked_at_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX event_gaps_asked ON event_gaps (meter_id, epoch) WHERE asks_left > 0;
"""

EVENT_INDEXES = """
-- Events of a meter, and those that raised an alarm, page by page.
CREATE INDEX events_of_meter ON events (meter_id, number);
CREATE INDEX events_raised ON events (number) WHERE phase = 1;
"""
