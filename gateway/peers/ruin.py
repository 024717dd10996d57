"""Damage as disks do it, for files that a test has filled."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

PAGE_BYTES = 4096


def fold_log(path: Path) -> None:
    """Bring everything from the log into the file, so that damage to the file is damage."""
    with closing(sqlite3.connect(path)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy, "somebody was reading"


def overwrite(path: Path, at: int, junk: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(junk)


def junk_pages(path: Path, pages: range) -> None:
    """Overwrite pages, counted from 1 as SQLite does."""
    for page in pages:
        overwrite(path, (page - 1) * PAGE_BYTES, b"\xa5" * PAGE_BYTES)


def page_count(path: Path) -> int:
    return path.stat().st_size // PAGE_BYTES


def cut_in_half(path: Path) -> None:
    os.truncate(path, page_count(path) // 2 * PAGE_BYTES)
