"""Listens to the wire: nothing is acknowledged that is not durable, and no nonce is used twice."""

import sqlite3

from weir.link.codec import split_downlink, unpack_body
from weir.link.tables_gen import TYPE_ACKNOWLEDGE, TYPE_BACKFILL
from weir_protocol.errors import PeerError
from weir_protocol.frames import peek_header
from weir_protocol.framing import Deframer
from weir_protocol.sealing import DIRECTION_DOWNLINK, DIRECTION_UPLINK, Sealer, nonce
from weir_tools.virtual.ledger import SEQUENCE_MASK, Ledger, MeterBook

_HALF = 1 << 31


class Listener:
    """Hears all that one meter and the gateway send each other, before anything happens to it."""

    def __init__(
        self, ledger: Ledger, database: sqlite3.Connection, book: MeterBook, key: bytes
    ) -> None:
        self._ledger = ledger
        self._database = database
        self._book = book
        self._sealer = Sealer(key)
        self._used: set[tuple[int, int, int]] = set()  # direction, epoch, frame counter
        self._assured: dict[int, int] = {}  # by epoch: below it all was seen to be in custody
        self._restores = 0

    def hear_up(self, stream: bytes) -> None:
        """Hear the bytes of one uplink."""
        for frame in Deframer().feed(stream):
            self._check_counter(DIRECTION_UPLINK, peek_header(frame).counter)

    def hear_down(self, stream: bytes) -> None:
        """Hear the bytes of downlinks."""
        for frame in Deframer().feed(stream):
            header = split_downlink(frame)
            if header is None:
                self._ledger.breach(self._book.meter_id, None, "was sent a frame that is none")
                continue
            frame_type, meter_id, counter, size = header
            at = nonce(meter_id, self._book.epoch, counter, DIRECTION_DOWNLINK)
            try:
                body = self._sealer.open(at, frame[:size], frame[size:])
            except PeerError:
                continue  # for an epoch that the meter has left
            if not (self._ledger.clock_jumps and self._ledger.restores):
                self._check_counter(DIRECTION_DOWNLINK, counter)
            self._ledger.backfills += frame_type == TYPE_BACKFILL
            unpacked = unpack_body(frame_type, body)
            if frame_type == TYPE_ACKNOWLEDGE and unpacked is not None:
                answers, _, _, resume_at, _ = unpacked[0]
                self._check(answers, resume_at)

    def _check_counter(self, direction: int, counter: int) -> None:
        used = (direction, self._book.epoch, counter)
        if used in self._used:
            what = f"frame counter {counter} was used again"
            self._ledger.breach(self._book.meter_id, None, what)
        self._used.add(used)

    def _check(self, answers: int, resume_at: int) -> None:
        meter_id, epoch = self._book.meter_id, self._book.epoch
        durable = self._ledger.uplink_counters.get((meter_id, epoch), -1)
        if answers > durable:
            self._ledger.breach(
                meter_id, None, f"frame {answers} was acknowledged before its commit"
            )
        if self._restores != self._ledger.restores:
            self._restores = self._ledger.restores
            self._assured.clear()
        first = self._assured.get(epoch)
        if first is not None:
            for step in range(_span(first, resume_at)):
                self._check_record(epoch, (first + step) & SEQUENCE_MASK)
        if first is None or _span(first, resume_at):
            self._assured[epoch] = resume_at

    def _check_record(self, epoch: int, sequence: int) -> None:
        meter_id = self._book.meter_id
        known = (meter_id, epoch, sequence) in self._ledger.stored
        if not known and (epoch, sequence) in self._book.taken:
            found = self._database.execute(
                "SELECT 1 FROM gaps WHERE meter_id = ? AND epoch = ? AND "
                "(? BETWEEN first_sequence AND last_sequence OR "
                "? BETWEEN first_sequence AND last_sequence)",
                (meter_id, epoch, sequence, sequence + SEQUENCE_MASK + 1),
            ).fetchone()
            if found is None:
                self._ledger.breach(meter_id, sequence, "was acknowledged but is not in custody")


def _span(first: int, end: int) -> int:
    """Return how far ``end`` is beyond ``first`` modulo 2**32, 0 when it is not."""
    ahead = (end - first) & SEQUENCE_MASK
    return ahead if ahead < _HALF else 0
