"""Sans-IO session of the meter with its gateway (WL-SES).

It owns no link and no clock: chunks and times come in, bytes to write go out. Records are taken
from the journal when a frame is made, so a session holds no record of its own.
"""

from micropython import const
from weir.link import codec, sealing
from weir.link import tables_gen as t
from weir.link.framing import Deframer, enframe
from weir.link.packing import BatchPacker

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class Journal(Protocol):
        """The ring as a session sees it. A record is a list of nine integers (see packing)."""

        sequence_oldest: int
        sequence_next: int

        def read_into(self, sequence: int, record: list[int]) -> bool: ...


WINDOW = 4  # frames under way at once: hides the round trip, bounds what a loss repeats
ATTEMPTS_MAX = 4  # passes without progress before the session is given up
ACKNOWLEDGE_TIMEOUT_MS = 5000
REMEMBERED_FRAMES = 8  # the acknowledgement of an earlier attempt is a promise as well
LOST_RUN_MAX = 256  # unreadable records looked past in one go

_MASK = const(0xFFFF_FFFF)
_HALF = const(0x8000_0000)
_HEADER_SIZE_MAX = const(10)


def _ahead(sequence: int, of: int) -> int:
    """Return how far ``sequence`` is ahead of ``of``, modulo 2**32; negative when behind."""
    return ((sequence - of + _HALF) & _MASK) - _HALF


class _Sent:
    """An uplink of this session. ``end`` is the sequence after its last, None for HELLO."""

    def __init__(self, counter: int, end: "int | None", now_ms: int) -> None:
        self.counter = counter
        self.end = end
        self.now_ms = now_ms


