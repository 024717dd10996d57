"""Writes what others need to know of layouts and settings: the meter's tables, pages, a schema."""
