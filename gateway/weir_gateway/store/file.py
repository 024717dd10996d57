"""The database file: opened, checked, and replaced by a fresh one when it is damaged.

A gateway must go on taking readings whatever became of its file. What the damaged one held, the
meters still have in their rings, and it can be salvaged later: it is set aside whole.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import StoreUnusable
from weir_gateway.store import damage, schema, set_aside

CHECK_S_MAX = 0.3
"""Time for looking through the file at the start: 50 MB. What is beyond is noticed when read."""

RENEWALS_MAX = 3
RENEWALS_WITHIN_S = 3600.0
"""So many damaged databases in so long say that the disk is not to be trusted at all."""

DOWNLINK_AHEAD = 1 << 20
"""More downlinks than go to one meter in a burst, above the one a second that the clock covers."""

DOWNLINKS_IN_LOG = 1 << 14
"""More downlinks to one meter than a log holds that was lost."""

_logger = logging.getLogger(__name__)


class DatabaseFile:
    """One path with the database in use, and those that were set aside before it."""

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now_s = now_s
        self._is_prepared = False
        self.generation = 0
        """How many files were replaced; tells a complaint about an earlier one from a new one."""

    @property
    def alarm(self) -> str | None:
        """A sentence as long as nobody has cared for what was set aside, else None."""
        waiting = [one.path for one in set_aside.found(self._path) if not one.is_settled]
        if not waiting:
            return None
        return messages.STORE_ALARM.format(count=len(waiting), path=waiting[-1])

    def prepare(self) -> None:
        """Make the file ready, by a fresh one if it is damaged.

        Raise StoreUnusable for another program's file, a newer schema and a faulty disk.
        """
        try:
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(self._failed(error)) from None

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        """Open one connection. Raise sqlite3.Error when that is impossible now."""
        if not (read_only or self._is_prepared):
            self._make_ready()
        return schema.connect(self._path, read_only=read_only)

    def replace(self, error: sqlite3.Error, close_all: Callable[[], None]) -> str:
        """Set the damaged file aside and begin a fresh one; return a sentence that says so.

        ``close_all`` closes every connection. It is called after the renaming: the closing of the
        last one then finds no log under the old name that it could delete. Raise StoreUnusable
        when the file cannot be renamed, or when the disk spoils every file.
        """
        self._refuse_endless_loop(error)
        try:
            mode = self._path.stat().st_mode if self._path.exists() else None
            target = set_aside.set_aside(self._path, self._now_s())
        except OSError as failure:
            raise StoreUnusable(self._failed(failure)) from None
        self.generation += 1
        self._is_prepared = False
        text = messages.STORE_SET_ASIDE.format(why=error, path=target)
        _logger.error("%s", text)
        close_all()
        self._begin_anew(mode)
        return text

    def _prepare(self) -> None:
        if (finished := set_aside.finish(self._path)) is not None:
            _logger.error("%s", messages.STORE_SET_ASIDE_ENDED.format(path=finished))
        elif self._was_ours() and not _size(self._path) and not _size(self._log):
            _logger.error("%s", messages.STORE_GONE.format(path=self._path))
        may_lack_log = not _size(self._log)  # as after a clean stop
        try:
            self._look_through()
            self._make_ready()
            if may_lack_log:
                self._skip_downlinks()
        except sqlite3.Error as error:
            if not damage.is_damage(error):
                raise
            if not self._is_ours():
                text = messages.DATABASE_FOREIGN.format(path=self._path)
                raise StoreUnusable(text) from None
            self.replace(error, lambda: None)
            self._make_ready()
        if not self._was_ours():
            self._lock.write_text(messages.DATABASE_LOCK)

    def _look_through(self) -> None:
        """Look through the file, also when SQLite's own sentence about it cannot be decoded."""
        try:
            self._check()
        except UnicodeDecodeError:
            raise damage.Damaged(messages.DATABASE_GARBLED) from None

    def _check(self) -> None:
        """Look through the file. Read-only, so that closing it leaves a log where it is."""
        if _size(self._path):
            with closing(schema.connect(self._path, read_only=True)) as connection:
                schema.refuse_foreign(connection, self._path)
                damage.check(connection, CHECK_S_MAX)
        elif _size(self._log):  # SQLite would delete it
            raise damage.Damaged(messages.DATABASE_LOG_ALONE)

    def _make_ready(self) -> None:
        schema.prepare(self._path)
        if replaced_count := len(set_aside.found(self._path)):
            with closing(schema.connect(self._path)) as connection:
                schema.begin_ahead(connection, replaced_count * DOWNLINK_AHEAD)
        self._is_prepared = True

    def _skip_downlinks(self) -> None:
        with closing(schema.connect(self._path)) as connection:
            schema.skip_downlinks(connection, DOWNLINKS_IN_LOG)

    def _begin_anew(self, mode: int | None) -> None:
        """Create the file with the rights that the one before had; a full disk waits its turn."""
        try:
            if mode is not None:
                os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
                self._path.chmod(mode & 0o777)
            self._make_ready()
        except (sqlite3.Error, OSError) as error:
            _logger.warning("%s", self._failed(error))

    @property
    def _log(self) -> Path:
        return set_aside.beside(self._path, set_aside.LOG)

    @property
    def _lock(self) -> Path:
        return set_aside.beside(self._path, ".lock")

    def _is_ours(self) -> bool:
        return self._was_ours() or any(map(damage.is_ours, (self._path, self._log)))

    def _was_ours(self) -> bool:
        """Return whether a gateway has had its database here before."""
        return _size(self._lock) > 0

    def _failed(self, error: Exception) -> str:
        why = getattr(error, "strerror", None) or error
        return messages.DATABASE_FAILED.format(path=self._path, why=why)

    def _refuse_endless_loop(self, error: sqlite3.Error) -> None:
        now_s = self._now_s()
        ages_s = [now_s - one.at_s for one in set_aside.found(self._path)]
        count = sum(-1 < age_s < RENEWALS_WITHIN_S for age_s in ages_s)
        if count >= RENEWALS_MAX:
            text = messages.STORE_DISK_FAULTY.format(path=self._path, count=count, why=error)
            raise StoreUnusable(text)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
