"""Damage as disks do it, for files that a test has filled."""

import os
import random
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


def garble_schema(path: Path) -> None:
    """SQLite quotes it, and Python cannot read the sentence."""
    at = path.read_bytes().index(b"CREATE TABLE readings")
    overwrite(path, at, b"CREATE TAB\xfe\xff")


def ruin_somewhere(content: bytes, chance: random.Random) -> bytes:
    """Return the content of a file with damage of one kind, and how much of it, by chance."""
    ruined = bytearray(content)
    kind = chance.choice([_flip_bits, _junk_bytes, _junk_page, _swap_pages, _zero_pages, _cut])
    kind(ruined, chance)
    return bytes(ruined)


def _flip_bits(ruined: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 3, 30])):
        ruined[chance.randrange(len(ruined))] ^= 1 << chance.randrange(8)


def _junk_bytes(ruined: bytearray, chance: random.Random) -> None:
    """Anywhere, or where a page says what is on it."""
    start, span = chance.choice([(0, len(ruined)), (_any_page(ruined, chance), 40)])
    for _ in range(chance.choice([1, 5, 50])):
        ruined[start + chance.randrange(span)] = chance.randrange(256)


def _junk_page(ruined: bytearray, chance: random.Random) -> None:
    at = _any_page(ruined, chance)
    ruined[at : at + PAGE_BYTES] = chance.randbytes(PAGE_BYTES)


def _swap_pages(ruined: bytearray, chance: random.Random) -> None:
    one, other = _any_page(ruined, chance), _any_page(ruined, chance)
    kept = ruined[one : one + PAGE_BYTES]
    ruined[one : one + PAGE_BYTES] = ruined[other : other + PAGE_BYTES]
    ruined[other : other + PAGE_BYTES] = kept


def _zero_pages(ruined: bytearray, chance: random.Random) -> None:
    at = _any_page(ruined, chance)
    end = min(at + 2 * PAGE_BYTES, len(ruined))
    ruined[at:end] = bytes(end - at)


def _cut(ruined: bytearray, chance: random.Random) -> None:
    del ruined[chance.randrange(len(ruined)) :]


def _any_page(ruined: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(ruined) // PAGE_BYTES) * PAGE_BYTES
