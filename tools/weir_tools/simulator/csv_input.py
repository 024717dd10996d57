"""Read a recording from a CSV file: a column `time`, a flow or pulses, and perhaps a pressure.

A row's value holds from its time until the time of the next row; the last one holds as long as
the one before it. An empty value is a span in which nothing was recorded, and nothing flows.

The file is read row by row, and only numbers are kept of it.
"""

from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.simulator.csv_table import Columns, Row, check_width, find_columns, read_rows
from weir_tools.simulator.csv_values import (
    FLOW_PARTS,
    BadValue,
    counted_time_ms,
    dated_time_ms,
    flow_parts,
    is_counted,
    pressure_kpa,
    pulses,
)
from weir_tools.simulator.recording import Recording, whole_amounts

UNIX_SECONDS_MIN = 10**8  # smaller numbers of seconds count from the start of the recording

# Between two steps a meter takes half of what its register holds, or more, for a counter that
# went back. A whole recording that stays below it is below it in any step.
PULSES_MAX = 2**31 - 1


def read_recording(file: Path, *, pulse_weight_ml: int, flow_unit: str | None = None) -> Recording:
    """Read one CSV file; `flow_unit` is for a column `flow` that does not say its own.

    Raise Misused with the file, the line and the column of whatever is wrong; and where more
    pulses have flowed than a meter can count.
    """
    rows = read_rows(file)
    _, header = next(rows, (0, []))
    if not header:
        raise Misused(messages.CSV_EMPTY.format(file=file))
    gathered = _Gathered(file, find_columns(file, header, flow_unit))
    for row in rows:
        gathered.add(row)
    if len(gathered.times_ms) < 2:
        sentence = messages.CSV_ONE_ROW if gathered.times_ms else messages.CSV_NO_ROW
        raise Misused(sentence.format(file=file))
    recording = gathered.recording()
    _check_count(recording, gathered, pulse_weight_ml)
    return recording


class _Gathered:
    """What has been read so far, as numbers."""

    def __init__(self, file: Path, columns: Columns) -> None:
        self.file = file
        self.columns = columns
        self.lines = array("q")
        self.times_ms = array("q")
        self._amounts = array("q")  # pulses, or billionths of the flow's unit
        self._missing_ms = array("q")
        self._pressures_kpa: list[int | None] = []
        self._equal: dict[int | None, int | None] = {}  # equal pressures are kept once
        self._times_are_counted = True

    def add(self, row: Row) -> None:
        """Take one more row. Raise Misused with the place of what is wrong in it."""
        check_width(self.file, row, self.columns)
        line, values = row
        column = self.columns.time
        try:
            self._add_time(values[column].strip())
            column = self.columns.amount
            self._add_amount(values[column].strip())
            if self.columns.pressure is not None:
                column = self.columns.pressure
                kpa = pressure_kpa(values[column].strip(), self.columns.kpa)
                self._pressures_kpa.append(self._equal.setdefault(kpa, kpa))
        except BadValue as bad:
            sentence = bad.sentence
            name, text = self.columns.header[column], values[column].strip()
            raise Misused(
                sentence.format(file=self.file, line=line, column=name, text=text)
            ) from None
        self.lines.append(line)

    def _add_time(self, text: str) -> None:
        counted = is_counted(text)
        time_ms = counted_time_ms(text) if counted else dated_time_ms(text)
        if not self.times_ms:
            self._times_are_counted = counted
        elif counted != self._times_are_counted:
            raise BadValue(messages.CSV_TIME_MIXED)
        elif time_ms <= self.times_ms[-1]:
            raise BadValue(messages.CSV_TIME_BACKWARDS)
        self.times_ms.append(time_ms)

    def _add_amount(self, text: str) -> None:
        amount = pulses(text) if self.columns.flow_unit is None else flow_parts(text)
        if amount is None:
            self._missing_ms.append(self.times_ms[-1])
        self._amounts.append(amount or 0)

    def recording(self) -> Recording:
        first_ms = self.times_ms[0]
        spans_ms = array("q", (after - before for before, after in pairwise(self.times_ms)))
        spans_ms.append(spans_ms[-1])
        amounts: Sequence[int] = self._amounts
        units_per_ml = None
        if self.columns.flow_unit is not None:
            unit = self.columns.flow_unit
            amounts, units_per_ml = whole_amounts(amounts, FLOW_PARTS, spans_ms, unit)
        starts_at_s = first_ms // 1000
        return Recording(
            name=self.file.name,
            starts_at_s=starts_at_s if starts_at_s >= UNIX_SECONDS_MIN else None,
            span_starts_ms=array("q", (time_ms - first_ms for time_ms in self.times_ms)),
            ends_ms=self.times_ms[-1] - first_ms + spans_ms[-1],
            amounts=amounts,
            units_per_ml=units_per_ml,
            pressures_kpa=None if self.columns.pressure is None else self._pressures_kpa,
            missing_starts_ms=array("q", (time_ms - first_ms for time_ms in self._missing_ms)),
        )


def _check_count(recording: Recording, gathered: _Gathered, pulse_weight_ml: int) -> None:
    units_per_ml = recording.units_per_ml
    units_per_pulse = 1 if units_per_ml is None else units_per_ml * pulse_weight_ml
    units_max = (PULSES_MAX + 1) * units_per_pulse - 1
    forward = reverse = 0
    for line, amount in zip(gathered.lines, recording.amounts, strict=True):
        if amount > 0:
            forward += amount
        else:
            reverse -= amount
        if forward > units_max or reverse > units_max:
            column = gathered.columns.header[gathered.columns.amount]
            sentence = messages.CSV_TOO_MUCH
            raise Misused(
                sentence.format(file=gathered.file, line=line, column=column, limit=PULSES_MAX)
            )
