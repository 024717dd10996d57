"""Sans-IO session of the meter with its gateway (WL-SES, WL-ACK, WL-FIL, WL-WIN).

It owns no link and no clock: chunks and times come in, bytes to write go out. Records are taken
from the journal when a frame is made, so a session holds no record of its own.
"""

from micropython import const
from weir.link import codec
from weir.link import tables_gen as t
from weir.link.asked import Asked
from weir.link.backlog import Backlog
from weir.link.bounds import ATTEMPTS_MAX, HELLO_ATTEMPT, Bounds
from weir.link.dispatch import Dispatch, ahead
from weir.link.envelope import Envelope
from weir.link.errands import Courier, NoErrands, body_size_max
from weir.link.flight import ASKED, ERRAND, HELLO, NEW, Flight, Sent

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weir.link.dispatch import Journal
    from weir.link.envelope import Downlink
    from weir.link.errands import Errands
    from weir.link.sealing import Sealer

WINDOW = 4  # frames under way at once: hides the round trip, bounds what a loss repeats
ACKNOWLEDGE_TIMEOUT_MS = 5000  # as long as nothing else is set


class DeviceSession:
    """One session at a time: HELLO when it is due, then errands, then records.

    A window of frames is under way at a time, one errand among them. New records come first,
    oldest first; then those that the gateway asks for. With nothing left, the meter listens.

    describe: returns the values of HELLO in the order of its layout.
    dispatch: makes the bodies of records; its shape of a batch may be set.
    backlog: where the session is in the journal.
    said_hello: False makes a session begin with HELLO (after a start or a format).
    timeout_ms: how long an answer may take.
    window_ms: how long the meter listens after the last frame it heard, 0 not at all.
    hold: the meter listens until the link breaks.
    heard: an acknowledgement came in this session.
    listening: nothing is under way, and what comes up meanwhile goes out in this session.
    link_wake_at_ms: link time of the next timer, None when there is none.
    clock_offer_ms: UTC milliseconds told by the last acknowledgement, with
        clock_round_trip_ms by the caller's ``now_ms``; the caller takes it and sets it to None.
    time_wanted: with nothing left the meter polls once more, for the time in the answer.
    refused_count: frames that did not open or answered nothing of ours.
    """

    def __init__(
        self,
        sealer: "Sealer",
        journal: "Journal",
        describe: "Callable[[], Sequence[int]]",
        frame_size_max: int,
        errands: "Errands | None" = None,
    ) -> None:
        self.dispatch = Dispatch(journal, body_size_max(frame_size_max))
        self.said_hello = False
        self.active = self.heard = self.listening = False
        self.timeout_ms = ACKNOWLEDGE_TIMEOUT_MS
        self.window_ms = 0
        self.hold = False
        self.link_wake_at_ms: int | None = None
        self.clock_offer_ms: int | None = None
        self.clock_round_trip_ms = 0
        self.time_wanted = False
        self.refused_count = 0
        self._journal = journal
        self._describe = describe
        self._errands = errands or NoErrands()
        self._courier = Courier(self._errands)
        self._envelope = Envelope(sealer, frame_size_max)
        self._flight = Flight()
        self.backlog = Backlog(journal)
        self._bounds = Bounds()
        self._asked = Asked(journal)
        self._link_ms = self._now_ms = 0  # of the call under way
        self._pass_counter = 0  # first counter of this pass over what is new
        self._attempt = 0
        self._answered = -1  # the newest of our counters that was acknowledged in this session
        self._gateway_wants_more = False
        self._poll_due = False
        self._heard_at_ms = 0  # link time of the last frame that was followed

    @property
    def complete(self) -> bool:
        """HELLO was said, all is acknowledged and delivered, and the gateway asks for no more."""
        all_taken = self.backlog.is_acknowledged and not self._errands.pending
        return self.said_hello and all_taken and not self._gateway_wants_more

    def begin(self) -> None:
        """Open a session; ``transmit`` then gives the first bytes."""
        self.active = True
        self.heard = self.listening = False
        self._flight.clear()
        self._asked.begin()
        self._courier.begin()
        self._answered = -1
        self._attempt = 0
        self._bounds.renew(self.backlog.kept_count)
        self.backlog.begin()
        self._poll_due = self._awaits_gateway()  # a request of last time may be unfinished
        self._start_pass(0)

    def resume(self) -> None:
        """Let a session that listens begin another round (WL-WIN-05)."""
        if self.listening:
            self._attempt = 0
            self._bounds.renew(self.backlog.kept_count)

    def abort(self) -> None:
        """End the session. What was not acknowledged goes out in the next one."""
        self.active = self.listening = False
        self.link_wake_at_ms = None

    def transmit(self, link_ms: int, now_ms: int) -> bytes:
        """Return the bytes of one frame to write now, or nothing. Call it until it is nothing."""
        self._link_ms, self._now_ms = link_ms, now_ms
        if self.active:
            self._let_time_pass()
        if not self.active or len(self._flight.waiting) >= WINDOW:
            return b""
        if self.said_hello:
            return self._go_on()
        return b"" if self._flight.waiting else self._say_hello()

    def receive(self, chunk: bytes, link_ms: int, now_ms: int) -> None:
        """Take bytes from the link. What does not open or answers nothing of ours is ignored."""
        self._link_ms, self._now_ms = link_ms, now_ms
        for frame in self._envelope.feed(chunk):
            downlink = self._envelope.open(frame) if self.active else None
            if downlink is not None and self._take(downlink):
                self._heard_at_ms = link_ms
            else:
                self.refused_count += 1  # WL-ACK-03

    def _take(self, downlink: "Downlink") -> bool:
        """Follow a downlink; return whether it was fresh."""
        if downlink.type == t.TYPE_ACKNOWLEDGE:
            return self._take_answer(downlink.values)
        answers = downlink.values[0]
        if answers != self._answered and self._flight.find(answers) is None:
            return False
        if downlink.type != t.TYPE_BACKFILL:
            return self._courier.take(downlink)
        if not self._asked.take(downlink.counter, downlink.items):
            return False
        self._flight.disown()
        self._gateway_wants_more = True
        return True

    def _take_answer(self, values: "tuple[int, ...]") -> bool:
        answers, time_s, time_ms, resume_at, flags = values
        sent = self._flight.find(answers)
        if sent is None:
            return False
        self.heard = True
        self.clock_offer_ms = time_s * 1000 + time_ms
        self.clock_round_trip_ms = self._now_ms - sent.now_ms
        # What was lost before it: the gateway misses the records, and asks; the rest is repeated.
        self._asked.take_back(self._flight.answered(sent))
        if sent.content == ASKED or (
            sent.content == ERRAND and self._courier.answered(sent.first)
        ):
            self._attempt = 0
        if sent.counter > self._answered:  # else it was overtaken, and tells of the past
            self._answered = sent.counter
            self.said_hello = not flags & t.FLAG_HELLO_WANTED
            self._gateway_wants_more = bool(flags & t.FLAG_KEEP_LISTENING)
            self._follow(sent, resume_at)
        self._set_timer()
        return True

    def _follow(self, sent: Sent, resume_at: int) -> None:
        """Let the gateway say where to go on."""
        if self.backlog.follow(resume_at, hello=sent.content == HELLO):
            self._attempt = 0
        if self._is_behind(sent):
            self._repeat(sent.counter + len(self._flight.waiting) + 1)
        elif not self._flight.carries_new():
            self.backlog.go_back()  # what was lost is newer than all that the gateway knows of

    def _is_behind(self, sent: Sent) -> bool:
        """Return whether the gateway does not know what it has just answered (WL-SES-04)."""
        is_new = sent.content == NEW and sent.counter >= self._pass_counter
        return is_new and ahead(sent.end, self.backlog.cursor) > 0

    def _let_time_pass(self) -> None:
        if self.link_wake_at_ms is None or self._link_ms < self.link_wake_at_ms:
            return
        self.link_wake_at_ms = None
        if not self._flight.waiting:
            self._poll_due = True
            return
        self._repeat(self._flight.waiting[-1].counter + 1)

    def _repeat(self, pass_counter: int) -> None:
        """Go over the backlog again from the cursor, or give up after passes without progress."""
        self._attempt += 1
        self.backlog.leans = False  # the gateway may not hold what it once acknowledged
        if self._attempt >= HELLO_ATTEMPT:
            self.said_hello = False  # it may have lost what it knew of this meter
        if self._attempt >= ATTEMPTS_MAX:
            self.abort()
        else:
            self._start_pass(pass_counter)

    def _start_pass(self, pass_counter: int) -> None:
        self._asked.take_back(self._flight.restart())
        self._pass_counter = pass_counter
        self.backlog.go_back()
        self.link_wake_at_ms = None

    def _go_on(self) -> bytes:
        if self.listening and self.hold:
            self._bounds.go_on(self.backlog.kept_count, self._link_ms)
        if self._bounds.frames_used_up:
            return self._give_up()
        errand = None if self._flight.carries_errand() else self._courier.next_body()
        if errand is not None:
            return self._send(errand[0], errand[1], ERRAND, self._courier.number, 0)
        if not self.backlog.is_sent:
            return self._send_records(NEW, self.backlog.make(self.dispatch))
        if self._asked:
            return self._send_records(ASKED, self._asked.make(self.dispatch))
        return b"" if self._flight.waiting else self._stay_or_end()

    def _give_up(self) -> bytes:
        """Wait for the last answers, then end. The next session goes on from there."""
        if not self._flight.waiting:
            self.abort()
        return b""

    def _say_hello(self) -> bytes:
        if self._bounds.hellos_used_up:
            return self._give_up()
        self._bounds.hello_said()
        body = codec.pack_body(t.TYPE_HELLO, self._describe())
        return self._send(t.TYPE_HELLO, body, HELLO, 0, 0)

    def _send_records(self, content: int, body: bytes) -> bytes:
        dispatch = self.dispatch
        return self._send(dispatch.type, body, content, dispatch.first, dispatch.end)

    def _stay_or_end(self) -> bytes:
        """With nothing to send: wait for an errand, ask whether there is more, listen, or end."""
        if self.listening:
            self.listening, self.link_wake_at_ms = False, None
        waits_until_ms = self._courier.waits_until_ms(self._link_ms)
        if waits_until_ms is not None:
            self.link_wake_at_ms = waits_until_ms
            return b""
        if self._awaits_gateway() and self._bounds.polls_left:
            return self._poll_or_wait()
        if self.time_wanted and self._bounds.polls_left:
            self.time_wanted, self._poll_due = False, True  # WL-TIM-07
            return self._poll_or_wait()
        self._listen_or_end()
        return b""

    def _awaits_gateway(self) -> bool:
        """Return whether it has more for this meter, or does not know yet that it listens."""
        listens = self.hold or self.window_ms > 0
        return self._gateway_wants_more or (listens and not self.heard)

    def _poll_or_wait(self) -> bytes:
        if self._poll_due:
            self._poll_due = False
            self._bounds.polls_left -= 1
            return self._send_records(NEW, self.backlog.make(self.dispatch))  # WL-FIL-04
        if self.link_wake_at_ms is None:
            self.link_wake_at_ms = self._link_ms + self.timeout_ms
        return b""

    def _listen_or_end(self) -> None:
        """Listen as long as the window or a held link lets the meter (WL-WIN-01)."""
        ends_ms = self._heard_at_ms + self.window_ms
        if not self.hold and (not self.heard or self._link_ms >= ends_ms):
            self.abort()
            return
        self.listening = True
        self.link_wake_at_ms = None if self.hold else ends_ms

    def _send(self, frame_type: int, body: bytes, content: int, first: int, end: int) -> bytes:
        counter, stream = self._envelope.seal(frame_type, body)
        self.listening = False
        self._bounds.frame_sent(self._link_ms)
        self._flight.add(Sent(counter, content, first, end, self._now_ms))
        self._set_timer()
        return stream

    def _set_timer(self) -> None:
        self.link_wake_at_ms = self._link_ms + self.timeout_ms if self._flight.waiting else None
