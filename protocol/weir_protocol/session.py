"""Sans-IO session of the host with one meter.

It owns no socket, clock, logger or task: frames, times and counters are arguments. It opens
uplinks, refuses repeats, and builds downlinks. Who stores what, and when an acknowledgement may
be written, is the caller's: an acknowledgement is a promise, so commit first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from weir_protocol.batch import Batch
from weir_protocol.errors import CallerError, PeerError
from weir_protocol.frames import FrameType, Header, build_body, parse_body, peek_header
from weir_protocol.framing import enframe
from weir_protocol.records import IntervalRecord
from weir_protocol.sealing import (
    COUNTER_MAX,
    DIRECTION_DOWNLINK,
    DIRECTION_UPLINK,
    Sealer,
    nonce,
)


@dataclass(frozen=True, slots=True)
class Uplink:
    """One uplink that was opened, is fresh and is well formed.

    fields: the layout's fields by name; READINGS has ``records`` instead of its batch.
    """

    frame_type: FrameType
    meter_id: int
    epoch: int
    counter: int
    fields: dict[str, Any]
    records: tuple[IntervalRecord, ...] = ()


class HostSession:
    """The gateway's side of the link with one meter, whatever byte stream it comes by.

    epoch: the meter's current epoch, None before its first HELLO.
    counters: for each epoch ever seen, the highest uplink counter accepted (WL-SEA-05).
    reference: returns the record held for (epoch, sequence), or None.
    """

    def __init__(
        self,
        meter_id: int,
        key: bytes,
        *,
        epoch: int | None,
        counters: Mapping[int, int],
        reference: Callable[[int, int], IntervalRecord | None],
    ) -> None:
        self.meter_id = meter_id
        self.epoch = epoch
        self._sealer = Sealer(key)
        self._counters = dict(counters)
        self._reference = reference

    def receive(self, frame: bytes, header: Header | None = None) -> Uplink:
        """Open one frame. Raise PeerError when it must be dropped without an answer.

        header: of this frame, where the caller has read it already.

        An accepted uplink's counter is remembered at once: the same bytes are refused from here
        on, even if the caller then fails to store them; the meter's next attempt has a new one.
        """
        header = header or peek_header(frame)
        if not header.frame_type.is_uplink:
            raise PeerError("WL-HDR-02", "a downlink frame came from a meter")
        if header.meter_id != self.meter_id:
            raise CallerError(f"frame of meter {header.meter_id} given to {self.meter_id}")
        epoch = self.epoch if header.epoch is None else header.epoch
        if epoch is None:
            raise PeerError("WL-EPO-02", "the meter's epoch is not known before its HELLO")
        body = self._open(header, epoch, frame)
        uplink = self._parse(header, epoch, body)
        self._counters[epoch] = header.counter
        self.epoch = epoch
        return uplink

    def acknowledge(
        self,
        uplink: Uplink,
        *,
        now_ms: int,
        resume_at: int,
        downlink_counter: int,
        flags: int = 0,
    ) -> bytes:
        """Return the stream bytes that promise: this uplink is durable.

        now_ms: UTC milliseconds since 1970. resume_at: one above the highest sequence known.
        """
        fields = {
            "answers": uplink.counter,
            "time_s": now_ms // 1000,
            "time_ms": now_ms % 1000,
            "resume_at": resume_at,
            "flags": flags,
        }
        return self.downlink(FrameType.ACKNOWLEDGE, uplink.epoch, downlink_counter, fields)

    def downlink(
        self, frame_type: FrameType, epoch: int, downlink_counter: int, fields: dict[str, Any]
    ) -> bytes:
        """Return the stream bytes of any downlink. The counter must never be used again."""
        if frame_type.is_uplink:
            raise CallerError(f"{frame_type.name} is not a downlink")
        if not 0 <= downlink_counter <= COUNTER_MAX:
            raise CallerError(f"downlink counter {downlink_counter} is outside 32 bits")
        header = Header(frame_type, self.meter_id, downlink_counter).encode()
        body = build_body(frame_type, fields)
        at = nonce(self.meter_id, epoch, downlink_counter, DIRECTION_DOWNLINK)
        return enframe(header + self._sealer.seal(at, header, body))

    def _open(self, header: Header, epoch: int, frame: bytes) -> bytes:
        clear = header.encode()
        at = nonce(self.meter_id, epoch, header.counter, DIRECTION_UPLINK)
        body = self._sealer.open(at, clear, frame[len(clear) :])
        if header.counter <= self._counters.get(epoch, -1):
            raise PeerError("WL-SEA-05", f"counter {header.counter} was used before")
        return body

    def _parse(self, header: Header, epoch: int, body: bytes) -> Uplink:
        fields = parse_body(
            header.frame_type,
            body,
            reference_lookup=lambda sequence: self._reference(epoch, sequence),
        )
        batch = fields.pop("batch", None)
        records = batch.records if isinstance(batch, Batch) else ()
        return Uplink(header.frame_type, self.meter_id, epoch, header.counter, fields, records)
