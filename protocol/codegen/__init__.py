"""Writes what other places need to know of the layouts: the meter's tables and SPEC.md's."""
