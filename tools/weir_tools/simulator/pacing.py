"""The bench's time: real, faster than real, or stepped by a test.

A meter's time (`now_ms`) is the bench's; the link's time (`link_ms`) is that of the real wire, so
that a day can pass in a minute while bytes take as long as they take.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Wake = Callable[[int], None]  # gets the now_ms to wake at


class Alarm(Protocol):
    def cancel(self) -> None: ...


class Pace(Protocol):
    def now_ms(self) -> int:
        """The bench's time. It never goes back."""

    def link_ms(self) -> int: ...

    def arm(self, wake_at_ms: int, link_wake_in_ms: int | None, wake: Wake) -> Alarm:
        """Wake a meter once: exactly at `wake_at_ms`, or earlier when the link's time is up."""


class PacedTime:
    """`speed` seconds pass on the bench for each second on the wall, counted from `origin_s`.

    It is the clock of a gateway whose `[clock]` has the same origin and speed. A meter that
    cannot follow gets every instant all the same, only later.
    """

    def __init__(self, *, speed: float, origin_s: float | None = None) -> None:
        self.speed = speed
        self.origin_s = time.time() if origin_s is None else origin_s
        self._linked_at_s = time.monotonic()
        self._holds_at_ms: int | None = None
        self._latest_ms = 0
        self._alarms: set[_PacedAlarm] = set()

    def now_ms(self) -> int:
        """0 until the origin is reached, which may lie ahead."""
        now_ms = int((time.time() - self.origin_s) * 1000 * self.speed)
        if self._holds_at_ms is not None:
            now_ms = min(now_ms, self._holds_at_ms)
        self._latest_ms = max(self._latest_ms, now_ms)  # the wall clock may be set back
        return self._latest_ms

    def link_ms(self) -> int:
        return int((time.monotonic() - self._linked_at_s) * 1000)

    def wall_s_until(self, now_ms: int) -> float:
        """Seconds on the wall until an instant of the bench; 0 when it is past."""
        return max(self.origin_s + now_ms / 1000 / self.speed - time.time(), 0.0)

    def begin(self) -> None:
        """Time 0 is now, for one that was held there until now."""
        self.origin_s = time.time()
        self._holds_at_ms = None
        for alarm in self._alarms:
            self._schedule(alarm)

    def hold_at(self, now_ms: int) -> None:
        """Let the bench's time run up to an instant and stand still there; the link's goes on.

        A later instant lets it run on.
        """
        self._holds_at_ms = now_ms
        for alarm in self._alarms:
            self._schedule(alarm)

    def arm(self, wake_at_ms: int, link_wake_in_ms: int | None, wake: Wake) -> Alarm:
        alarm = _PacedAlarm(wake_at_ms, wake, self._alarms)
        self._alarms.add(alarm)
        self._schedule(alarm)
        if link_wake_in_ms is not None:
            alarm.link_timer = asyncio.get_running_loop().call_later(
                link_wake_in_ms / 1000, lambda: wake(min(self.now_ms(), wake_at_ms))
            )
        return alarm

    def _schedule(self, alarm: "_PacedAlarm") -> None:
        if alarm.timer is not None:
            alarm.timer.cancel()
            alarm.timer = None
        if self._holds_at_ms is None or alarm.wake_at_ms <= self._holds_at_ms:
            loop = asyncio.get_running_loop()
            wall_s = self.wall_s_until(alarm.wake_at_ms)
            alarm.timer = loop.call_later(wall_s, alarm.wake, alarm.wake_at_ms)


@dataclass(eq=False, slots=True)
class _PacedAlarm:
    wake_at_ms: int
    wake: Wake
    armed: "set[_PacedAlarm]"
    timer: asyncio.TimerHandle | None = None
    link_timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        self.armed.discard(self)
        for timer in (self.timer, self.link_timer):
            if timer is not None:
                timer.cancel()


class SteppedTime:
    """Time passes only in `advance_to`. The link's time stays that of the wall."""

    def __init__(self) -> None:
        self._now_ms = 0
        self._linked_at_s = time.monotonic()
        self._sleepers: set[_Sleeper] = set()
        self._changed = asyncio.Event()

    def now_ms(self) -> int:
        return self._now_ms

    def link_ms(self) -> int:
        return int((time.monotonic() - self._linked_at_s) * 1000)

    def arm(self, wake_at_ms: int, link_wake_in_ms: int | None, wake: Wake) -> Alarm:
        sleeper = _Sleeper(wake_at_ms, wake, self._sleepers)
        self._sleepers.add(sleeper)
        self._changed.set()
        if link_wake_in_ms is not None:
            sleeper.link_timer = asyncio.get_running_loop().call_later(
                link_wake_in_ms / 1000, lambda: wake(min(self._now_ms, wake_at_ms))
            )
        return sleeper

    async def advance_to(self, now_ms: int, *, meter_count: int, timeout_s: float = 20.0) -> None:
        """Wake the meters at every instant they asked for, up to and including `now_ms`.

        Returns when all `meter_count` meters sleep beyond it. Raise TimeoutError when one does
        not go back to sleep.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                await self._all_asleep(meter_count)
                sleeper = min(self._sleepers, key=lambda sleeper: sleeper.wake_at_ms)
                if sleeper.wake_at_ms > now_ms:
                    break
                self._now_ms = max(self._now_ms, sleeper.wake_at_ms)
                sleeper.wake(sleeper.wake_at_ms)
        self._now_ms = max(self._now_ms, now_ms)

    async def _all_asleep(self, meter_count: int) -> None:
        while len(self._sleepers) < meter_count:
            self._changed.clear()
            await self._changed.wait()


@dataclass(eq=False, slots=True)
class _Sleeper:
    wake_at_ms: int
    wake: Wake
    asleep: "set[_Sleeper]"
    link_timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        self.asleep.discard(self)
        if self.link_timer is not None:
            self.link_timer.cancel()
