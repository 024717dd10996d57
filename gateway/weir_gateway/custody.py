"""Takes uplinks into custody: open, store, and only then promise.

An acknowledgement says that a reading survives a power cut of the gateway. What was not
acknowledged the meter sends again, and the database drops the repeat.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass

from weir_gateway.asking import Asking
from weir_gateway.clock import Clock
from weir_gateway.counters import RejectCounters
from weir_gateway.errors import StoreUnavailable, UplinkRefused
from weir_gateway.registry import Registry
from weir_gateway.sessions import Sessions
from weir_gateway.store import Database, custody
from weir_gateway.store.promise import Origin
from weir_gateway.store.push import Due
from weir_gateway.store.receipt import Receipt
from weir_gateway.store.sequences import wrap
from weir_gateway.telling import Telling
from weir_gateway.uplink_log import log_uplink
from weir_protocol.errors import LinkError, PeerError
from weir_protocol.frames import AcknowledgeFlag, FrameType, peek_header
from weir_protocol.session import HostSession, Uplink

_REASONS = {"WL-SEA-04": "wrong_key", "WL-SEA-05": "replay", "WL-EPO-02": "unknown_epoch"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """An uplink that is durable."""

    uplink: Uplink
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Pending:
    uplink: Uplink
    session: HostSession
    source: str
    answer: "asyncio.Future[bytes | None]"


class Custodian:
    """Judges each frame and sees it through. ``on_taken`` hears of every durable uplink."""

    def __init__(
        self,
        store: Database,
        registry: Registry,
        clock: Clock,
        counters: RejectCounters,
        on_taken: Callable[[Taken], None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._counters = counters
        self._on_taken = on_taken
        self._sessions = Sessions(store)
        self._asking = Asking(monotonic_s)
        self._telling = Telling(monotonic_s)

    def submit(self, frame: bytes, source: str) -> "asyncio.Future[bytes | None] | None":
        """Begin to take one frame into custody; None when it is refused at once.

        The future's result is what to write back: an acknowledgement once all is durable, None
        for nothing. Neither the call nor the future ever fails: a bad frame ends no link.
        """
        try:
            return self._submit(frame, source)
        except PeerError as error:
            self._counters.reject(source, _REASONS.get(error.rule, "malformed"), str(error))
        except UplinkRefused as refusal:
            self._counters.reject(source, refusal.reason, str(refusal))
        except StoreUnavailable as error:
            self._counters.reject(source, "store", str(error))
        except Exception:
            _log.exception("a frame from %s failed", source)
            self._counters.reject(source, "fault", "see the log")
        return None

    def tell(self, meter_id: int, due: Due, answers: int) -> bytes:
        """Return what to write to a meter that listens, as far as no answer just told it.

        Nothing shows whether that is heard, so it does not keep the next answer from telling it
        again. Raise UplinkRefused for a meter that is in the key file no more.
        """
        meter = self._registry.get(meter_id)
        if meter is None:
            raise UplinkRefused("unknown_meter", f"meter {meter_id} is not in the key file")
        session = self._sessions.get(meter_id, meter.key)
        return _written(session, due, self._telling.untold(meter_id, due.errands), answers)

    def _submit(self, frame: bytes, source: str) -> "asyncio.Future[bytes | None]":
        header = peek_header(frame)
        meter_id = header.meter_id
        meter = self._registry.get(meter_id)
        if meter is None:
            raise UplinkRefused("unknown_meter", f"meter {meter_id} is not in the key file")
        session = self._sessions.get(meter_id, meter.key)
        uplink = session.receive(frame, header)
        commit = self._commit(uplink, meter.pulse_weight_ml)
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        pending = _Pending(uplink, session, source, answer)
        commit.add_done_callback(lambda done: self._conclude(done, pending))
        return answer

    def _commit(self, uplink: Uplink, pulse_weight_ml: int | None) -> "asyncio.Future[Receipt]":
        fields = uplink.fields
        origin = Origin(
            uplink.meter_id,
            uplink.epoch,
            uplink.counter,
            self._clock.now_ms(),
            pulse_weight_ml,
            fields.get("settings_version"),
        )
        match uplink.frame_type:
            case FrameType.HELLO:
                return self._store.commit(custody.take_hello, origin, fields)
            case FrameType.READINGS:
                return self._store.commit(custody.take_readings, origin, uplink.records)
            case FrameType.STATUS:
                return self._store.commit(custody.take_status, origin, fields)
            case FrameType.SETTINGS_REPORT:
                return self._store.commit(custody.take_report, origin, fields)
            case FrameType.EVENTS:
                return self._store.commit(custody.take_events, origin, fields["items"])
            case FrameType.LOST:
                return self._store.commit(custody.take_lost, origin, fields["items"])
            case other:
                raise UplinkRefused("unsupported", f"{other.name} frames are not taken yet")

    def _conclude(self, done: "asyncio.Future[Receipt]", pending: _Pending) -> None:
        """Answer an uplink whose commit ended, and tell of it if it is durable."""
        stream_bytes = None
        try:
            receipt = done.result()
            self._note(receipt, pending)
            stream_bytes = self._answer(receipt, pending)
        except StoreUnavailable as error:
            self._refuse(pending, "store", str(error))
        except UplinkRefused as refusal:
            self._refuse(pending, refusal.reason, str(refusal))
        except LinkError as error:
            self._refuse(pending, "unanswerable", str(error))
        except Exception:
            _log.exception("an uplink of meter %d failed", pending.uplink.meter_id)
            self._refuse(pending, "fault", "see the log")
        if not pending.answer.done():
            pending.answer.set_result(stream_bytes)

    def _refuse(self, pending: _Pending, reason: str, detail: str) -> None:
        self._sessions.drop(pending.uplink.meter_id)
        self._counters.reject(pending.source, reason, detail)

    def _note(self, receipt: Receipt, pending: _Pending) -> None:
        uplink = pending.uplink
        if receipt.conflicts:
            detail = f"{receipt.conflicts[0]} is held with other values"
            self._counters.reject(pending.source, "conflict", detail, len(receipt.conflicts))
        elif uplink.records:
            self._sessions.remember(uplink.meter_id, uplink.epoch, uplink.records[-1])
        log_uplink(uplink, receipt)
        self._on_taken(Taken(uplink, receipt))

    def _answer(self, receipt: Receipt, pending: _Pending) -> bytes:
        """Return what is written in one go: what the meter has to do first, while it listens."""
        is_poll = pending.uplink.frame_type is FrameType.READINGS and not pending.uplink.records
        anew = is_poll or pending.uplink.frame_type is FrameType.HELLO
        errands = self._errands(receipt, pending, anew=anew)
        request = self._request(receipt, pending, anew=anew)
        return errands + request + self._acknowledgement(receipt, pending)

    def _errands(self, receipt: Receipt, pending: _Pending, *, anew: bool) -> bytes:
        """Return the settings, commands and reads that it is time to tell this meter."""
        uplink = pending.uplink
        due = Due(uplink.epoch, receipt.downlink_counter + 1, receipt.errands)
        told = self._telling.decide(uplink.meter_id, due.errands, anew=anew)
        return _written(pending.session, due, told, uplink.counter)

    def _request(self, receipt: Receipt, pending: _Pending, *, anew: bool) -> bytes:
        """Return a BACKFILL if it is time to ask this meter, else nothing."""
        uplink = pending.uplink
        ranges = self._asking.decide(
            uplink.meter_id,
            receipt.missing,
            receipt.came,
            anew=anew,
        )
        if not ranges:
            return b""
        items = [
            {"first_sequence": wrap(first), "last_sequence": wrap(last)} for first, last in ranges
        ]
        fields = {"answers": uplink.counter, "items": items}
        counter = receipt.downlink_counter + len(receipt.errands) + 1
        return pending.session.downlink(FrameType.BACKFILL, uplink.epoch, counter, fields)

    def _acknowledgement(self, receipt: Receipt, pending: _Pending) -> bytes:
        version = pending.uplink.fields.get("settings_version", receipt.settings_version)
        known = (version ^ receipt.settings_version) & 0xFF == 0  # most frames carry 8 bits of it
        flags = AcknowledgeFlag(0) if known else AcknowledgeFlag.HELLO_WANTED
        if receipt.keeps_listening:
            flags |= AcknowledgeFlag.KEEP_LISTENING
        return pending.session.acknowledge(
            pending.uplink,
            now_ms=self._clock.now_ms(),
            resume_at=receipt.resume_at,
            downlink_counter=receipt.downlink_counter,
            flags=flags,
        )


def _written(session: HostSession, due: Due, names: Container[Hashable], answers: int) -> bytes:
    """Return the frames of those errands that have one of these names."""
    written = b""
    for counter, errand in enumerate(due.errands, due.first_counter):
        if errand.name in names:
            fields = {"answers": answers, **errand.fields}
            written += session.downlink(errand.frame_type, due.epoch, counter, fields)
    return written
