"""Time that passes only when a test lets it, for the meter and for the gateway alike.

The meter sleeps until the next instant that matters to it. A step jumps to that instant, wakes
the meter, and waits until it sleeps again with nothing under way on its link. So a day takes a
second, every instant is exact, and an acknowledgement carries the time at which the frame left.
"""

import asyncio
import mmap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Failed
from weir_tools.simulator.on_calendar import CALENDAR_FORMAT, CALENDAR_SIZE
from weir_tools.simulator.pacing import Alarm, Wake

SETTLE_S_MAX = 60.0  # a session that gives up takes 20 s of the link's time


class CalendarFile:
    """Where a program run by ``weir_tools.simulator.on_calendar`` looks up the time."""

    def __init__(self, path: Path, starts_at_s: int) -> None:
        path.write_bytes(bytes(CALENDAR_SIZE))
        with path.open("r+b") as opened:
            self._pages = mmap.mmap(opened.fileno(), CALENDAR_SIZE)
        self._cells = memoryview(self._pages).cast(CALENDAR_FORMAT)
        self._starts_at_ms = starts_at_s * 1000
        self.path = path
        self.set(0)

    def set(self, now_ms: int) -> None:
        """now_ms: since the start."""
        self._cells[0] = self._starts_at_ms + now_ms

    @property
    def now_ms(self) -> int:
        return self._cells[0]


@dataclass(eq=False, slots=True)
class _Sleep:
    """When the meter wakes, at the latest. link_ends_ms: of the link's time, None for no limit."""

    wake_at_ms: int
    link_ends_ms: int | None
    wake: Wake
    forget: Callable[["_Sleep"], None]
    timer: asyncio.Handle | None = None

    def cancel(self) -> None:
        self.forget(self)
        if self.timer is not None:
            self.timer.cancel()


class SteppedTime:
    """A Pace for one meter. It belongs to the event loop.

    When nobody answers at the far end of the link, or when an answer was lost on its way, the
    meter waits in vain: the link's time then jumps to the end of whatever it waits for.
    """

    def __init__(self, calendar: CalendarFile, *, patience_s: float = SETTLE_S_MAX) -> None:
        """patience_s: for one session of the meter; a longer one is a fault."""
        self._calendar = calendar
        self._patience_s = patience_s
        self._now_ms = 0
        self._linked_at_s = time.monotonic()
        self._link_skipped_ms = 0
        self._somebody_answers = False
        self._answer_was_lost = False
        self._sleep: _Sleep | None = None
        self._changed = asyncio.Event()
        self._meter_runs = False

    def now_ms(self) -> int:
        return self._now_ms

    def link_ms(self) -> int:
        return int((time.monotonic() - self._linked_at_s) * 1000) + self._link_skipped_ms

    def arm(self, wake_at_ms: int, link_wake_in_ms: int | None, wake: Wake) -> Alarm:
        link_ends_ms = None if link_wake_in_ms is None else self.link_ms() + link_wake_in_ms
        sleep = self._sleep = _Sleep(wake_at_ms, link_ends_ms, wake, self._forget)
        if wake_at_ms <= self._now_ms:
            sleep.timer = asyncio.get_running_loop().call_soon(wake, self._now_ms)
        else:
            self._time_link(sleep)
        self._changed.set()
        return sleep

    def let_answer(self, *, somebody: bool) -> None:
        self._somebody_answers = somebody
        self._answer_was_lost = False
        if self._sleep is not None:
            self._time_link(self._sleep)

    def note_lost_answer(self) -> None:
        """The far end has done its part, and the meter will not hear of it."""
        self._answer_was_lost = True
        if self._sleep is not None:
            self._time_link(self._sleep)

    def let_run(self, *, meter: bool) -> None:
        """Say that the meter is there, or not any more."""
        self._meter_runs = meter
        self._changed.set()

    async def advance_to(self, now_ms: int) -> None:
        """Wake the meter at every instant it asks for, up to and including ``now_ms``."""
        while await self.advance_to_wake(now_ms):
            pass
        self._set(max(self._now_ms, now_ms))

    async def advance_to_wake(self, now_ms: int) -> bool:
        """Go to the meter's next instant if that is not after ``now_ms``; return whether it was.

        Returns when the meter sleeps beyond it and its link is quiet.
        """
        await self.settle()
        sleep = self._sleep
        if not self._meter_runs or sleep is None or sleep.wake_at_ms > now_ms:
            return False
        self._set(sleep.wake_at_ms)
        sleep.wake(sleep.wake_at_ms)
        await self.settle()
        return True

    async def settle(self) -> None:
        """Wait until the meter sleeps and its link is quiet, or until it runs no more."""
        try:
            async with asyncio.timeout(self._patience_s):
                while self._meter_runs and not self._is_settled():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            doing = "awake" if self._sleep is None else "waiting for its link"
            sentence = messages.METER_RESTLESS.format(doing=doing, timeout_s=self._patience_s)
            raise Failed(sentence) from None

    def _is_settled(self) -> bool:
        sleep = self._sleep
        return sleep is not None and sleep.wake_at_ms > self._now_ms and sleep.link_ends_ms is None

    def _set(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._calendar.set(now_ms)

    def _time_link(self, sleep: _Sleep) -> None:
        if sleep.link_ends_ms is None:
            return
        if sleep.timer is not None:
            sleep.timer.cancel()
        loop = asyncio.get_running_loop()
        if self._somebody_answers and not self._answer_was_lost:
            wait_s = max(sleep.link_ends_ms - self.link_ms(), 0) / 1000
            sleep.timer = loop.call_later(wait_s, self._end_link, sleep)
        else:
            sleep.timer = loop.call_soon(self._end_link, sleep)

    def _end_link(self, sleep: _Sleep) -> None:
        assert sleep.link_ends_ms is not None
        self._answer_was_lost = False
        self._link_skipped_ms += max(sleep.link_ends_ms - self.link_ms(), 0)
        sleep.wake(min(self._now_ms, sleep.wake_at_ms))

    def _forget(self, sleep: _Sleep) -> None:
        if self._sleep is sleep:
            self._sleep = None
