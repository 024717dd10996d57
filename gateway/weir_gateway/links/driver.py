"""Drives one open link: bytes to frames, frames to custody, answers back the way they came."""

import asyncio
from typing import Protocol

from weir_gateway.counters import RejectCounters
from weir_gateway.links.stream import ByteStream, LinkClosed


class Custody(Protocol):
    def submit(self, frame: bytes, source: str) -> "asyncio.Future[bytes | None] | None":
        """Begin to take one frame into custody; None when it is refused at once.

        Frames are taken in the order of the calls. The result is what to write back, None for
        nothing.
        """


class Deframing(Protocol):
    malformed_count: int

    def feed(self, chunk: bytes) -> list[bytes]: ...


class Driver:
    """Reads until the link closes. What it refuses it counts and answers with nothing."""

    def __init__(self, custody: Custody, deframer: Deframing, counters: RejectCounters) -> None:
        self._custody = custody
        self._deframer = deframer
        self._counters = counters
        self.genuine = False
        """Whether a frame of a known meter came by this link."""

    async def run(self, stream: ByteStream) -> None:
        """Serve the link. Returns when it closes.

        All frames of one read are submitted before the first is awaited, so that they share a
        commit; nothing more is read until they are answered, which bounds what one link holds.
        """
        try:
            while True:
                chunk = await stream.read()
                await self._answer(stream, self._submit(chunk, stream.source))
        except LinkClosed:
            return

    def _submit(self, chunk: bytes, source: str) -> "list[asyncio.Future[bytes | None]]":
        malformed_before = self._deframer.malformed_count
        frames = self._deframer.feed(chunk)
        malformed = self._deframer.malformed_count - malformed_before
        if malformed:
            self._counters.reject(source, "malformed", "bytes that are no frame", malformed)
        submitted = [self._custody.submit(frame, source) for frame in frames]
        return [answer for answer in submitted if answer is not None]

    async def _answer(
        self, stream: ByteStream, answers: "list[asyncio.Future[bytes | None]]"
    ) -> None:
        for answer in answers:
            stream_bytes = await answer
            if stream_bytes is not None:
                self.genuine = True
                await stream.write(stream_bytes)
