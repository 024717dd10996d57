"""The layout tables inside SPEC.md, between its markers."""

from codegen.layouts import Field, flat_layouts
from codegen.marked import with_part


def render(text: str) -> str:
    """Return SPEC.md with its layout tables made anew."""
    return with_part(text, "layouts", _tables())


def _tables() -> str:
    lines: list[str] = []
    for layout in flat_layouts():
        direction = "uplink" if layout.frame_type.is_uplink else "downlink"
        code = f"{int(layout.frame_type):#04x}"
        lines.append(f"\n**{layout.frame_type.name}** ({code}, {direction})\n\n")
        lines.append("| offset | field | type |\n| --- | --- | --- |\n")
        offset, rows = _rows(layout.fields, 0, "")
        lines += rows
        if layout.item:
            lines += _rows(layout.item, offset, " (repeated to the end)")[1]
        if layout.has_batch:
            lines.append(f"| {offset} | `batch` | packed records, section 6 |\n")
    return "".join([*lines, "\n"])


def _rows(fields: tuple[Field, ...], offset: int, note: str) -> tuple[int, list[str]]:
    rows = []
    for field in fields:
        rows.append(f"| {offset} | `{field.name}` | {field.wire_type}{note} |\n")
        offset += int(field.wire_type[1:]) // 8
    return offset, rows
