"""Read a recording from a CSV file: a column `time`, a flow or pulses, and perhaps a pressure.

A row's value holds from its time until the time of the next row; the last one holds as long as
the one before it. An empty value is a span in which nothing was recorded, and nothing flows.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.simulator.recording import ML_PER_MS, Recording, whole_amounts

KPA = {"kpa": Decimal(1), "bar": Decimal(100), "m": Decimal("9.80665")}
NOTHING_RECORDED = {"", "nan", "null", "-"}
UNIX_SECONDS_MIN = 10**8  # smaller numbers of seconds count from the start of the recording


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row each quantity stands, and in which unit."""

    header: Sequence[str]
    time: int
    amount: int
    flow_unit: str | None  # None: the column counts pulses
    pressure: int | None
    kpa: Decimal


@dataclass(frozen=True, slots=True)
class Cell:
    """One value with the place it stands at, for the sentence about it."""

    file: Path
    line: int
    column: str
    text: str

    def refuse(self, sentence: str) -> Misused:
        return Misused(
            sentence.format(file=self.file, line=self.line, column=self.column, text=self.text)
        )


def read_recording(file: Path, *, flow_unit: str | None = None) -> Recording:
    """Read one CSV file; `flow_unit` is for a column `flow` that does not say its own.

    Raise Misused with the file, the line and the column of whatever is wrong.
    """
    rows = _rows(file)
    if len(rows) < 3:
        raise Misused(messages.CSV_EMPTY.format(file=file))
    columns = _columns(file, rows[0][1], flow_unit)
    times_ms = _times_ms(file, rows[1:], columns)
    spans_ms = [after - before for before, after in pairwise(times_ms)]
    spans_ms.append(spans_ms[-1])
    values = [_number(cell) for cell in _cells(file, rows[1:], columns, columns.amount)]
    if columns.flow_unit is None:
        amounts, units_per_ml = _pulses(file, rows[1:], columns), None
    else:
        flows = [value or Decimal(0) for value in values]
        amounts, units_per_ml = whole_amounts(flows, spans_ms, columns.flow_unit)
    starts_ms = [time_ms - times_ms[0] for time_ms in times_ms]
    starts_at_s = times_ms[0] // 1000
    return Recording(
        name=file.name,
        starts_at_s=starts_at_s if starts_at_s >= UNIX_SECONDS_MIN else None,
        span_starts_ms=starts_ms,
        ends_ms=starts_ms[-1] + spans_ms[-1],
        amounts=amounts,
        units_per_ml=units_per_ml,
        pressures_kpa=_pressures_kpa(file, rows[1:], columns),
        missing_starts_ms=[
            start for start, value in zip(starts_ms, values, strict=True) if value is None
        ],
    )


def _rows(file: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with its line number."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise Misused(messages.CSV_UNREADABLE.format(file=file, reason=reason)) from error


def _plain(name: str) -> str:
    """`Flow [m3/h]` and `flow_m3_h` are the same column."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("³", "3")).strip("_")


def _columns(file: Path, header: Sequence[str], flow_unit: str | None) -> Columns:
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
        header=header,
        time=names.index("time"),
        amount=names.index(amounts[0]),
        flow_unit=_flow_unit(file, amounts[0], flow_unit),
        pressure=pressure,
        kpa=Decimal(1) if pressure is None else _kpa(file, names[pressure]),
    )


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


def _cells(
    file: Path, rows: Sequence[tuple[int, list[str]]], columns: Columns, index: int
) -> list[Cell]:
    column = columns.header[index].strip()
    cells = []
    for line, row in rows:
        if index >= len(row):
            sentence = messages.CSV_SHORT_ROW
            raise Misused(
                sentence.format(file=file, line=line, column=column, count=len(columns.header))
            )
        cells.append(Cell(file, line, column, row[index].strip()))
    return cells


def _times_ms(file: Path, rows: Sequence[tuple[int, list[str]]], columns: Columns) -> list[int]:
    times_ms: list[int] = []
    for cell in _cells(file, rows, columns, columns.time):
        time_ms = _time_ms(cell)
        if times_ms and time_ms <= times_ms[-1]:
            raise cell.refuse(messages.CSV_TIME_BACKWARDS)
        times_ms.append(time_ms)
    return times_ms


def _time_ms(cell: Cell) -> int:
    """A time without a zone is UTC."""
    try:
        return int(Decimal(cell.text) * 1000)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(cell.text)
    except ValueError:
        raise cell.refuse(messages.CSV_BAD_TIME) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _number(cell: Cell) -> Decimal | None:
    if cell.text.lower() in NOTHING_RECORDED:
        return None
    try:
        number = Decimal(cell.text)
    except InvalidOperation:
        raise cell.refuse(messages.CSV_BAD_NUMBER) from None
    if not number.is_finite():
        raise cell.refuse(messages.CSV_BAD_NUMBER)
    return number


def _pulses(file: Path, rows: Sequence[tuple[int, list[str]]], columns: Columns) -> list[int]:
    counts = []
    for cell in _cells(file, rows, columns, columns.amount):
        number = _number(cell) or Decimal(0)
        if number != int(number):
            raise cell.refuse(messages.CSV_BAD_PULSES)
        counts.append(int(number))
    return counts


def _pressures_kpa(
    file: Path, rows: Sequence[tuple[int, list[str]]], columns: Columns
) -> list[int | None] | None:
    if columns.pressure is None:
        return None
    values = [_number(cell) for cell in _cells(file, rows, columns, columns.pressure)]
    return [None if value is None else round(value * columns.kpa) for value in values]
