"""Lists in columns that lose nothing, however narrow the terminal is.

Numbers, ids and moments keep their width; text breaks into lines. What does not fit beside the
rest, from the right, stands below its row with its heading. So the columns come by how much they
are needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

GAPS = (2, 1)
"""Columns of air between two columns, where there is room and where there is little."""
BELOW_INDENT = 4
TEXT_WIDTH_MIN = 24
"""Text gets no narrower than that before its column goes below."""


@dataclass(frozen=True, slots=True)
class Column:
    """wraps: it is text, which may be broken. width_min: even if all that stands in it is less."""

    heading: str
    is_number: bool = False
    wraps: bool = False
    width_min: int = 0
    style: str = ""


def number(heading: str, *, width_min: int = 0, style: str = "") -> Column:
    return Column(heading, is_number=True, width_min=width_min, style=style)


def text(heading: str) -> Column:
    return Column(heading, wraps=True)


class Listing:
    """A heading and rows. Fits itself to the width at which it is drawn."""

    def __init__(self, *columns: Column, gaps: Sequence[int] = GAPS) -> None:
        self._columns = columns
        self._gaps = gaps
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        self._rows.append(cells)

    def __rich_console__(
        self, _console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        wished = [self._wished_width(place) for place in range(len(self._columns))]
        least = [
            min(width, TEXT_WIDTH_MIN) if column.wraps else width
            for column, width in zip(self._columns, wished, strict=True)
        ]
        beside, gap = self._beside(least, options.max_width)
        spare = options.max_width - _total(least[:beside], gap)
        widths = _widened(least[:beside], wished, spare)
        if beside == len(self._columns):
            yield self._table(widths, gap, self._rows, has_heading=True)
            return
        yield self._table(widths, gap, (), has_heading=True)
        for row in self._rows:
            yield self._table(widths, gap, (row,), has_heading=False)
            yield from self._below(row, beside, options.max_width - BELOW_INDENT)

    def _wished_width(self, place: int) -> int:
        column = self._columns[place]
        texts = (column.heading, *(row[place] for row in self._rows))
        lines = (line for one in texts for line in one.splitlines())
        return max(column.width_min, *map(cell_len, lines))

    def _beside(self, least: Sequence[int], width: int) -> tuple[int, int]:
        """Return how many columns stand side by side, and with what gap."""
        for count in range(len(least), 0, -1):
            for gap in self._gaps:
                if _total(least[:count], gap) <= width:
                    return count, gap
        return 1, self._gaps[-1]

    def _table(
        self, widths: Sequence[int], gap: int, rows: Sequence[Sequence[str]], *, has_heading: bool
    ) -> Table:
        table = Table.grid(padding=(0, gap, 0, 0))
        table.show_header, table.header_style = has_heading, "dim"
        for column, width in zip(self._columns, widths, strict=False):
            table.add_column(
                Text(column.heading),
                justify="right" if column.is_number else "left",
                width=width,
                overflow="fold",
                style=column.style,
            )
        for row in rows:
            table.add_row(*(Text(cell) for cell in row[: len(widths)]))
        return table

    def _below(self, row: Sequence[str], beside: int, width: int) -> Iterator[RenderableType]:
        """What does not fit beside the rest, as many to a line as go there whole."""
        line = Text(overflow="fold")
        for column, cell in zip(self._columns[beside:], row[beside:], strict=True):
            if not cell:
                continue
            part = Text.assemble((f"{' '.join(column.heading.split())} ", "dim"), cell)
            if line and (line.cell_len + 2 + part.cell_len > width or "\n" in cell):
                yield _indented(line)
                line = Text(overflow="fold")
            line.append("  " if line else "").append_text(part)
        if line:
            yield _indented(line)


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _widened(least: Sequence[int], wished: Sequence[int], spare: int) -> list[int]:
    """Share what is spare out to the columns that wish for more, from the left."""
    widths = []
    for width, wish in zip(least, wished, strict=False):
        more = max(0, min(spare, wish - width))
        widths.append(width + more)
        spare -= more
    return widths


def _indented(line: Text) -> Padding:
    return Padding(line, (0, 0, 0, BELOW_INDENT))
