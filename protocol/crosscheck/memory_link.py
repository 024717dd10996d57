"""Both ends of a link joined in memory: a meter's session, a gateway that stores in a dict, and
links that lose, cut, double or damage what they carry."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crosscheck.meter_aes import MeterAes
from weir.link import tables_gen
from weir.link.dispatch import ahead
from weir.link.sealing import Sealer
from weir.link.session import DeviceSession
from weir_protocol.errors import PeerError
from weir_protocol.frames import AcknowledgeFlag, FrameType, peek_header
from weir_protocol.framing import Deframer
from weir_protocol.records import IntervalRecord
from weir_protocol.session import HostSession, Uplink

if TYPE_CHECKING:
    from weir.link.errands import Errands

METER_ID = 10_000_001
EPOCH = 0x5EED_0001
KEY = bytes(range(16))
NOW_MS = 1_790_000_000_250
U32 = 0xFFFF_FFFF
RANGES_MAX = 24  # in one BACKFILL


class MemoryJournal:
    """Records of a made-up flow; ``unreadable`` ones cannot be given."""

    def __init__(self, oldest: int, count: int, unreadable: frozenset[int] = frozenset()) -> None:
        self.sequence_oldest = oldest
        self.sequence_next = (oldest + count) & U32
        self.unreadable = unreadable

    def read_into(self, sequence: int, record: list[int]) -> bool:
        index = (sequence - self.sequence_oldest) & U32
        count = (self.sequence_next - self.sequence_oldest) & U32
        if index >= count or sequence in self.unreadable:
            return False
        forward = 1000 + 7 * index + index % 5
        record[:] = [1_790_000_100 + 900 * index, forward, 3, 400 + index % 3, 398, 405, 2, 0, 2]
        return True

    def skip_to(self, sequence: int) -> None:
        skipped = (sequence - self.sequence_next) & U32
        self.unreadable |= {(self.sequence_next + step) & U32 for step in range(skipped)}
        self.sequence_next = sequence


class MemoryMeter:
    """A device session and what it needs."""

    def __init__(
        self, journal: MemoryJournal, epoch: int = EPOCH, errands: "Errands | None" = None
    ) -> None:
        self.journal = journal
        self.counter = 0
        self.sealer = Sealer(METER_ID, KEY, epoch, MeterAes, self._next_counter)
        self.session = DeviceSession(self.sealer, journal, self._describe, 250, errands)

    def _next_counter(self) -> int:
        self.counter += 1
        return self.counter

    def _describe(self) -> list[int]:
        names = tables_gen.LAYOUTS[tables_gen.TYPE_HELLO][1].split()
        values = dict.fromkeys(names, 0)
        values["sequence_oldest"] = self.journal.sequence_oldest
        values["sequence_next"] = self.journal.sequence_next
        return [values[name] for name in names]

    def frames(self, link_ms: int) -> list[bytes]:
        """Return the stream bytes of each frame the meter wants to send now."""
        return list(iter(lambda: self.session.transmit(link_ms, link_ms), b""))


@dataclass
class MemoryGateway:
    """Stores in memory what a gateway stores on disk, answers, and asks for what is missing.

    resume_at, missing: as WL-ACK-04 and WL-FIL-01 say. wanted: asked for though they may be held.
    """

    held: dict[tuple[int, int], IntervalRecord] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    counters: dict[int, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    repeated: int = 0
    resume_at: int | None = None
    missing: list[int] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    downlink_counter: int = 0

    def __post_init__(self) -> None:
        self.deframer = Deframer()
        self.restart()

    def restart(self) -> None:
        """Lose everything that is not stored."""
        epoch = max(self.counters, default=None)
        self.session = HostSession(
            METER_ID,
            KEY,
            epoch=epoch,
            counters=self.counters,
            reference=lambda epoch, sequence: self.held.get((epoch, sequence)),
        )

    def answer(self, stream: bytes) -> bytes:
        return b"".join(map(self._answer_frame, self.deframer.feed(stream)))

    def _answer_frame(self, frame: bytes) -> bytes:
        try:
            if peek_header(frame).meter_id != METER_ID:
                raise PeerError("WL-HDR", "another meter's")
            uplink = self.session.receive(frame)
        except PeerError as error:
            self.refused.append(error.rule)
            return b""
        self._store(uplink)
        self.take(uplink)
        written = self.tell(uplink)
        is_open = self.missing or self.wanted or self.outstanding
        flags = AcknowledgeFlag.KEEP_LISTENING if is_open else 0
        assert self.resume_at is not None
        return written + self.session.acknowledge(
            uplink,
            now_ms=NOW_MS,
            resume_at=self.resume_at,
            downlink_counter=self._next_counter(),
            flags=flags,
        )

    @property
    def outstanding(self) -> bool:
        """Beside records, something that the meter was told is not answered yet."""
        return False

    def take(self, uplink: Uplink) -> None:
        """Take what is no record."""

    def tell(self, uplink: Uplink) -> bytes:
        """Return the stream bytes of what goes before the answer to ``uplink``."""
        return self._ask(uplink)

    def _next_counter(self) -> int:
        self.downlink_counter += 1
        return self.downlink_counter

    def _ask(self, uplink: Uplink) -> bytes:
        """Return a BACKFILL when it is time for one (WL-FIL-05)."""
        open_ones = [*self.missing, *self.wanted]
        is_anew = self.is_poll(uplink) or uplink.frame_type is FrameType.HELLO
        if not open_ones or (not is_anew and set(self.asked) & set(open_ones)):
            return b""
        self.asked = open_ones
        return self.request(uplink, runs(open_ones)[:RANGES_MAX])

    def request(self, uplink: Uplink, ranges: list[tuple[int, int]]) -> bytes:
        """Return the stream bytes of a BACKFILL that comes with the answer to ``uplink``."""
        items = [{"first_sequence": first, "last_sequence": last} for first, last in ranges]
        return self.downlink(FrameType.BACKFILL, uplink, items=items)

    def downlink(self, frame_type: FrameType, uplink: Uplink, **fields: Any) -> bytes:
        """Return the stream bytes of a downlink that comes with the answer to ``uplink``."""
        counter = self._next_counter()
        fields["answers"] = uplink.counter
        return self.session.downlink(frame_type, uplink.epoch, counter, fields)

    @staticmethod
    def is_poll(uplink: Uplink) -> bool:
        return uplink.frame_type is FrameType.READINGS and not uplink.records

    def _store(self, uplink: Uplink) -> None:
        self.counters[uplink.epoch] = uplink.counter
        if uplink.frame_type is FrameType.HELLO and self.resume_at is None:
            self.resume_at = uplink.fields["sequence_oldest"]
        for record in uplink.records:
            name = (uplink.epoch, record.sequence)
            self.repeated += name in self.held
            assert self.held.setdefault(name, record) == record
            self._settle(record.sequence)
        lost = uplink.fields["items"] if uplink.frame_type is FrameType.LOST else ()
        for item in lost:
            span = (item["last_sequence"] - item["first_sequence"]) & U32
            for step in range(span + 1):
                self._lose((item["first_sequence"] + step) & U32, uplink.epoch)

    def _lose(self, sequence: int, epoch: int) -> None:
        if (epoch, sequence) not in self.held:
            self.lost.add(sequence)
        self._settle(sequence)

    def _settle(self, sequence: int) -> None:
        """Take note that a sequence is held or lost now, and of those it passes over."""
        assert self.resume_at is not None
        if ahead(sequence, self.resume_at) >= 0:
            passed = ahead(sequence, self.resume_at)
            self.missing += [(self.resume_at + step) & U32 for step in range(passed)]
            self.resume_at = (sequence + 1) & U32
        for open_ones in (self.missing, self.wanted):
            if sequence in open_ones:
                open_ones.remove(sequence)


def runs(sequences: list[int]) -> list[tuple[int, int]]:
    """Return the (first, last) of each unbroken run, modulo 2**32."""
    found: list[tuple[int, int]] = []
    for sequence in sequences:
        if found and sequence == (found[-1][1] + 1) & U32:
            found[-1] = (found[-1][0], sequence)
        else:
            found.append((sequence, sequence))
    return found


Link = Callable[[bytes], bytes]


def perfect(stream: bytes) -> bytes:
    return stream


def lossy(seed: int, share: float) -> Link:
    chance = random.Random(seed)
    return lambda stream: b"" if chance.random() < share else stream


def noisy(seed: int) -> Link:
    """Cut, double, damage or drop a frame now and then."""
    chance = random.Random(seed)

    def carry(stream: bytes) -> bytes:
        fate = chance.randrange(12)
        cut = chance.randrange(len(stream))
        if fate == 0:
            return stream[:cut] + b"\x00"
        if fate == 1:
            return stream + stream
        if fate == 2:
            return (
                stream[:cut] + bytes([stream[cut] ^ 1 << chance.randrange(8)]) + stream[cut + 1 :]
            )
        return b"" if fate == 3 else stream

    return carry


def drain(
    meter: MemoryMeter, gateway: MemoryGateway, up: Link = perfect, down: Link = perfect
) -> int:
    """Run sessions until the meter has nothing left to send; return how many frames it sent."""
    link_ms = sent = 0
    meter.session.begin()
    for _ in range(20_000):
        for stream in meter.frames(link_ms):
            sent += 1
            answer = gateway.answer(up(stream))
            if answer:
                meter.session.receive(down(answer), link_ms, link_ms)
        if meter.session.active:
            link_ms = max(link_ms + 1, meter.session.link_wake_at_ms or 0)
        elif meter.session.complete:
            return sent
        else:
            meter.session.begin()
    raise AssertionError("the backlog does not drain")
