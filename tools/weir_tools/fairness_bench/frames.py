"""The frames of a meter that needs no firmware: it says hello and sends one reading at a time."""

from typing import Any

from weir_protocol.batch import Batch
from weir_protocol.frames import FrameType, Header, build_body
from weir_protocol.framing import enframe
from weir_protocol.records import IntervalRecord, TimeQuality
from weir_protocol.sealing import DIRECTION_UPLINK, Sealer, nonce

EPOCH = 0xFA1E
_TAKEN_AT_S = 1_790_000_100
_INTERVAL_S = 900
_HELLO: dict[str, Any] = {  # in the order of the layout
    "firmware_major": 0,
    "firmware_minor": 0,
    "firmware_patch": 0,
    "reset_cause": 1,
    "medium": 0,
    "settings_version": 7,
    "boot_sequence": 0,
    "sequence_oldest": 0,
    "sequence_next": 0,
    "clock_s": _TAKEN_AT_S,
    "time_quality": int(TimeQuality.S2),
    "status": 0,
    "battery_mv": 3600,
    "forward_pulses": 0,
    "reverse_pulses": 0,
    "pulse_weight_ml": 10,
    "sample_interval_s": 60,
    "store_interval_s": _INTERVAL_S,
    "send_interval_s": 900,
    "frame_size_max": 250,
}


class BenchMeter:
    """Each method returns one frame as it goes onto the stream, with a counter of its own."""

    def __init__(self, meter_id: int, key: bytes) -> None:
        self.meter_id = meter_id
        self.key = key
        self._sealer = Sealer(key)
        self._counter = 0
        self._sequence = 0
        self._repeated = self._reading_body(0)

    def hello(self) -> bytes:
        return self._frame(FrameType.HELLO, build_body(FrameType.HELLO, dict(_HELLO)))

    def next_reading(self) -> bytes:
        """Return a reading that was never sent before."""
        body = self._reading_body(self._sequence)
        self._sequence += 1
        return self._frame(FrameType.READINGS, body)

    def same_reading(self) -> bytes:
        """Return the first reading again in a new frame, which costs next to nothing to make."""
        return self._frame(FrameType.READINGS, self._repeated)

    def _reading_body(self, sequence: int) -> bytes:
        taken_at_s = _TAKEN_AT_S + _INTERVAL_S * sequence
        record = IntervalRecord(
            sequence, taken_at_s, 7 * sequence, 0, 400, 390, 410, 3, 0, TimeQuality.S2
        )
        batch = Batch((record,), _INTERVAL_S, 15)
        return build_body(FrameType.READINGS, {"settings_version": 7, "batch": batch})

    def _frame(self, frame_type: FrameType, body: bytes) -> bytes:
        self._counter += 1
        epoch = EPOCH if frame_type is FrameType.HELLO else None
        header = Header(frame_type, self.meter_id, self._counter, epoch).encode()
        at = nonce(self.meter_id, EPOCH, self._counter, DIRECTION_UPLINK)
        return enframe(header + self._sealer.seal(at, header, body))
