"""Steps of the schema for readings at a moment and dial checks; ``schema`` has their order."""

READS = """
-- Readings at a moment: asked for over the air, or triggered by a person at the meter.
CREATE TABLE reads (
    meter_id INTEGER NOT NULL,
    number INTEGER NOT NULL,           -- counts those of one meter
    cause TEXT NOT NULL CHECK (cause IN ('asked', 'triggered')),
    made_at_ms INTEGER NOT NULL,
    made_by TEXT,                      -- this and the next two: of one that was asked for
    request_id TEXT,
    expires_at_ms INTEGER,
    sent_at_ms INTEGER,                -- when it first went out to the meter
    settled_at_ms INTEGER,             -- when it was answered or expired; null while it waits
    epoch INTEGER,
    status TEXT,                       -- fields of the STATUS that answers it, JSON
    pulse_weight_ml INTEGER,           -- in force when that came
    told INTEGER NOT NULL DEFAULT 0,   -- on MQTT
    PRIMARY KEY (meter_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX reads_waiting ON reads (expires_at_ms) WHERE settled_at_ms IS NULL;
CREATE INDEX reads_untold ON reads (settled_at_ms) WHERE told = 0 AND settled_at_ms IS NOT NULL;

-- What a person read off a dial, beside what the meter said. Never deleted.
CREATE TABLE dial_checks (
    meter_id INTEGER NOT NULL,
    made_at_ms INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    note TEXT,
    dial_ml INTEGER NOT NULL,
    register_source TEXT NOT NULL CHECK (register_source IN ('status', 'reading', 'hello')),
    register_at_ms INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    forward_pulses INTEGER NOT NULL,
    reverse_pulses INTEGER NOT NULL,
    pulse_weight_ml INTEGER NOT NULL,
    PRIMARY KEY (meter_id, made_at_ms)
) STRICT, WITHOUT ROWID;
"""
