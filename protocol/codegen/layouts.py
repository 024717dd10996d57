"""Reduces construct layouts to what ``struct`` and a table in a document need."""

from dataclasses import dataclass
from typing import Any

from construct import FormatField, GreedyRange, Renamed, Struct, Terminated

from weir_protocol.frames import LAYOUTS, FrameType
from weir_protocol.packing import PackedBatch

WIRE_TYPES = {"B": "u8", "H": "u16", "L": "u32", "h": "i16", "l": "i32"}


@dataclass(frozen=True, slots=True)
class Field:
    """One fixed-width field: its name and its ``struct`` letter."""

    name: str
    code: str

    @property
    def wire_type(self) -> str:
        return WIRE_TYPES[self.code]


@dataclass(frozen=True, slots=True)
class FlatLayout:
    """A layout as fixed fields, then possibly one repeated item, or a packed batch."""

    frame_type: FrameType
    fields: tuple[Field, ...]
    item: tuple[Field, ...]
    has_batch: bool


def flat_layouts() -> list[FlatLayout]:
    return [_flatten(frame_type, layout) for frame_type, layout in LAYOUTS.items()]


def _flatten(frame_type: FrameType, layout: Any) -> FlatLayout:
    fields: list[Field] = []
    item: tuple[Field, ...] = ()
    has_batch = False
    for part in _named_parts(layout):
        if isinstance(part.subcon, GreedyRange):
            item = tuple(_field(sub) for sub in _named_parts(part.subcon.subcon))
        elif isinstance(part.subcon, PackedBatch):
            has_batch = True
        else:
            fields.append(_field(part))
    return FlatLayout(frame_type, tuple(fields), item, has_batch)


def _named_parts(layout: Any) -> list[Any]:
    if not isinstance(layout, Struct):
        raise TypeError(f"{layout!r} is not a Struct")
    return [part for part in layout.subcons if part is not Terminated]


def _field(part: Any) -> Field:
    if not isinstance(part, Renamed) or not isinstance(part.subcon, FormatField):
        raise TypeError(f"{part!r} is not a named fixed-width field")
    order, code = part.subcon.fmtstr[0], part.subcon.fmtstr[1:]
    if code not in WIRE_TYPES or (code != "B" and order != "<"):
        raise TypeError(f"{part.name} is not a little-endian field of a known width")
    return Field(str(part.name), code)
