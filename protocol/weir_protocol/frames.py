"""Frame layouts, protocol version 1: the only definition of what is on the wire.

The meter's tables and the tables of SPEC.md are generated from ``LAYOUTS``. Bodies are made of
fixed-width little-endian fields, at the end possibly one repeated item of the same kind, so that
the meter needs nothing but ``struct``; READINGS alone ends in a packed batch. Names end in units.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final

from construct import (
    ConstructError,
    GreedyRange,
    Int8ul,
    Int16sl,
    Int16ul,
    Int32sl,
    Int32ul,
    Struct,
    Terminated,
)

from weir_protocol.errors import CallerError, PeerError
from weir_protocol.packing import PackedBatch

PROTOCOL_VERSION: Final = 1
NO_PRESSURE_KPA: Final = -32768
"""Stands for "no valid sample" in the pressure field of STATUS."""


class FrameType(IntEnum):
    """Types 0x00 to 0x0F are uplinks, 0x10 to 0x1F downlinks (WL-HDR-02)."""

    HELLO = 0x01
    READINGS = 0x02
    STATUS = 0x03
    EVENTS = 0x04
    SETTINGS_REPORT = 0x05
    LOST = 0x06
    ACKNOWLEDGE = 0x10
    SETTINGS = 0x11
    BACKFILL = 0x12
    READ_NOW = 0x13
    COMMAND = 0x14

    @property
    def is_uplink(self) -> bool:
        return self < 0x10


class AcknowledgeFlag(IntFlag):
    KEEP_LISTENING = 1  # records are asked for: do not end the session yet
    HELLO_WANTED = 2  # the gateway does not know enough of this meter


class Medium(IntEnum):
    WATER = 0
    GAS = 1


class CommandCode(IntEnum):
    """What a COMMAND asks for."""

    EVENTS_FROM = 1  # the argument is the next event wanted: its 32 bits, taken as i32
    REPORT_SETTINGS = 2  # the argument is 0


class Outcome(IntEnum):
    """What became of the version that a SETTINGS_REPORT is about."""

    APPLIED = 0  # the items are the values that differ from the defaults of the table
    REFUSED = 1  # the items are the keys to blame, each with its ``Reason``
    ROLLED_BACK = 2  # the meter could not complete its sessions under it


class Reason(IntEnum):
    """Why a setting is refused."""

    UNKNOWN_KEY = 1
    OUT_OF_RANGE = 2
    BREAKS_RULE = 3  # beside the value of another key


# Items of SETTINGS and SETTINGS_REPORT that are no settings; settings have keys 1 to 250.
KEY_VERSION: Final = 0
"""The version that a SETTINGS_REPORT is about."""
KEY_SEQUENCE: Final = 254
"""Sequence of the first record taken under a version: its 32 bits, taken as i32."""
KEY_COUNT: Final = 255
"""How many settings a version has in all, over all its frames."""

_EVENT = Struct(
    "event_sequence" / Int32ul,
    "taken_at_s" / Int32ul,
    "time_quality" / Int8ul,
    "code" / Int8ul,
    "phase" / Int8ul,  # 0 note, 1 raise, 2 clear
    "value" / Int32sl,
    "limit" / Int32sl,
)
_SETTING = Struct("key" / Int8ul, "value" / Int32sl)
_RANGE = Struct("first_sequence" / Int32ul, "last_sequence" / Int32ul)

LAYOUTS: Final[dict[FrameType, Any]] = {
    FrameType.HELLO: Struct(
        "firmware_major" / Int8ul,
        "firmware_minor" / Int8ul,
        "firmware_patch" / Int8ul,
        "reset_cause" / Int8ul,  # 0 unknown, 1 power, 2 watchdog, 3 request, 4 wake
        "medium" / Int8ul,
        "settings_version" / Int16ul,
        "boot_sequence" / Int32ul,  # sequence of the first record of this boot
        "sequence_oldest" / Int32ul,
        "sequence_next" / Int32ul,
        "clock_s" / Int32ul,
        "time_quality" / Int8ul,
        "status" / Int16ul,
        "battery_mv" / Int16ul,  # 0 when not measured
        "forward_pulses" / Int32ul,
        "reverse_pulses" / Int32ul,
        "pulse_weight_ml" / Int32ul,
        "sample_interval_s" / Int32ul,
        "store_interval_s" / Int32ul,
        "send_interval_s" / Int32ul,
        "frame_size_max" / Int16ul,  # longest downlink the meter takes, bytes before COBS
        Terminated,
    ),
    FrameType.READINGS: Struct(
        "settings_version" / Int8ul,  # low 8 bits of the version in force
        "batch" / PackedBatch(),
        Terminated,
    ),
    FrameType.STATUS: Struct(
        "request" / Int16ul,  # of the READ_NOW that it answers, 0 when not asked for
        "settings_version" / Int16ul,
        "taken_at_s" / Int32ul,
        "time_quality" / Int8ul,
        "forward_pulses" / Int32ul,
        "reverse_pulses" / Int32ul,
        "flow_l_per_h" / Int32sl,  # negative is reverse flow
        "pressure_kpa" / Int16sl,  # -32768 when there is no valid sample
        "battery_mv" / Int16ul,
        "status" / Int16ul,
        Terminated,
    ),
    FrameType.EVENTS: Struct(
        "settings_version" / Int8ul, "items" / GreedyRange(_EVENT), Terminated
    ),
    FrameType.SETTINGS_REPORT: Struct(
        "settings_version" / Int16ul,
        "outcome" / Int8ul,  # see Outcome
        "items" / GreedyRange(_SETTING),
        Terminated,
    ),
    FrameType.LOST: Struct("settings_version" / Int8ul, "items" / GreedyRange(_RANGE), Terminated),
    FrameType.ACKNOWLEDGE: Struct(
        "answers" / Int32ul,  # counter of the uplink that is durable now
        "time_s" / Int32ul,
        "time_ms" / Int16ul,  # 0 to 999
        "resume_at" / Int32ul,  # next sequence wanted in order
        "flags" / Int8ul,
        Terminated,
    ),
    FrameType.SETTINGS: Struct(
        "answers" / Int32ul,
        "settings_version" / Int16ul,
        "items" / GreedyRange(_SETTING),
        Terminated,
    ),
    FrameType.BACKFILL: Struct("answers" / Int32ul, "items" / GreedyRange(_RANGE), Terminated),
    FrameType.READ_NOW: Struct("answers" / Int32ul, "request" / Int16ul, Terminated),
    FrameType.COMMAND: Struct(
        "answers" / Int32ul,
        "request" / Int16ul,
        "code" / Int8ul,
        "argument" / Int32sl,
        Terminated,
    ),
}

_COUNTER_AT = 5
_COUNTER_BYTES_MAX = 5


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in clear before the sealed body; the tag covers it (WL-HDR).

    epoch: only HELLO carries it; None in every other frame.
    size: length of the encoded header in bytes.
    """

    frame_type: FrameType
    meter_id: int
    counter: int
    epoch: int | None = None
    version: int = PROTOCOL_VERSION

    def encode(self) -> bytes:
        clear = bytearray((self.version << 5 | self.frame_type,))
        clear += self.meter_id.to_bytes(4, "little")
        counter = self.counter
        while counter > 127:
            clear.append(counter & 127 | 128)
            counter >>= 7
        clear.append(counter)
        if self.epoch is not None:
            clear += self.epoch.to_bytes(4, "little")
        return bytes(clear)

    @property
    def size(self) -> int:
        return len(self.encode())


