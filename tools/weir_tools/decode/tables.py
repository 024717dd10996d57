"""A frame taken apart, as tables for the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from weir_protocol.records import IntervalRecord
from weir_tools.decode.anatomy import Anatomy
from weir_tools.decode.meanings import meaning_of, quality_words, status_words
from weir_tools.decode.wire_text import WireFrame
from weir_tools.terminal import open_console

OCTETS_SHOWN_MAX = 8


def show(found: WireFrame, anatomy: Anatomy, sealed_sentence: str | None) -> None:
    console = open_console()
    console.print(_title(found, anatomy), style="bold")
    console.print(_field_table(anatomy))
    if anatomy.records:
        console.print(_record_table(anatomy.records))
    if sealed_sentence is not None:
        console.print(sealed_sentence)


def _title(found: WireFrame, anatomy: Anatomy) -> Text:
    size = f"{len(found.frame)} bytes"
    framed = f", {found.wire_size} on the wire with COBS and delimiter" if found.is_framed else ""
    name = anatomy.header.frame_type.name
    return Text(f"{name} of meter {anatomy.header.meter_id}: {size}{framed}")


def _field_table(anatomy: Anatomy) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("at", justify="right")
    table.add_column("bytes", no_wrap=True)
    table.add_column("field", no_wrap=True)
    table.add_column("value", no_wrap=True)
    table.add_column("meaning")
    for field in anatomy.fields:
        value = "" if field.value is None else f"{field.value} {field.unit}"
        table.add_row(str(field.offset), _octets(field.octets), field.name, value, field.meaning)
    return table


def _octets(octets: bytes) -> str:
    if len(octets) <= OCTETS_SHOWN_MAX:
        return octets.hex(" ")
    return f"{octets[:4].hex(' ')} ... {len(octets)} bytes"


def _record_table(records: Sequence[IntervalRecord]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("record", "forward", "reverse", "peak", "mean", "min", "max"):
        table.add_column(heading, justify="right")
    table.add_column("taken at", no_wrap=True)
    table.add_column("clock")
    table.add_column("status")
    for record in records:
        table.add_row(
            str(record.sequence),
            str(record.forward_pulses),
            str(record.reverse_pulses),
            str(record.peak_flow_pulses),
            *map(
                _kpa,
                (record.pressure_mean_kpa, record.pressure_min_kpa, record.pressure_max_kpa),
            ),
            meaning_of("taken_at_s", record.taken_at_s),
            quality_words(record.time_quality),
            status_words(record.status),
        )
    table.caption = "registers and peak in pulses, pressure in kPa"
    table.caption_justify = "left"
    return table


def _kpa(value: int | None) -> str:
    return "-" if value is None else str(value)
