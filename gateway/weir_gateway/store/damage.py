"""Telling a damaged database from a busy, a full and a foreign one."""

import re
import sqlite3
import threading
from pathlib import Path
from typing import BinaryIO

from weir_gateway.store import schema

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises; the second when SQLite's sentence quotes junk from it."""

_PRIMARY = 0xFF
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNREADABLE = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)
_HEADER_BYTES = 100
_HEADER_MAGIC = b"SQLite format 3\x00"
_APPLICATION_ID_AT = slice(68, 72)
_OUR_TABLE = re.compile(rb"CREATE (TABLE (custody|readings) |INDEX readings_unpublished )")
_OUR_TABLE_BYTES = 40
_SEARCHED_BYTES = 16 << 20  # the tables' definitions are written before the first reading
_PIECE_BYTES = 1 << 20


class Damaged(sqlite3.DatabaseError):
    """The check of a whole database found it damaged."""


def is_damage(error: BaseException) -> bool:
    """Return whether the error says that the file is damaged, not that it is busy or full."""
    if isinstance(error, Damaged):
        return True
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & _PRIMARY in _DAMAGED or code in _UNREADABLE


def check(connection: sqlite3.Connection, seconds_max: float, pragma: str = "quick_check") -> bool:
    """Look through the whole database; return whether time sufficed. Raise Damaged if it is."""
    alarm = threading.Timer(seconds_max, connection.interrupt)
    alarm.start()
    try:
        found = connection.execute(f"PRAGMA {pragma}(1)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return False
        raise
    finally:
        alarm.cancel()
        alarm.join()
    if found != [("ok",)]:
        raise Damaged(" ".join(str(found[0][0]).split()))
    return True


def is_ours(path: Path) -> bool:
    """Return whether a file that SQLite cannot read was a database of this gateway, or its log."""
    try:
        with path.open("rb") as file:
            return _has_our_marks(file)
    except OSError:
        return False


def _has_our_marks(file: BinaryIO) -> bool:
    tail = file.read(_HEADER_BYTES)
    application_id = int.from_bytes(tail[_APPLICATION_ID_AT], "big")
    if tail.startswith(_HEADER_MAGIC) and application_id:
        return application_id == schema.APPLICATION_ID
    for _ in range(_SEARCHED_BYTES // _PIECE_BYTES):
        piece = file.read(_PIECE_BYTES)
        if _OUR_TABLE.search(tail + piece):
            return True
        tail = piece[-_OUR_TABLE_BYTES:]
    return False
