"""How long the disk will hold: from what is measured, at the rate of the last day."""

import asyncio
from pathlib import Path

import pytest

from peers.bookkeeping import Bookkeeping
from peers.echo import until
from weir_gateway import disk
from weir_gateway.disk import DiskWatch, Room
from weir_gateway.store import Store

MB = 1_000_000


class Watched:
    """A watch whose clock and measurements are made up."""

    def __init__(self, tmp_path: Path, warning_h: int = 72) -> None:
        self.now_s = 1000.0
        self.store = Store(tmp_path / "weir.db")
        self.watch = DiskWatch(self.store, tmp_path / "weir.db", warning_h, lambda: self.now_s)

    def after(
        self, hours: float, *, used_mb: float, free_mb: float, reusable_mb: float = 0
    ) -> None:
        self.now_s += hours * 3600
        room = (used_mb + reusable_mb, used_mb, reusable_mb, free_mb)
        self.watch.note(Room(*(int(mb * MB) for mb in room)))


def test_hours_are_left_at_the_rate_at_which_it_grows(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    one.after(0, used_mb=100, free_mb=1000)
    assert (one.watch.growth_bytes_per_h, one.watch.hours_left) == (None, None)
    one.after(2, used_mb=108, free_mb=992)
    assert (one.watch.growth_bytes_per_h, one.watch.hours_left) == (4 * MB, 248)
    one.after(2, used_mb=108, free_mb=992, reusable_mb=8)
    assert (one.watch.growth_bytes_per_h, one.watch.hours_left) == (2 * MB, 500)
    assert one.watch.warning is None


def test_too_little_is_known_in_the_first_minutes(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    one.after(0, used_mb=1, free_mb=100)
    one.after(0.05, used_mb=50, free_mb=51)
    assert one.watch.hours_left is None


def test_nothing_is_foretold_while_nothing_grows(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    one.after(0, used_mb=100, free_mb=10)
    one.after(5, used_mb=100, free_mb=10)
    assert (one.watch.growth_bytes_per_h, one.watch.hours_left) == (0, None)
    one.after(5, used_mb=80, free_mb=10)
    assert one.watch.growth_bytes_per_h == -2 * MB
    assert (one.watch.hours_left, one.watch.warning) == (None, None)


def test_the_rate_is_that_of_the_last_day(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    used_mb = 0.0
    for hour in range(96):
        used_mb += 10 if hour < 48 else 1
        one.after(1, used_mb=used_mb, free_mb=5000)
    assert one.watch.growth_bytes_per_h == MB
    assert len(one.watch._samples) <= disk.WINDOW_S / disk.SAMPLE_EVERY_S + 1


def test_a_disk_that_fills_is_warned_of_once_in_the_log_and_until_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Watched(tmp_path)
    one.after(0, used_mb=100, free_mb=800)
    one.after(1, used_mb=110, free_mb=721)
    assert (one.watch.hours_left, one.watch.warning) == (72, None)
    one.after(1, used_mb=120, free_mb=710)
    assert "full in about 71 hours" in str(one.watch.warning)
    one.after(1, used_mb=130, free_mb=700)
    one.after(1, used_mb=140, free_mb=9000)
    assert one.watch.warning is None
    assert caplog.text.count("full in about") == 1


@pytest.mark.parametrize(("warning_h", "warns"), [(0, False), (10, False), (200, True)])
def test_when_to_warn_is_a_setting(tmp_path: Path, warning_h: int, warns: bool) -> None:
    one = Watched(tmp_path, warning_h)
    one.after(0, used_mb=0, free_mb=100)
    one.after(1, used_mb=1, free_mb=99)
    assert (one.watch.warning is not None) is warns


def test_a_real_file_is_measured_with_its_log_and_what_it_can_use_again(tmp_path: Path) -> None:
    books = Bookkeeping(tmp_path / "weir.db")
    books.hello()
    books.span(0, 1999)
    books.connection.execute("DELETE FROM readings WHERE sequence < 1500")

    async def measured() -> Room:
        store = Store(tmp_path / "weir.db")
        store.start()
        watch = DiskWatch(store, tmp_path / "weir.db", 72)
        running = asyncio.create_task(watch.run())
        await until(lambda: watch.room, "a measurement")
        running.cancel()
        await store.close()
        assert watch.room is not None
        return watch.room

    room = asyncio.run(measured())
    books.connection.close()
    assert room.size_bytes >= room.used_bytes
    assert room.used_bytes > 20_000
    assert room.reusable_bytes > 50_000
    assert room.free_bytes > 0
