"""A gateway that keeps records in memory and answers as a real one does (CPython only)."""

from collections.abc import Callable

from weir_protocol.errors import PeerError
from weir_protocol.frames import FrameType
from weir_protocol.framing import Deframer
from weir_protocol.records import IntervalRecord
from weir_protocol.session import HostSession, Uplink


class MemoryGateway:
    """Takes stream bytes of one meter and returns the stream bytes of its answers.

    held: records by (epoch, sequence). lost: the ranges that the meter named lost.
    hellos: the fields of each HELLO. repeats: records that came again. refused: broken rules.
    is_mute: when True, every frame is lost on the way. frame_count: all that came, lost or not.
    """

    def __init__(self, meter_id: int, key: bytes, utc_ms: Callable[[], int]) -> None:
        self.held: dict[tuple[int, int], IntervalRecord] = {}
        self.hellos: list[dict[str, int]] = []
        self.lost: list[tuple[int, int]] = []
        self.repeats: list[tuple[int, int]] = []
        self.refused: list[str] = []
        self.is_mute = False
        self.frame_count = 0
        self._utc_ms = utc_ms
        self._downlink_counter = 0
        self._oldest: dict[int, int] = {}
        self._deframer = Deframer()
        self._session = HostSession(
            meter_id, key, epoch=None, counters={}, reference=lambda *name: self.held.get(name)
        )

    def receive(self, chunk: bytes) -> bytes:
        """Store what is in ``chunk``; return the acknowledgements."""
        answers = b""
        for frame in self._deframer.feed(chunk):
            self.frame_count += 1
            if self.is_mute:
                continue
            try:
                uplink = self._session.receive(frame)
            except PeerError as error:
                self.refused.append(error.rule)
                continue
            self._store(uplink)
            answers += self._acknowledge(uplink)
        return answers

    def records(self) -> list[IntervalRecord]:
        """Return what is held of the newest epoch, in order."""
        epoch = self._session.epoch
        return [record for name, record in sorted(self.held.items()) if name[0] == epoch]

    def _store(self, uplink: Uplink) -> None:
        if uplink.frame_type is FrameType.HELLO:
            self.hellos.append(uplink.fields)
            self._oldest.setdefault(uplink.epoch, uplink.fields["sequence_oldest"])
        if uplink.frame_type is FrameType.LOST:
            self._store_lost(uplink)
        for record in uplink.records:
            name = (uplink.epoch, record.sequence)
            if name in self.held:
                self.repeats.append(name)
                assert self.held[name] == record
            self.held[name] = record

    def _store_lost(self, uplink: Uplink) -> None:
        for item in uplink.fields["items"]:
            self.lost.append((item["first_sequence"], item["last_sequence"]))

    def _is_lost(self, sequence: int) -> bool:
        return any(first <= sequence <= last for first, last in self.lost)

    def _acknowledge(self, uplink: Uplink) -> bytes:
        resume_at = self._oldest[uplink.epoch]
        while (uplink.epoch, resume_at) in self.held or self._is_lost(resume_at):
            resume_at += 1
        self._downlink_counter += 1
        return self._session.acknowledge(
            uplink,
            now_ms=self._utc_ms(),
            resume_at=resume_at,
            downlink_counter=self._downlink_counter,
        )
