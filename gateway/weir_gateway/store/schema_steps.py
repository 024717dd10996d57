"""Steps of the schema that came after those in ``schema``, which lists them in their order."""

ERRANDS = """
-- 1 while settings, a command or a read wait for this meter: saves each uplink from looking.
ALTER TABLE custody ADD COLUMN errand INTEGER NOT NULL DEFAULT 0;
"""

SETTINGS = """
-- What a meter is to be set to: one row for each change. Only the newest can be pending or sent.
CREATE TABLE settings_versions (
    meter_id INTEGER NOT NULL,
    number INTEGER NOT NULL,           -- counts the changes of one meter, from 1
    version INTEGER NOT NULL,          -- as the wire carries it, 1 to 65535
    state TEXT NOT NULL CHECK (state IN (
        'pending', 'sent', 'applied', 'refused', 'superseded', 'expired', 'rolled_back')),
    overrides TEXT NOT NULL,           -- all that is to differ from as provisioned, JSON
    changes TEXT NOT NULL,             -- what was asked for, JSON; null: back to as provisioned
    cause TEXT NOT NULL CHECK (cause IN ('asked', 'renewed')),
    made_by TEXT NOT NULL,
    request_id TEXT,
    forced INTEGER NOT NULL,
    is_partial INTEGER NOT NULL,       -- made before anything was known of what is in force
    expires_at_ms INTEGER,
    made_at_ms INTEGER NOT NULL,
    sent_at_ms INTEGER,                -- for the first time
    sent_epoch INTEGER,                -- of the meter's ring when it was last sent
    applied_at_ms INTEGER,
    ended_at_ms INTEGER,               -- when it was refused, superseded, expired or rolled back
    reasons TEXT,                      -- of a refusal: the reason for each setting, JSON
    PRIMARY KEY (meter_id, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX settings_open ON settings_versions (meter_id)
WHERE state IN ('pending', 'sent');
CREATE INDEX settings_expiring ON settings_versions (expires_at_ms)
WHERE state IN ('pending', 'sent') AND expires_at_ms IS NOT NULL;

-- Every change of state, until it is told on MQTT.
CREATE TABLE settings_news (
    news INTEGER PRIMARY KEY,
    meter_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    FOREIGN KEY (meter_id, number) REFERENCES settings_versions ON DELETE CASCADE
) STRICT;
CREATE INDEX settings_news_version ON settings_news (meter_id, number);

-- What a meter says is in force.
CREATE TABLE settings_reported (
    meter_id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    attested_at_ms INTEGER NOT NULL,
    reported TEXT,                     -- what differs from the defaults, JSON; null: not known yet
    reported_version INTEGER,
    reported_at_ms INTEGER,
    provisioned TEXT,                  -- the same when no version was in force; null: not known
    gathering TEXT,                    -- of a report that comes in several frames, JSON
    asks_left INTEGER NOT NULL         -- uplinks at which it is still asked for its values
) STRICT;

-- From which record on which pulse weight and sample interval hold.
CREATE TABLE shapes (
    meter_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    pulse_weight_ml INTEGER NOT NULL,
    sample_interval_s INTEGER NOT NULL,
    is_guess INTEGER NOT NULL,         -- from a HELLO, which does not say since when
    PRIMARY KEY (meter_id, epoch, first_sequence),
    FOREIGN KEY (meter_id, epoch) REFERENCES custody
) STRICT, WITHOUT ROWID;

-- The first record of the shape in custody's own columns: saves most uplinks from looking.
ALTER TABLE custody ADD COLUMN shape_sequence INTEGER NOT NULL DEFAULT 0;

INSERT INTO shapes SELECT meter_id, epoch, 0, pulse_weight_ml, sample_interval_s, 1 FROM custody
WHERE sample_interval_s > 0;
"""

SETTINGS_BEHIND = """
-- Of a change that a newer one superseded: the number of that, behind which it waits.
ALTER TABLE settings_versions ADD COLUMN behind INTEGER;
-- The version that has all its values; null where it stands for itself, or they were replaced.
ALTER TABLE settings_versions ADD COLUMN carried_by INTEGER;
-- The number of the change that this one is again.
ALTER TABLE settings_versions ADD COLUMN renews INTEGER;
-- 1 where overrides are what was desired before, with the changes in it.
ALTER TABLE settings_versions ADD COLUMN is_built INTEGER NOT NULL DEFAULT 1;

CREATE INDEX settings_behind ON settings_versions (meter_id, behind) WHERE behind IS NOT NULL;
CREATE INDEX settings_behind_expiring ON settings_versions (expires_at_ms)
WHERE state = 'superseded' AND behind IS NOT NULL AND expires_at_ms IS NOT NULL;
"""

SETTINGS_ASKED = """
-- When asks_left was counted down last.
ALTER TABLE settings_reported ADD COLUMN asked_at_ms INTEGER;
"""