class DeviceSession:
    """One session at a time: HELLO when it is due, then records, oldest first, a window at a time.

    describe: returns the values of HELLO in the order of its layout.
    cursor: next sequence that the gateway has not acknowledged.
    said_hello: False makes a session begin with HELLO (after a start or a format).
    link_wake_at_ms: link time of the next timer, None when there is none.
    clock_offer_ms: UTC milliseconds told by the last acknowledgement, with
        clock_round_trip_ms by the caller's ``now_ms``; the caller takes it and sets it to None.
    refused_count: frames that did not open or answered nothing of ours.
    """

    def __init__(
        self,
        sealer: sealing.Sealer,
        journal: "Journal",
        describe: "Callable[[], Sequence[int]]",
        frame_size_max: int,
    ) -> None:
        self.settings_version = 0
        self.interval_s = t.USUAL_INTERVAL_S
        self.samples = t.USUAL_SAMPLES
        self.columns = t.USUAL_COLUMNS
        self.cursor = journal.sequence_oldest
        self.said_hello = False
        self.active = False
        self.link_wake_at_ms: int | None = None
        self.clock_offer_ms: int | None = None
        self.clock_round_trip_ms = 0
        self.refused_count = 0
        self._sealer = sealer
        self._journal = journal
        self._describe = describe
        self._packer = BatchPacker(frame_size_max - _HEADER_SIZE_MAX - sealing.TAG_SIZE - 1)
        self._deframer = Deframer(frame_size_max)
        self._record = [0] * 9
        self._sent: list[_Sent] = []
        self._waiting: list[int] = []  # counters not answered yet, in order
        self._next = self.cursor  # next sequence to put into a frame
        self._pass_counter = 0  # first counter of this pass over the backlog
        self._attempt = 0
        self._leans = True  # frames may continue an acknowledged record

    @property
    def complete(self) -> bool:
        """HELLO was said and every record of the journal is acknowledged."""
        return self.said_hello and self.cursor == self._journal.sequence_next

    def begin(self) -> None:
        """Open a session; ``transmit`` then gives the first bytes."""
        self.active = True
        self._sent = []
        self._attempt = 0
        self._leans = True
        self._start_pass(0)

    def abort(self) -> None:
        """End the session. What was not acknowledged goes out in the next one."""
        self.active = False
        self.link_wake_at_ms = None

    def transmit(self, link_ms: int, now_ms: int) -> bytes:
        """Return the bytes of one frame to write now, or nothing. Call it until it is nothing."""
        if self.active:
            self._let_time_pass(link_ms)
        if not self.active:
            return b""
        if not self._waiting and self.complete:
            self.abort()
            return b""
        if self.said_hello:
            if len(self._waiting) < WINDOW and self._next != self._journal.sequence_next:
                return self._send_records(link_ms, now_ms)
        elif not self._waiting:
            body = codec.pack_body(t.TYPE_HELLO, self._describe())
            return self._send(t.TYPE_HELLO, body, None, link_ms, now_ms)
        return b""

    def receive(self, chunk: bytes, link_ms: int, now_ms: int) -> None:
        """Take bytes from the link. What does not open or answers nothing of ours is ignored."""
        for frame in self._deframer.feed(chunk):
            values = self._open(frame)
            sent = self._find_sent(values[0]) if values and self.active else None
            if values is None or sent is None:  # WL-ACK-03
                self.refused_count += 1
            else:
                self._take_answer(sent, values, link_ms, now_ms)

    def _open(self, frame: bytes) -> "tuple[int, ...] | None":
        """Return the values of an ACKNOWLEDGE for this meter, or None."""
        split = codec.split_downlink(frame)
        if split is None or split[1] != self._sealer.meter_id:
            return None
        frame_type, _, counter, size = split
        nonce = self._sealer.nonce(counter, sealing.DOWNLINK)
        body = self._sealer.open(nonce, frame[:size], frame[size:])
        if body is None or frame_type != t.TYPE_ACKNOWLEDGE:
            return None
        unpacked = codec.unpack_body(frame_type, body)
        return unpacked[0] if unpacked else None

    def _find_sent(self, counter: int) -> "_Sent | None":
        for sent in self._sent:
            if sent.counter == counter:
                return sent
        return None

    def _take_answer(
        self, sent: _Sent, values: "tuple[int, ...]", link_ms: int, now_ms: int
    ) -> None:
        _, time_s, time_ms, resume_at, flags = values
        self._sent.remove(sent)  # a frame is answered once; a repeat of its answer is a replay
        self._waiting = [counter for counter in self._waiting if counter > sent.counter]
        self.clock_offer_ms = time_s * 1000 + time_ms
        self.clock_round_trip_ms = now_ms - sent.now_ms
        self.said_hello = not flags & t.FLAG_HELLO_WANTED
        self._follow(resume_at)
        if sent.end is None or _ahead(self.cursor, self._next) > 0:
            self._next = self.cursor
        elif sent.counter >= self._pass_counter and _ahead(sent.end, self.cursor) > 0:
            self._repeat(sent.counter + len(self._waiting) + 1)  # something before it is missing
        self._set_timer(link_ms)

    def _follow(self, resume_at: int) -> None:
        """Let the gateway say where to go on, within what was ever recorded (WL-ACK-04)."""
        if _ahead(resume_at, self._journal.sequence_next) > 0:
            resume_at = self._journal.sequence_next
        if resume_at != self.cursor:
            self._attempt = 0
        self.cursor = resume_at

    def _let_time_pass(self, link_ms: int) -> None:
        if self.link_wake_at_ms is None or link_ms < self.link_wake_at_ms:
            return
        self._leans = False  # the gateway may not hold what it once acknowledged
        self._repeat(self._waiting[-1] + 1)

    def _repeat(self, pass_counter: int) -> None:
        """Go over the backlog again from the cursor, or give up after passes without progress."""
        self._attempt += 1
        if self._attempt >= ATTEMPTS_MAX:
            self.abort()
            self.said_hello = False  # it may have lost what it knew of this meter
        else:
            self._start_pass(pass_counter)

    def _start_pass(self, pass_counter: int) -> None:
        self._pass_counter = pass_counter
        self._waiting = []
        self._next = self.cursor
        self.link_wake_at_ms = None

    def _send_records(self, link_ms: int, now_ms: int) -> bytes:
        """Send the next records, or name the next run that the journal has lost (WL-SES-06)."""
        readable = self._first_readable()
        if readable != self._next:
            lost = (self._next, (readable - 1) & _MASK)
            version = (self.settings_version & 0xFF,)
            body = codec.pack_body(t.TYPE_LOST, version, (lost,))
            self._next = readable
            return self._send(t.TYPE_LOST, body, readable, link_ms, now_ms)
        body = bytes((self.settings_version & 0xFF,)) + self._pack()
        return self._send(t.TYPE_READINGS, body, self._next, link_ms, now_ms)

    def _first_readable(self) -> int:
        """Return the first sequence from ``_next`` on that the journal can give, or its end."""
        journal = self._journal
        sequence = self._next
        if _ahead(journal.sequence_oldest, sequence) > 0:
            return journal.sequence_oldest
        for _ in range(LOST_RUN_MAX):
            if sequence == journal.sequence_next or journal.read_into(sequence, self._record):
                break
            sequence = (sequence + 1) & _MASK
        return sequence

    def _pack(self) -> bytes:
        """Pack records from ``_next`` on, as many as fit; move ``_next`` past them."""
        journal, record, packer = self._journal, self._record, self._packer
        reference = None
        before = (self._next - 1) & _MASK
        if self._leans and self._next == self.cursor and journal.read_into(before, record):
            reference = record
        packer.begin(self._next, self.interval_s, self.samples, self.columns, reference)
        while self._next != journal.sequence_next:
            if not journal.read_into(self._next, record) or not packer.append(record):
                break
            self._next = (self._next + 1) & _MASK
        return packer.finish()

    def _send(
        self, frame_type: int, body: bytes, end: "int | None", link_ms: int, now_ms: int
    ) -> bytes:
        sealer = self._sealer
        counter = sealer.next_counter()
        header = codec.header(frame_type, sealer.meter_id, counter, sealer.epoch)
        nonce = sealer.nonce(counter, sealing.UPLINK)
        self._sent.append(_Sent(counter, end, now_ms))
        if len(self._sent) > REMEMBERED_FRAMES:
            self._sent.pop(0)
        self._waiting.append(counter)
        self._set_timer(link_ms)
        return enframe(header + sealer.seal(nonce, header, body))

    def _set_timer(self, link_ms: int) -> None:
        self.link_wake_at_ms = link_ms + ACKNOWLEDGE_TIMEOUT_MS if self._waiting else None
