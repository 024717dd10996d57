"""Who may bring frames when: one that floods waits for its turn, the others do not wait for it.

A link that has proved to be a known meter's may bring frames at once, as long as that meter stays
within its allowance. All the rest, strangers and meters with too many frames, share one lane,
whatever their number: one frame of it after the other is submitted, with a rest in between, and
few are in the database's hands. So what a flood costs the others is one frame's work and a small
part of a commit. When nobody else was there for a while, the lane is wider.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

ALLOWANCE_FRAMES = 100
ALLOWANCE_FRAMES_PER_S = 20.0
"""A month of readings is 60 frames, so an honest meter's backlog is within it."""

IN_HAND_MAX = 8
"""Frames of the lane that are not answered yet; they share the others' commits."""

REST_S = 0.0005
"""Between two frames of the lane. The thread that commits needs the interpreter meanwhile."""

IN_HAND_ALONE_MAX = 128
PASS_ALONE_FRAMES = 8
ALONE_AFTER_S = 5.0
"""After so long without anybody in the right to pass, the lane has these two wider bounds, and no
rest."""

_METERS_MAX = 20_000

Answer = asyncio.Future[bytes | None]


class Turns:
    """One for all links. ``now_s`` is a monotonic clock, the event loop's if not given."""

    def __init__(
        self, now_s: Callable[[], float] | None = None, *, rest_s: float = REST_S
    ) -> None:
        self._now_s = now_s or (lambda: asyncio.get_running_loop().time())
        self._allowances: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._rest_s = rest_s
        self._passed_at_s = float("-inf")
        self._lane = asyncio.Lock()
        self._in_hand = 0
        self._count = 0
        self._has_room = asyncio.Event()

    def may_pass(self, meter: bytes, frame_count: int) -> bool:
        """Return whether a meter may bring so many frames now, and charge them if it may."""
        now_s = self._now_s()
        left, at_s = self._allowances.pop(meter, (ALLOWANCE_FRAMES, now_s))
        left = min(ALLOWANCE_FRAMES, left + (now_s - at_s) * ALLOWANCE_FRAMES_PER_S)
        passes = frame_count <= left
        self._allowances[meter] = (left - frame_count if passes else left, now_s)
        if len(self._allowances) > _METERS_MAX:
            self._allowances.popitem(last=False)
        if passes:
            self._passed_at_s = now_s
        return passes

    async def wait(self, submit: Callable[[], Answer | None]) -> Answer | None:
        """Submit one frame when it is its turn; return its answer to be awaited."""
        async with self._lane:
            is_alone = self._now_s() - self._passed_at_s > ALONE_AFTER_S
            while self._in_hand >= (IN_HAND_ALONE_MAX if is_alone else IN_HAND_MAX):
                self._has_room.clear()
                await self._has_room.wait()
            answer = submit()
            if answer is not None:
                self._in_hand += 1
                answer.add_done_callback(self._let_go)
            self._count += 1
            if not is_alone:
                await asyncio.sleep(self._rest_s)
            elif self._count % PASS_ALONE_FRAMES == 0:
                await asyncio.sleep(0)
        return answer

    def _let_go(self, _: Answer) -> None:
        self._in_hand -= 1
        self._has_room.set()
