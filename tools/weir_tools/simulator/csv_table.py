"""The rows of a CSV file, one at a time, and what its header says of its columns."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.simulator.recording import ML_PER_MS

KPA = {"kpa": Decimal(1), "bar": Decimal(100), "m": Decimal("9.80665")}

Row = tuple[int, list[str]]  # line number, values


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row each quantity stands, and in which unit."""

    header: Sequence[str]
    time: int
    amount: int
    flow_unit: str | None  # None: the column counts pulses
    pressure: int | None
    kpa: Decimal


def read_rows(file: Path) -> Iterator[Row]:
    """The rows that are not blank. Raise Misused when the file cannot be read as text."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            for row in reader:
                if any(map(str.strip, row)):
                    yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise Misused(messages.CSV_UNREADABLE.format(file=file, reason=reason)) from error


def find_columns(file: Path, header: Sequence[str], flow_unit: str | None) -> Columns:
    """Raise Misused when a column that is needed is not there, or its unit is not known."""
    names = [_plain(name) for name in header]
    if "time" not in names:
        raise Misused(_no_column(file, header, "time"))
    amounts = [name for name in names if name == "pulses" or name.split("_")[0] == "flow"]
    if not amounts:
        raise Misused(_no_column(file, header, "flow or pulses"))
    if len(amounts) > 1:
        raise Misused(
            messages.CSV_TWO_AMOUNTS.format(file=file, first=amounts[0], second=amounts[1])
        )
    pressure = next((i for i, name in enumerate(names) if name.startswith("pressure")), None)
    return Columns(
        header=[name.strip() for name in header],
        time=names.index("time"),
        amount=names.index(amounts[0]),
        flow_unit=_flow_unit(file, amounts[0], flow_unit),
        pressure=pressure,
        kpa=Decimal(1) if pressure is None else _kpa(file, names[pressure]),
    )


def check_width(file: Path, row: Row, columns: Columns) -> None:
    """A row with a value too many has a comma where none belongs: nobody knows which is which."""
    line, values = row
    count = len(columns.header)
    if len(values) > count:
        sentence = messages.CSV_LONG_ROW
        raise Misused(sentence.format(file=file, line=line, found=len(values), count=count))
    last = max(columns.time, columns.amount, columns.pressure or 0)
    if len(values) <= last:
        column = columns.header[len(values)]
        raise Misused(
            messages.CSV_SHORT_ROW.format(file=file, line=line, column=column, count=count)
        )


def _plain(name: str) -> str:
    """`Flow [m3/h]` and `flow_m3_h` are the same column."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("³", "3")).strip("_")


def _no_column(file: Path, header: Sequence[str], wanted: str) -> str:
    found = ", ".join(name.strip() or "(no name)" for name in header)
    return messages.CSV_NO_COLUMN.format(file=file, wanted=wanted, found=found)


def _flow_unit(file: Path, column: str, flow_unit: str | None) -> str | None:
    if column == "pulses":
        return None
    named = column.removeprefix("flow").strip("_")
    unit = named or flow_unit
    if unit not in ML_PER_MS:
        raise Misused(messages.CSV_NO_UNIT.format(file=file, column=column))
    return unit


def _kpa(file: Path, column: str) -> Decimal:
    unit = column.removeprefix("pressure").strip("_")
    if unit not in KPA:
        raise Misused(messages.CSV_BAD_PRESSURE_UNIT.format(file=file, column=column))
    return KPA[unit]
