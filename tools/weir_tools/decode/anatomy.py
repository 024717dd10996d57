"""Take a frame apart: every byte of it belongs to a field, and every field has a meaning."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weir_protocol.batch import Batch
from weir_protocol.errors import PeerError
from weir_protocol.frames import LAYOUTS, FrameType, Header, parse_body, peek_header
from weir_protocol.records import IntervalRecord
from weir_protocol.sealing import (
    DIRECTION_DOWNLINK,
    DIRECTION_UPLINK,
    TAG_SIZE,
    Sealer,
    nonce,
)
from weir_tools.decode.meanings import meaning_of, unit_of

NOT_HELD = "WL-BAT-05"  # no fault of the frame: the record that it continues was not given


@dataclass(frozen=True, slots=True)
class Field:
    """Some bytes of a frame, opened where they were sealed, and what they say."""

    offset: int
    octets: bytes
    name: str
    value: int | str | None
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a frame says, as far as it could be opened.

    sealed_because: what is missing to read the body (key, epoch or reference), None when nothing.
    refused: the rule that the frame breaks, once its header was understood; None for a good one.
    """

    header: Header
    fields: tuple[Field, ...]
    records: tuple[IntervalRecord, ...] = ()
    sealed_because: str | None = None
    refused: PeerError | None = None


@dataclass(slots=True)
class Knowledge:
    """What helps to open frames; frames opened before add to it."""

    keys: dict[int, bytes]
    any_key: bytes | None = None
    epoch: int | None = None
    records: "dict[tuple[int, int, int], IntervalRecord] | None" = None

    def key_of(self, meter_id: int) -> bytes | None:
        return self.keys.get(meter_id, self.any_key)


def dissect(frame: bytes, knowledge: Knowledge) -> Anatomy:
    """Explain one frame. Raise PeerError when not even its header makes sense."""
    header = peek_header(frame)
    fields = _header_fields(header, frame)
    body, tag = _sealed_fields(header, frame)
    if header.epoch is not None:
        knowledge.epoch = header.epoch
    reason = _missing(header, knowledge)
    if reason is not None:
        return Anatomy(header, (*fields, body, tag), sealed_because=reason)
    try:
        body_fields, records = _body_fields(header, frame[header.size :], knowledge)
    except PeerError as error:
        if error.rule == NOT_HELD:
            return Anatomy(header, (*fields, body, tag), sealed_because="reference")
        return Anatomy(header, (*fields, body, tag), refused=error)
    return Anatomy(header, (*fields, *body_fields, tag), records)


def _sealed_fields(header: Header, frame: bytes) -> tuple[Field, Field]:
    """The body as it stands on the wire, and the tag behind it."""
    tag_at = max(len(frame) - TAG_SIZE, header.size)
    octets = frame[header.size : tag_at]
    return (
        Field(header.size, octets, "body", None, "", "sealed"),
        Field(tag_at, frame[tag_at:], "tag", None, "", "seals the whole frame"),
    )


def _missing(header: Header, knowledge: Knowledge) -> str | None:
    if knowledge.key_of(header.meter_id) is None:
        return "key"
    return "epoch" if knowledge.epoch is None else None


def _header_fields(header: Header, frame: bytes) -> tuple[Field, ...]:
    counter_size = header.size - 5 - (4 if header.epoch is not None else 0)
    way = "uplink, meter to gateway" if header.frame_type.is_uplink else "downlink, to the meter"
    fields = [
        Field(0, frame[:1], "version", header.version, "", "of the protocol, upper 3 bits"),
        Field(0, frame[:1], "frame_type", header.frame_type.name, "", way),
        Field(1, frame[1:5], "meter_id", header.meter_id, "", ""),
        Field(5, frame[5 : 5 + counter_size], "counter", header.counter, "", "never repeats"),
    ]
    if header.epoch is not None:
        text = f"{header.epoch:08x}"
        octets = frame[header.size - 4 : header.size]
        fields.append(Field(header.size - 4, octets, "epoch", text, "", "of the meter's records"))
    return tuple(fields)


def _body_fields(
    header: Header, sealed: bytes, knowledge: Knowledge
) -> tuple[list[Field], tuple[IntervalRecord, ...]]:
    key = knowledge.key_of(header.meter_id)
    epoch = knowledge.epoch
    assert key is not None
    assert epoch is not None
    direction = DIRECTION_UPLINK if header.frame_type.is_uplink else DIRECTION_DOWNLINK
    at = nonce(header.meter_id, epoch, header.counter, direction)
    body = Sealer(key).open(at, header.encode(), sealed)
    held = {} if knowledge.records is None else knowledge.records
    parsed = parse_body(
        header.frame_type,
        body,
        reference_lookup=lambda sequence: held.get((header.meter_id, epoch, sequence)),
    )
    batch = parsed.get("batch")
    records = batch.records if isinstance(batch, Batch) else ()
    held.update({(header.meter_id, epoch, record.sequence): record for record in records})
    return _laid_out(header.frame_type, body, header.size, batch), records


def _laid_out(frame_type: FrameType, body: bytes, offset: int, batch: Batch | None) -> list[Field]:
    """Walk the layout beside the bytes that it was parsed from."""
    fields: list[Field] = []
    before: dict[str, int] = {}
    at = 0
    parts: list[Any] = list(LAYOUTS[frame_type].subcons)
    for part in parts:
        if part.name is None:
            continue
        if part.name == "batch":
            assert batch is not None
            fields.append(_batch_field(offset + at, body[at:], batch))
        elif part.name == "items":
            fields.extend(_item_fields(part.subcon.subcon, body[at:], offset + at, before))
        else:
            size = part.sizeof()
            fields.append(_field(part, body[at : at + size], offset + at, part.name, before))
            at += size
    return fields


def _item_fields(item: Any, octets: bytes, offset: int, before: Mapping[str, int]) -> list[Field]:
    fields = []
    size = item.sizeof()
    for index, start in enumerate(range(0, len(octets), size)):
        at = start
        so_far = dict(before)
        for part in item.subcons:
            end = at + part.sizeof()
            name = f"{part.name}[{index}]"
            fields.append(_field(part, octets[at:end], offset + at, name, so_far))
            at = end
    return fields


def _field(part: Any, octets: bytes, offset: int, name: str, before: dict[str, int]) -> Field:
    """Explain one field by those before it, and put it among them."""
    (value,) = struct.unpack(part.subcon.fmtstr, octets)
    meaning = meaning_of(part.name, value, before)
    before[part.name] = value
    return Field(offset, octets, name, value, unit_of(part.name), meaning)


def _batch_field(offset: int, octets: bytes, batch: Batch) -> Field:
    count = len(batch.records)
    meaning = "no records"
    if count:
        first = batch.records[0].sequence
        origin = "stands alone" if batch.reference is None else f"continues record {first - 1}"
        records = "1 record" if count == 1 else f"{count} records"
        meaning = f"{records} from {first} on, one every {batch.interval_s} s; {origin}"
    return Field(offset, octets, "batch", count, "", meaning)
