"""A meter that says exactly what a test tells it to, in frames built from the layouts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from weir_protocol.batch import Batch
from weir_protocol.frames import (
    KEY_COUNT,
    KEY_SEQUENCE,
    KEY_VERSION,
    FrameType,
    Header,
    Outcome,
    build_body,
    parse_body,
    peek_header,
)
from weir_protocol.framing import Deframer, enframe
from weir_protocol.records import IntervalRecord, TimeQuality
from weir_protocol.sealing import DIRECTION_DOWNLINK, DIRECTION_UPLINK, Sealer, nonce

FIRST_TAKEN_AT_S = 1_790_000_100
INTERVAL_S = 900

# In the order of the layout.
HELLO = {
    "firmware_major": 1,
    "firmware_minor": 2,
    "firmware_patch": 3,
    "reset_cause": 1,
    "medium": 0,
    "settings_version": 0x0107,
    "boot_sequence": 0,
    "sequence_oldest": 0,
    "sequence_next": 0,
    "clock_s": FIRST_TAKEN_AT_S,
    "time_quality": int(TimeQuality.S2),
    "status": 0,
    "battery_mv": 3600,
    "forward_pulses": 0,
    "reverse_pulses": 0,
    "pulse_weight_ml": 10,
    "sample_interval_s": 60,
    "store_interval_s": INTERVAL_S,
    "send_interval_s": 900,
    "frame_size_max": 250,
}
STATUS = {
    "request": 0,
    "settings_version": 0x0107,
    "taken_at_s": FIRST_TAKEN_AT_S,
    "time_quality": int(TimeQuality.S2),
    "forward_pulses": 0,
    "reverse_pulses": 0,
    "flow_l_per_h": 0,
    "pressure_kpa": 400,
    "battery_mv": 3550,
    "status": 0,
}


def record(sequence: int, **changes: Any) -> IntervalRecord:
    """Return a plausible record; its registers and time follow from its sequence, and wrap."""
    values: dict[str, Any] = {
        "sequence": sequence % 2**32,
        "taken_at_s": (FIRST_TAKEN_AT_S + INTERVAL_S * sequence) % 2**32,
        "forward_pulses": 7 * sequence % 2**32,
        "reverse_pulses": sequence % 2**32,
        "pressure_mean_kpa": 400,
        "pressure_min_kpa": 390,
        "pressure_max_kpa": 410,
        "peak_flow_pulses": 3,
        "status": 0,
        "time_quality": TimeQuality.S2,
    }
    return IntervalRecord(**{**values, **changes})


def report_fields(
    version: int,
    outcome: Outcome,
    about: int | None,
    items: Mapping[int, int],
    first_sequence: int | None = None,
) -> dict[str, Any]:
    """Return the fields of a SETTINGS_REPORT that fits into one frame, as a meter makes it."""
    head = {KEY_VERSION: version if about is None else about}
    if outcome is Outcome.APPLIED:
        head[KEY_COUNT] = len(items)
        if first_sequence is not None:
            head[KEY_SEQUENCE] = first_sequence
    pairs = [{"key": key, "value": value} for key, value in {**head, **items}.items()]
    return {"settings_version": version, "outcome": int(outcome), "items": pairs}


@dataclass
class ScriptedMeter:
    """Each method returns one frame as it goes onto the stream; its counter is a new one.

    asked: the ranges of the newest BACKFILL, as the wire carries them. requests: those of every
    BACKFILL, with the uplink that each answers. told: every SETTINGS, COMMAND and READ_NOW.
    """

    meter_id: int
    key: bytes = bytes(range(16))
    epoch: int = 0x5EED0001
    counter: int = 0
    settings_version: int = HELLO["settings_version"]
    asked: list[tuple[int, int]] = field(default_factory=list)
    requests: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)
    told: list[tuple[FrameType, dict[str, Any]]] = field(default_factory=list)
    _deframer: Deframer = field(default_factory=Deframer)
    _heard: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def hello(self, **changes: int) -> bytes:
        fields = {**HELLO, **changes}
        self.settings_version = fields["settings_version"]
        return self.uplink(FrameType.HELLO, fields)

    def readings(self, *records: IntervalRecord, settings_version: int | None = None) -> bytes:
        named = self.settings_version if settings_version is None else settings_version
        fields = {"settings_version": named & 0xFF, "batch": Batch(records, INTERVAL_S, 15)}
        return self.uplink(FrameType.READINGS, fields)

    def span(self, first: int, last: int, **changes: Any) -> bytes:
        """Return READINGS of the plausible records from ``first`` to ``last``."""
        return self.readings(*(record(one, **changes) for one in range(first, last + 1)))

    def status(self, **changes: int) -> bytes:
        return self.uplink(FrameType.STATUS, {**STATUS, **changes})

    def lost(self, *ranges: tuple[int, int]) -> bytes:
        items = [{"first_sequence": first, "last_sequence": last} for first, last in ranges]
        return self.uplink(FrameType.LOST, {"settings_version": 0x07, "items": items})

    def report(
        self,
        version: int,
        outcome: Outcome = Outcome.APPLIED,
        *,
        about: int | None = None,
        items: Mapping[int, int] = MappingProxyType({}),
    ) -> bytes:
        """Return a whole SETTINGS_REPORT with ``version`` in force."""
        fields = report_fields(version, outcome, about, items)
        self.settings_version = version
        return self.uplink(FrameType.SETTINGS_REPORT, fields)

    def poll(self) -> bytes:
        """Return the empty READINGS of a meter that has nothing left to send."""
        return self.readings()

    def uplink(self, frame_type: FrameType, fields: Mapping[str, Any]) -> bytes:
        self.counter += 1
        epoch = self.epoch if frame_type is FrameType.HELLO else None
        header = Header(frame_type, self.meter_id, self.counter, epoch).encode()
        at = nonce(self.meter_id, self.epoch, self.counter, DIRECTION_UPLINK)
        body = build_body(frame_type, dict(fields))
        return enframe(header + Sealer(self.key).seal(at, header, body))

    def answers(self, stream_bytes: bytes) -> list[dict[str, Any]]:
        """Open what the gateway wrote; return the acknowledgements.

        Raise PeerError for a frame that is not for this meter.
        """
        opened = [self.open_downlink(frame) for frame in self._deframer.feed(stream_bytes)]
        return [fields for frame_type, fields in opened if not self._take(frame_type, fields)]

    def _take(self, frame_type: FrameType, fields: dict[str, Any]) -> bool:
        """Follow what is not an acknowledgement; return whether it was none."""
        if frame_type is FrameType.BACKFILL:
            pairs = [(one["first_sequence"], one["last_sequence"]) for one in fields["items"]]
            self.asked = pairs
            self.requests.append((fields["answers"], pairs))
        elif frame_type is not FrameType.ACKNOWLEDGE:
            self.told.append((frame_type, fields))
        return frame_type is not FrameType.ACKNOWLEDGE

    def open_downlink(self, frame: bytes) -> tuple[FrameType, dict[str, Any]]:
        header = peek_header(frame)
        known = self._heard.setdefault((self.epoch, header.counter), frame)
        assert known == frame, f"downlink counter {header.counter} was used for two frames"
        clear = header.encode()
        at = nonce(self.meter_id, self.epoch, header.counter, DIRECTION_DOWNLINK)
        body = Sealer(self.key).open(at, clear, frame[len(clear) :])
        fields = {"counter": header.counter, **parse_body(header.frame_type, body)}
        return header.frame_type, fields
