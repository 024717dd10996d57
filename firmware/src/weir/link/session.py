"""Sans-IO session of the meter with its gateway (WL-SES, WL-ACK, WL-FIL).

It owns no link and no clock: chunks and times come in, bytes to write go out. Records are taken
from the journal when a frame is made, so a session holds no record of its own.
"""

from micropython import const
from weir.link import codec, sealing
from weir.link import tables_gen as t
from weir.link.dispatch import Asked, Dispatch, ahead
from weir.link.flight import ASKED, HELLO, NEW, Flight, Sent
from weir.link.framing import Deframer, enframe

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weir.link.dispatch import Journal

WINDOW = 4  # frames under way at once: hides the round trip, bounds what a loss repeats
ATTEMPTS_MAX = 4  # passes without progress before the session is given up
HELLO_ATTEMPT = 2  # passes without progress before HELLO is said again
POLLS_MAX = 4  # in one session
HELLOS_MAX = 4  # in one session
FRAMES_SPARE = 128  # in one session, beside one for each 8 records that the journal keeps
SKIP_MAX = 1 << 20  # sequences: what a gateway claims to hold beyond that is not believed
ACKNOWLEDGE_TIMEOUT_MS = 5000

_HEADER_SIZE_MAX = const(10)


class DeviceSession:
    """One session at a time: HELLO when it is due, then records, a window of frames at a time.

    New records come first, oldest first; then those that the gateway asks for.

    describe: returns the values of HELLO in the order of its layout.
    dispatch: makes the bodies; its shape of a batch may be set.
    cursor: next sequence that the gateway has not taken note of.
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
        self.dispatch = Dispatch(journal, frame_size_max - _HEADER_SIZE_MAX - sealing.TAG_SIZE)
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
        self._deframer = Deframer(frame_size_max)
        self._flight = Flight()
        self._next = self.cursor  # next sequence to put into a frame
        self._pass_counter = 0  # first counter of this pass over what is new
        self._attempt = 0
        self._leans = True  # frames may continue an acknowledged record
        self._asked = Asked()
        self._asked_by = -1  # counter of the BACKFILL taken last
        self._answered = -1  # the newest of our counters that was acknowledged in this session
        self._gateway_wants_more = False
        self._poll_due = False
        self._polls = 0
        self._hellos = 0
        self._frames_left = 0  # so that no gateway keeps the meter on air for ever
        self._furthest = self.cursor  # what is ahead of it is progress

    @property
    def complete(self) -> bool:
        """HELLO was said, every record is acknowledged, and the gateway asks for no more."""
        everything_sent = self.cursor == self._journal.sequence_next
        return self.said_hello and everything_sent and not self._gateway_wants_more

    def begin(self) -> None:
        """Open a session; ``transmit`` then gives the first bytes."""
        self.active = True
        self._flight.clear()
        self._asked.clear()
        self._asked_by = self._answered = -1
        self._attempt = self._polls = self._hellos = 0
        kept = ahead(self._journal.sequence_next, self._journal.sequence_oldest)
        self._frames_left = FRAMES_SPARE + kept // 8
        self._furthest = self.cursor
        self._poll_due = self._gateway_wants_more  # a request of last time may be unfinished
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
        if not self.active or len(self._flight.waiting) >= WINDOW:
            return b""
        if self.said_hello:
            return self._go_on(link_ms, now_ms)
        return b"" if self._flight.waiting else self._say_hello(link_ms, now_ms)

    def receive(self, chunk: bytes, link_ms: int, now_ms: int) -> None:
        """Take bytes from the link. What does not open or answers nothing of ours is ignored."""
        for frame in self._deframer.feed(chunk):
            if not (self.active and self._take_frame(frame, link_ms, now_ms)):
                self.refused_count += 1  # WL-ACK-03

    def _take_frame(self, frame: bytes, link_ms: int, now_ms: int) -> bool:
        """Open a downlink for this meter and follow it; return whether it was one."""
        split = codec.split_downlink(frame)
        if split is None or split[1] != self._sealer.meter_id:
            return False
        frame_type, _, counter, size = split
        nonce = self._sealer.nonce(counter, sealing.DOWNLINK)
        body = self._sealer.open(nonce, frame[:size], frame[size:])
        unpacked = codec.unpack_body(frame_type, body) if body is not None else None
        if unpacked is None:
            return False
        values, items = unpacked
        if frame_type == t.TYPE_ACKNOWLEDGE:
            return self._take_answer(values, link_ms, now_ms)
        if frame_type == t.TYPE_BACKFILL:
            return self._take_request(values[0], counter, items)
        return False

    def _take_answer(self, values: "tuple[int, ...]", link_ms: int, now_ms: int) -> bool:
        answers, time_s, time_ms, resume_at, flags = values
        sent = self._flight.find(answers)
        if sent is None:
            return False
        self.clock_offer_ms = time_s * 1000 + time_ms
        self.clock_round_trip_ms = now_ms - sent.now_ms
        self._settle(sent)
        if sent.counter > self._answered:  # else it was overtaken, and tells of the past
            self._answered = sent.counter
            self.said_hello = not flags & t.FLAG_HELLO_WANTED
            self._gateway_wants_more = bool(flags & t.FLAG_KEEP_LISTENING)
            self._follow(sent, resume_at)
        self._set_timer(link_ms)
        return True

    def _take_request(
        self, answers: int, counter: int, items: "Sequence[tuple[int, ...]]"
    ) -> bool:
        """Take a BACKFILL that came with the answer to one of our frames (WL-FIL-03)."""
        if counter <= self._asked_by:
            return False
        if answers != self._answered and self._flight.find(answers) is None:
            return False
        self._asked_by = counter
        self._flight.disown()
        self._asked.replace(items, self._journal)
        self._gateway_wants_more = True
        return True

    def _settle(self, sent: Sent) -> None:
        """Strike a frame from those under way, and those before it, which were lost.

        New records among these the gateway misses, and asks for; what was asked for is repeated.
        """
        self._take_back(self._flight.answered(sent))
        if sent.content == ASKED:
            self._attempt = 0

    def _take_back(self, frames: "list[Sent]") -> None:
        for sent in reversed(frames):
            if sent.content == ASKED:
                self._asked.take_back(sent.first, sent.end)

    def _follow(self, sent: Sent, resume_at: int) -> None:
        """Let the gateway say where to go on (WL-ACK-04, WL-ACK-06)."""
        beyond = ahead(resume_at, self._journal.sequence_next)
        if beyond > 0:
            if sent.content == HELLO and beyond <= SKIP_MAX:
                self._journal.skip_to(resume_at)
            resume_at = self._journal.sequence_next
        if sent.content == HELLO and resume_at != self.cursor:
            self._furthest = resume_at
            self._leans = False  # the gateway may have noted the record before as missing
            self._attempt = 0
        elif ahead(resume_at, self._furthest) > 0:
            self._furthest = resume_at
            self._attempt = 0
        self.cursor = resume_at
        if sent.content == HELLO or ahead(self.cursor, self._next) > 0:
            self._next = self.cursor
        elif self._is_behind(sent):
            self._repeat(sent.counter + len(self._flight.waiting) + 1)
        elif not self._flight.carries_new():
            self._next = self.cursor  # what was lost is newer than all that the gateway knows of

    def _is_behind(self, sent: Sent) -> bool:
        """Return whether the gateway does not know what it has just answered (WL-SES-04)."""
        is_new = sent.content == NEW and sent.counter >= self._pass_counter
        return is_new and ahead(sent.end, self.cursor) > 0

    def _let_time_pass(self, link_ms: int) -> None:
        if self.link_wake_at_ms is None or link_ms < self.link_wake_at_ms:
            return
        self.link_wake_at_ms = None
        if not self._flight.waiting:
            self._poll_due = True
            return
        self._repeat(self._flight.waiting[-1].counter + 1)

    def _repeat(self, pass_counter: int) -> None:
        """Go over the backlog again from the cursor, or give up after passes without progress."""
        self._attempt += 1
        self._leans = False  # the gateway may not hold what it once acknowledged
        if self._attempt >= HELLO_ATTEMPT:
            self.said_hello = False  # it may have lost what it knew of this meter
        if self._attempt >= ATTEMPTS_MAX:
            self.abort()
        else:
            self._start_pass(pass_counter)

    def _start_pass(self, pass_counter: int) -> None:
        self._take_back(self._flight.restart())
        self._pass_counter = pass_counter
        self._next = self.cursor
        self.link_wake_at_ms = None

    def _go_on(self, link_ms: int, now_ms: int) -> bytes:
        if self._frames_left <= 0:
            return self._give_up()
        if self._next != self._journal.sequence_next:
            return self._send_new(link_ms, now_ms)
        if self._asked:
            return self._send_asked(link_ms, now_ms)
        return b"" if self._flight.waiting else self._stay_or_end(link_ms, now_ms)

    def _give_up(self) -> bytes:
        """Wait for the last answers, then end. The next session goes on from there."""
        if not self._flight.waiting:
            self.abort()
        return b""

    def _say_hello(self, link_ms: int, now_ms: int) -> bytes:
        if self._hellos == HELLOS_MAX:
            return self._give_up()
        self._hellos += 1
        body = codec.pack_body(t.TYPE_HELLO, self._describe())
        return self._send(t.TYPE_HELLO, body, HELLO, link_ms, now_ms)

    def _send_new(self, link_ms: int, now_ms: int) -> bytes:
        """Send the next records, or name the next run that the journal has lost."""
        dispatch = self.dispatch
        leans = self._leans and self._next == self.cursor
        body = dispatch.make(self._next, self._journal.sequence_next, leans=leans)
        self._next = dispatch.end
        return self._send(dispatch.type, body, NEW, link_ms, now_ms)

    def _send_asked(self, link_ms: int, now_ms: int) -> bytes:
        dispatch = self.dispatch
        first, stop = self._asked.next()
        body = dispatch.make(first, stop, leans=False)
        self._asked.sent(dispatch.end)
        return self._send(dispatch.type, body, ASKED, link_ms, now_ms)

    def _stay_or_end(self, link_ms: int, now_ms: int) -> bytes:
        """With nothing to send: ask whether there is more, wait for it, or end (WL-FIL-04)."""
        if not self._gateway_wants_more or self._polls == POLLS_MAX:
            self.abort()
        elif self._poll_due:
            self._poll_due = False
            self._polls += 1
            body = self.dispatch.make(self._next, self._next, leans=False)
            return self._send(t.TYPE_READINGS, body, NEW, link_ms, now_ms)
        elif self.link_wake_at_ms is None:
            self.link_wake_at_ms = link_ms + ACKNOWLEDGE_TIMEOUT_MS
        return b""

    def _send(
        self, frame_type: int, body: bytes, content: int, link_ms: int, now_ms: int
    ) -> bytes:
        sealer, dispatch = self._sealer, self.dispatch
        counter = sealer.next_counter()
        header = codec.header(frame_type, sealer.meter_id, counter, sealer.epoch)
        nonce = sealer.nonce(counter, sealing.UPLINK)
        self._frames_left -= 1
        self._flight.add(Sent(counter, content, dispatch.first, dispatch.end, now_ms))
        self._set_timer(link_ms)
        return enframe(header + sealer.seal(nonce, header, body))

    def _set_timer(self, link_ms: int) -> None:
        self.link_wake_at_ms = link_ms + ACKNOWLEDGE_TIMEOUT_MS if self._flight.waiting else None
