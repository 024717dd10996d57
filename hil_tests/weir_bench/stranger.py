"""Frames of meters that the gateway does not know, or that pretend to be one it knows."""

from weir_protocol.frames import LAYOUTS, FrameType, Header, build_body
from weir_protocol.framing import enframe
from weir_protocol.sealing import DIRECTION_UPLINK, Sealer, nonce

_HELLO_NUMBERS = {"sample_interval_s": 60, "store_interval_s": 900, "send_interval_s": 900}


def hello_of(meter_id: int, key: bytes, *, counter: int, epoch: int = 0x5EED5EED) -> bytes:
    """A well-formed HELLO, sealed with ``key``, as it goes over a byte stream."""
    names = [field.name for field in LAYOUTS[FrameType.HELLO].subcons if field.name]
    body = build_body(FrameType.HELLO, {**dict.fromkeys(names, 0), **_HELLO_NUMBERS})
    header = Header(FrameType.HELLO, meter_id, counter, epoch).encode()
    at = nonce(meter_id, epoch, counter, DIRECTION_UPLINK)
    return enframe(header + Sealer(key).seal(at, header, body))
