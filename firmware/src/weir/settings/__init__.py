"""The meter's settings: the table of what may be set, and what is in force."""
