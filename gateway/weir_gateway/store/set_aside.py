"""Damaged databases that were set aside: their names, which of them still want somebody's care.

A set-aside database lies beside the one in use, with its log, under a name that says when it was
found damaged. Nothing is ever deleted. A file with ``.salvaged`` or ``.acknowledged`` behind the
name says that it was cared for, and its content how.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOG, INDEX = "-wal", "-shm"
"""What belongs to a database file beside it; the endings are those that SQLite looks for."""

SALVAGED = ".salvaged"
ACKNOWLEDGED = ".acknowledged"

_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"\.damaged-(\d{8}T\d{6}Z)-\d+")


@dataclass(frozen=True, slots=True)
class SetAside:
    """One of them. at_s: when it was set aside, UTC seconds."""

    path: Path
    at_s: float

    @property
    def is_settled(self) -> bool:
        """Whether somebody has salvaged it or said that it does not matter."""
        return any(beside(self.path, mark).exists() for mark in (SALVAGED, ACKNOWLEDGED))


def beside(path: Path, ending: str) -> Path:
    """Return the path with ``ending`` behind its whole name."""
    return path.with_name(path.name + ending)


def found(database: Path) -> list[SetAside]:
    """Return what lies set aside beside a database, oldest first."""
    every = []
    for path in database.parent.glob(f"{database.name}.damaged-*"):
        match = _NAME.fullmatch(path.name.removeprefix(database.name))
        if match is not None:
            at = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
            every.append(SetAside(path, at.timestamp()))
    return sorted(every, key=lambda one: (one.at_s, len(one.path.name), one.path.name))


def set_aside(database: Path, now_s: float) -> Path:
    """Rename a database and its log; return the new name. Raise OSError when that fails.

    The log goes first: one that was set aside alone tells ``finish`` what a power cut left to do.
    """
    target = _free_name(database, now_s)
    _rename(beside(database, LOG), beside(target, LOG))
    _set_aside_itself(database, target)
    return target


def finish(database: Path) -> Path | None:
    """End a setting aside that was cut off half-way; return its name if there was one."""
    for log in database.parent.glob(f"{database.name}.damaged-*{LOG}"):
        target = log.with_name(log.name.removesuffix(LOG))
        if _NAME.fullmatch(target.name.removeprefix(database.name)) and not target.exists():
            _set_aside_itself(database, target)
            return target
    return None


def _set_aside_itself(database: Path, target: Path) -> None:
    _rename(beside(database, INDEX), beside(target, INDEX))
    _rename(database, target)
    target.touch(mode=0o600)  # in case that only the log was left
    folder = os.open(database.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _free_name(database: Path, now_s: float) -> Path:
    text = datetime.fromtimestamp(now_s, UTC).strftime(_TIME)
    number = 1
    while any(
        beside(database, f".damaged-{text}-{number}{ending}").exists() for ending in ("", LOG)
    ):
        number += 1
    return beside(database, f".damaged-{text}-{number}")


def _rename(path: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        path.rename(target)
