"""Meters are tampered with and asked for readings, one after the other each; answers are timed.

The meters do so side by side. Between two trials a meter rests for a time drawn from a fixed seed,
so that no trial keeps step with anything else.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from weir_tools.alarm_bench.stand import KINDS, Post, Stand, open_stand
from weir_tools.alarm_bench.subscriber import Document, Subscriber
from weir_tools.simulator.senses import Sense

METERS_OF_KIND = 4
REST_S_MAX = 0.3
PATIENCE_S = 60.0

ALARM, READ = "alarm", "read"

_TAMPERS = (
    (Sense.COVER, "tamper_cover"),
    (Sense.MAGNET, "tamper_magnet"),
    (Sense.LOOP_OPEN, "tamper_cable"),
)


@dataclass(frozen=True, slots=True)
class Times:
    """How long each trial took that got its message, in seconds.

    asked: trials that were begun. Figures of none are None.
    """

    seconds: tuple[float, ...]
    asked: int

    @property
    def median_s(self) -> float | None:
        return median(self.seconds) if self.seconds else None

    @property
    def p99_s(self) -> float | None:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] if self.seconds else None

    @property
    def max_s(self) -> float | None:
        return max(self.seconds, default=None)

    def __add__(self, other: "Times") -> "Times":
        return Times(self.seconds + other.seconds, self.asked + other.asked)


NO_TIMES = Times((), 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Trials of one kind, by the kind of their link."""

    by_kind: dict[str, Times]

    @property
    def all(self) -> Times:
        return sum(self.by_kind.values(), NO_TIMES)


def measure(folder: Path, *, alarms: int, reads: int) -> dict[str, Outcome]:
    """Time at least so many alarms, and readings on request; what is 0 is left out."""
    return asyncio.run(_measure(folder, {ALARM: alarms, READ: reads}))


async def _measure(folder: Path, counts: dict[str, int]) -> dict[str, Outcome]:
    async with open_stand(folder, METERS_OF_KIND) as stand:
        listener = Listener()
        topics = ["weir/+/event", "weir/+/read/result"]
        subscriber = Subscriber(stand.broker_port, topics, listener.hear)
        await subscriber.start()
        try:
            return {
                what: await _trials(stand, listener, what, count)
                for what, count in counts.items()
                if count
            }
        finally:
            subscriber.stop()


async def _trials(stand: Stand, listener: "Listener", what: str, count: int) -> Outcome:
    """Share the trials out to the meters, and gather what they took."""
    each = -(-count // len(stand.posts))
    timed = await asyncio.gather(
        *(trials_of(stand, listener, post, what, each) for post in stand.posts)
    )
    by_kind = dict.fromkeys(KINDS, NO_TIMES)
    for post, times in zip(stand.posts, timed, strict=True):
        by_kind[post.kind] += times
    return Outcome(by_kind)


async def trials_of(
    stand: Stand, listener: "Listener", post: Post, what: str, count: int
) -> Times:
    """Make the trials of one meter, up to the first that gets no message."""
    chance = random.Random(post.meter_id)
    tamperer = Tamperer(listener, post)
    seconds: list[float] = []
    for asked in range(1, count + 1):
        await asyncio.sleep(chance.uniform(0, REST_S_MAX))
        one = tamperer.alarm() if what == ALARM else _read(stand, listener, post)
        try:
            async with asyncio.timeout(PATIENCE_S):
                seconds.append(await one)
        except TimeoutError:
            return Times(tuple(seconds), asked)
    return Times(tuple(seconds), count)


async def _read(stand: Stand, listener: "Listener", post: Post) -> float:
    """Ask for a reading until the subscriber has it."""
    answered = listener.expect(
        f"weir/{post.meter_id}/read/result", lambda document: document["state"] == "answered"
    )
    began_at_s = time.monotonic()
    await asyncio.to_thread(stand.client.read, post.meter_id)
    return await answered - began_at_s


class Tamperer:
    """Raises the alarms of one meter in turn. Each is cleared before its next turn."""

    def __init__(self, listener: "Listener", post: Post) -> None:
        self._listener = listener
        self._post = post
        self._turns = itertools.cycle(_TAMPERS)
        self._cleared: dict[str, asyncio.Future[float]] = {}

    async def alarm(self) -> float:
        """Tamper until the subscriber has heard of it, then stop; return how long it took."""
        sense, name = next(self._turns)
        if name in self._cleared:
            await self._cleared[name]
        raised = self._expect(name, "raise")
        began_at_s = time.monotonic()
        self._post.senses.apply(sense)
        took_s = await raised - began_at_s
        self._cleared[name] = self._expect(name, "clear")
        self._post.senses.release(sense)
        return took_s

    def _expect(self, name: str, phase: str) -> "asyncio.Future[float]":
        return self._listener.expect(
            f"weir/{self._post.meter_id}/event",
            lambda document: (document["name"], document["phase"]) == (name, phase),
        )


class Listener:
    """Waits for messages. A future's result is when the message came."""

    def __init__(self) -> None:
        self._expected: dict[
            str, list[tuple[Callable[[Document], bool], asyncio.Future[float]]]
        ] = {}

    def expect(self, topic: str, is_it: Callable[[Document], bool]) -> "asyncio.Future[float]":
        arrival: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._expected.setdefault(topic, []).append((is_it, arrival))
        return arrival

    def hear(self, topic: str, document: Document, came_at_s: float) -> None:
        waiting = self._expected.pop(topic, [])
        self._expected[topic] = [one for one in waiting if not one[0](document)]
        for is_it, arrival in waiting:
            if is_it(document) and not arrival.done():
                arrival.set_result(came_at_s)
