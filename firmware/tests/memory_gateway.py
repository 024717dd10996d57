"""A gateway that keeps records in memory and answers as a real one does (CPython only)."""

from collections.abc import Callable
from typing import Any

from weir_protocol.errors import PeerError
from weir_protocol.frames import KEY_COUNT, FrameType
from weir_protocol.framing import Deframer
from weir_protocol.records import IntervalRecord
from weir_protocol.session import HostSession, Uplink
from weir_protocol.settings import BY_NAME

ITEMS_OF_FRAME = 40  # settings, so that a meter takes the frame


class MemoryGateway:
    """Takes stream bytes of one meter and returns the stream bytes of its answers.

    held: records by (epoch, sequence). lost: the ranges that the meter named lost.
    hellos: the fields of each HELLO; reports, readings, events: of each SETTINGS_REPORT, STATUS,
    and event.
    versions: the settings version that each uplink names, by its low 8 bits.
    errands: downlinks for the next uplink, written before it is acknowledged.
    repeats: records that came again. refused: broken rules.
    is_mute: when True, every frame is lost on the way. frame_count: all that came, lost or not.
    """

    def __init__(self, meter_id: int, key: bytes, utc_ms: Callable[[], int]) -> None:
        self.held: dict[tuple[int, int], IntervalRecord] = {}
        self.hellos: list[dict[str, int]] = []
        self.reports: list[dict[str, Any]] = []
        self.readings: list[dict[str, int]] = []
        self.versions: list[int] = []
        self.errands: list[tuple[FrameType, dict[str, Any]]] = []
        self.events: list[dict[str, int]] = []
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
            answers += self._write_errands(uplink) + self._acknowledge(uplink)
        return answers

    def change_settings(self, version: int, **values: int) -> None:
        """Send a version with the next answer: all that is not as the meter was provisioned."""
        count = {"key": KEY_COUNT, "value": len(values)}
        items = [{"key": BY_NAME[name].key, "value": value} for name, value in values.items()]
        for first in range(0, max(len(items), 1), ITEMS_OF_FRAME):
            some = [count, *items[first : first + ITEMS_OF_FRAME]]
            self.errands.append((FrameType.SETTINGS, {"settings_version": version, "items": some}))

    def records(self) -> list[IntervalRecord]:
        """Return what is held of the newest epoch, in order."""
        epoch = self._session.epoch
        return [record for name, record in sorted(self.held.items()) if name[0] == epoch]

    def _write_errands(self, uplink: Uplink) -> bytes:
        stream = b""
        for frame_type, fields in self.errands:
            self._downlink_counter += 1
            stream += self._session.downlink(
                frame_type,
                uplink.epoch,
                self._downlink_counter,
                {"answers": uplink.counter, **fields},
            )
        self.errands = []
        return stream

    def _store(self, uplink: Uplink) -> None:
        self.versions.append(uplink.fields["settings_version"] & 0xFF)
        if uplink.frame_type is FrameType.SETTINGS_REPORT:
            self.reports.append(uplink.fields)
        if uplink.frame_type is FrameType.STATUS:
            self.readings.append(uplink.fields)
        if uplink.frame_type is FrameType.HELLO:
            self.hellos.append(uplink.fields)
            self._oldest.setdefault(uplink.epoch, uplink.fields["sequence_oldest"])
        if uplink.frame_type is FrameType.EVENTS:
            self.events.extend(uplink.fields["items"])
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
