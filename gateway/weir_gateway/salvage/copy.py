"""A copy of a damaged database in which SQLite finds its way as far as anything is left of it."""

import errno
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import GatewayError
from weir_gateway.store import damage, schema, set_aside

CHECK_S_MAX = 300.0
"""A check of a whole database reads it once: some 10 GB in this time."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_PAGE_BYTES = 4096
_PAGE_COUNT_AT = slice(28, 32)
_FREE_LIST_AT = slice(32, 40)


@contextmanager
def opened_copy(damaged: Path) -> Iterator[sqlite3.Connection]:
    """Copy a database with its log, mend the copy's header if need be, and open it.

    The damaged file itself is only read. Raise GatewayError when there is nothing to open.
    """
    with tempfile.TemporaryDirectory(prefix="weir-salvage-") as folder:
        try:
            connection = _open(_copy(damaged, Path(folder)))
        except (*damage.UNREADABLE, OSError) as error:
            if getattr(error, "errno", None) in _NO_ROOM:
                text = messages.SALVAGE_NO_ROOM.format(path=damaged, folder=tempfile.gettempdir())
                raise GatewayError(text) from None
            raise unreadable(damaged, error) from None
        with closing(connection):
            yield connection


def integrity(connection: sqlite3.Connection) -> str:
    """Return "ok" when SQLite finds nothing wrong in the time that it has, else what it says."""
    try:
        is_done = damage.check(connection, CHECK_S_MAX, "integrity_check")
    except damage.UNREADABLE as error:
        return " ".join(str(error).split())
    return "ok" if is_done else messages.SALVAGE_UNCHECKED.format(seconds=CHECK_S_MAX)


def unreadable(damaged: Path, error: Exception) -> GatewayError:
    """Return the error that says that nothing can be had from this file."""
    why = getattr(error, "strerror", None) or error
    return GatewayError(messages.SALVAGE_UNREADABLE.format(path=damaged, why=why))


def _copy(damaged: Path, folder: Path) -> Path:
    path = folder / "copy.db"
    shutil.copyfile(damaged, path)
    log = set_aside.beside(damaged, set_aside.LOG)
    if log.exists():
        shutil.copyfile(log, set_aside.beside(path, set_aside.LOG))
    with path.open("r+b") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            file.seek(0)
            file.write(_header(folder, path.stat().st_size))
    return path


def _header(folder: Path, size_bytes: int) -> bytes:
    """Return the header that our databases have, for a file of this size."""
    pattern = folder / "pattern.db"
    schema.prepare(pattern)
    header = bytearray(pattern.read_bytes()[:_HEADER_BYTES])
    header[_PAGE_COUNT_AT] = (size_bytes // _PAGE_BYTES).to_bytes(4, "big")
    header[_FREE_LIST_AT] = bytes(8)
    return bytes(header)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda text: text.decode(errors="replace")
    connection.execute("PRAGMA writable_schema = ON")  # opens a file that is too short as well
    connection.execute("PRAGMA cell_size_check = ON")
    return connection
