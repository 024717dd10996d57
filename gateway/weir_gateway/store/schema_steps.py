"""Steps of the schema that came after those in ``schema``, which lists them in their order."""

ERRANDS = """
-- 1 while settings, a command or a read wait for this meter: saves each uplink from looking.
ALTER TABLE custody ADD COLUMN errand INTEGER NOT NULL DEFAULT 0;
"""