def peek_header(frame: bytes) -> Header:
    """Read the clear header of a frame. Nothing in it is trusted until the tag fits.

    Raise PeerError when it is cut short, of another protocol version or of an unknown type.
    """
    if len(frame) <= _COUNTER_AT:
        raise PeerError("WL-HDR-01", "frame ends inside its header")
    version, code = frame[0] >> 5, frame[0] & 0x1F
    if version != PROTOCOL_VERSION:
        raise PeerError("WL-HDR-01", f"protocol version {version}, this side speaks 1")
    try:
        frame_type = FrameType(code)
    except ValueError:
        raise PeerError("WL-HDR-02", f"unknown frame type {code:#04x}") from None
    counter, end = _read_counter(frame)
    epoch = None
    if frame_type is FrameType.HELLO:
        if len(frame) < end + 4:
            raise PeerError("WL-HDR-04", "HELLO ends before its epoch")
        epoch = int.from_bytes(frame[end : end + 4], "little")
    return Header(frame_type, int.from_bytes(frame[1:5], "little"), counter, epoch)


def _read_counter(frame: bytes) -> tuple[int, int]:
    """Return the counter of a header, and where it ends."""
    counter = 0
    for place, byte in enumerate(frame[_COUNTER_AT : _COUNTER_AT + _COUNTER_BYTES_MAX]):
        counter |= (byte & 127) << 7 * place
        if byte < 128:
            if counter > 0xFFFF_FFFF:
                raise PeerError("WL-HDR-03", "counter is longer than 32 bits")
            if byte == 0 and place:
                raise PeerError("WL-HDR-03", "counter is not in its shortest form")
            return counter, _COUNTER_AT + place + 1
    if len(frame) < _COUNTER_AT + _COUNTER_BYTES_MAX:
        raise PeerError("WL-HDR-01", "frame ends inside its header")
    raise PeerError("WL-HDR-03", "counter is longer than 32 bits")


def build_body(frame_type: FrameType, fields: dict[str, Any]) -> bytes:
    """Return the body of a frame. Raise CallerError when a field is missing or out of range."""
    try:
        body: bytes = LAYOUTS[frame_type].build(fields)
    except (ConstructError, KeyError) as error:
        raise CallerError(f"{frame_type.name}: {_first_line(error)}") from None
    return body


def parse_body(frame_type: FrameType, body: bytes, **keywords: Any) -> dict[str, Any]:
    """Return the fields of a body as plain dict and lists.

    READINGS takes ``reference_lookup`` (see ``packing.PackedBatch``). Raise PeerError when the
    body is cut short or has bytes left over.
    """
    try:
        parsed = LAYOUTS[frame_type].parse(body, **keywords)
    except ConstructError as error:
        raise PeerError("WL-TYP-01", f"{frame_type.name}: {_first_line(error)}") from None
    return {name: _plain(value) for name, value in parsed.items() if not name.startswith("_")}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if not name.startswith("_")}
    return value


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
