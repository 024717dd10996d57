"""The lock file that keeps two from writing to one database."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import GatewayError


@contextlib.contextmanager
def only_one(database: Path, refusal: str = messages.ALREADY_RUNNING) -> Iterator[None]:
    """Hold the database's lock file. Raise GatewayError with ``refusal`` if another has it."""
    path = database.with_name(f"{database.name}.lock")
    try:
        lock = os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a")
    except OSError as error:
        text = messages.DATABASE_FAILED.format(path=database, why=error.strerror)
        raise GatewayError(text) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GatewayError(refusal.format(path=database)) from None
        yield
