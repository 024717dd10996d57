"""Headers and fixed-width bodies of frames, by the generated tables (WL-HDR, WL-TYP)."""

import struct

from micropython import const
from weir.link.tables_gen import LAYOUTS, PROTOCOL_VERSION, TYPE_HELLO

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence

DOWNLINK_BIT = 0x10


def header(frame_type: int, meter_id: int, counter: int, epoch: int) -> bytes:
    """Return the clear header. ``epoch`` is on the wire in HELLO alone."""
    out = bytearray(struct.pack("<BI", PROTOCOL_VERSION << 5 | frame_type, meter_id))
    while counter > 127:
        out.append(counter & 127 | 128)
        counter >>= 7
    out.append(counter)
    if frame_type == TYPE_HELLO:
        out += struct.pack("<I", epoch)
    return bytes(out)


def split_downlink(frame: bytes) -> "tuple[int, int, int, int] | None":
    """Return ``(type, meter_id, counter, header size)`` of a downlink, or None."""
    if len(frame) < 6 or frame[0] >> 5 != PROTOCOL_VERSION or not frame[0] & DOWNLINK_BIT:
        return None
    counter = shift = 0
    size = 5
    while True:
        byte = frame[size]
        counter |= (byte & 127) << shift
        size += 1
        shift += 7
        if byte < 128:
            break
        if shift > 28 or size == len(frame):
            return None
    if counter >> 32 or (byte == 0 and shift > 7):
        return None
    return frame[0] & 0x1F, struct.unpack_from("<I", frame, 1)[0], counter, size


def pack_body(
    frame_type: int, values: "Sequence[int]", items: "Sequence[Sequence[int]]" = ()
) -> bytes:
    """Return a body: the fields' values in the order of the table, then the repeated items."""
    code, _, item_code, _ = LAYOUTS[frame_type]
    body = struct.pack(code, *values)
    for item in items:
        body += struct.pack(item_code, *item)
    return body


def unpack_body(
    frame_type: int, body: bytes
) -> "tuple[tuple[int, ...], list[tuple[int, ...]]] | None":
    """Return ``(values, items)`` of a body, or None when it has the wrong size or type."""
    if frame_type not in LAYOUTS:
        return None
    code, _, item_code, _ = LAYOUTS[frame_type]
    size = struct.calcsize(code)
    rest = len(body) - size
    if rest < 0:
        return None
    item_size = struct.calcsize(item_code) if item_code else 0
    if (rest % item_size if item_size else rest) != 0:
        return None
    items = []
    for offset in range(size, len(body), item_size or 1):
        items.append(struct.unpack_from(item_code, body, offset))
    return struct.unpack(code, body[:size]), items
