"""Drives one open link: bytes to frames, frames to custody, answers back the way they came."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from weir_gateway.counters import RejectCounters
from weir_gateway.links.reach import Reach
from weir_gateway.links.stream import ByteStream, LinkClosed
from weir_gateway.links.turns import Answer, Turns

_METER_AT = slice(1, 5)  # where a frame names its meter (WL-HDR-01)


class Custody(Protocol):
    def submit(self, frame: bytes, source: str) -> Answer | None:
        """Begin to take one frame into custody; None when it is refused at once.

        Frames are taken in the order of the calls. The result is what to write back, None for
        nothing.
        """


class Deframing(Protocol):
    malformed_count: int

    def feed(self, chunk: bytes) -> list[bytes]: ...


class Driver:
    """Reads until the link closes. What it refuses it counts and answers with nothing."""

    def __init__(
        self,
        custody: Custody,
        deframer: Deframing,
        counters: RejectCounters,
        turns: Turns | None = None,
        reach: Reach | None = None,
    ) -> None:
        """Take the parts. Links that get the same ``turns`` are fair to each other.

        reach: is told whose link this is, so that others can write to it too.
        """
        self._custody = custody
        self._deframer = deframer
        self._counters = counters
        self._turns = turns or Turns()
        self._reach = reach or Reach()
        self._meter: bytes | None = None
        self._stream: ByteStream | None = None
        self._writing = asyncio.Lock()
        self.is_flooded = False
        self.outlasts_sessions = False

    @property
    def genuine(self) -> bool:
        """Whether a frame of a known meter came by this link."""
        return self._meter is not None

    async def run(self, stream: ByteStream) -> None:
        """Serve the link. Returns when it closes.

        All frames of one read are submitted before the first is awaited, so that they share a
        commit; nothing more is read until they are answered, which bounds what one link holds.
        """
        self._stream = stream
        try:
            while True:
                await self._take(await stream.read(), stream)
        except LinkClosed:
            return
        finally:
            self._stream = None
            self._reach.forget(self)

    async def push(self, compose: Callable[[], bytes]) -> None:
        """See ``reach.Channel``."""
        async with self._writing:
            if self._stream is None:
                raise LinkClosed("it closed meanwhile")
            await self._stream.write(compose())

    async def _take(self, chunk: bytes, stream: ByteStream) -> None:
        frames, malformed_count = self._deframe(chunk, stream.source)
        may_pass = self._may_pass(len(frames) + malformed_count)
        self.is_flooded = self.genuine and not may_pass
        if may_pass:
            answers = [self._custody.submit(frame, stream.source) for frame in frames]
        else:
            if malformed_count:
                await self._turns.wait(_submit_nothing)  # rubbish takes time as well
            answers = [await self._in_turn(frame, stream.source) for frame in frames]
        await self._answer(stream, frames, answers)

    def _deframe(self, chunk: bytes, source: str) -> tuple[list[bytes], int]:
        malformed_before = self._deframer.malformed_count
        frames = self._deframer.feed(chunk)
        malformed = self._deframer.malformed_count - malformed_before
        if malformed:
            self._counters.reject(source, "malformed", "bytes that are no frame", malformed)
        return frames, malformed

    def _may_pass(self, frame_count: int) -> bool:
        return self._meter is not None and self._turns.may_pass(self._meter, frame_count)

    async def _in_turn(self, frame: bytes, source: str) -> Answer | None:
        return await self._turns.wait(lambda: self._custody.submit(frame, source))

    async def _answer(
        self, stream: ByteStream, frames: list[bytes], answers: list[Answer | None]
    ) -> None:
        for frame, answer in zip(frames, answers, strict=True):
            stream_bytes = None if answer is None else await answer
            if stream_bytes is not None:
                self._meter = frame[_METER_AT]
                async with self._writing:
                    await stream.write(stream_bytes)
                self._reach.note(frame, self)


def _submit_nothing() -> None:
    """What rubbish comes to."""
