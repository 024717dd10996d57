"""What came of a salvage."""

from dataclasses import dataclass, field
from typing import TypedDict


class TableDocument(TypedDict):
    """unreadable: places that could not be read; for readings, the sequences in them at most."""

    table: str
    read: int
    unreadable: int
    unsound: int
    added: int
    present: int
    conflicts: int


class SalvageDocument(TypedDict):
    """whole: everything could be read. conflicts: ids of readings held with other values."""

    damaged: str
    database: str
    dry_run: bool
    whole: bool
    tables: list[TableDocument]
    conflicts: list[str]
    published_before: int
    missing: int


@dataclass(slots=True)
class Tally:
    """Counts of one table."""

    read: int = 0
    unreadable: int = 0
    unsound: int = 0
    added: int = 0
    present: int = 0
    conflicts: int = 0


@dataclass(slots=True)
class Report:
    """missing: sequences noted as open, for the meter to give again or to name as lost."""

    damaged: str
    database: str
    dry_run: bool
    tables: dict[str, Tally] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    published_before: int = 0
    missing: int = 0

    def of(self, table: str) -> Tally:
        return self.tables.setdefault(table, Tally())

    @property
    def whole(self) -> bool:
        return not any(one.unreadable or one.unsound for one in self.tables.values())

    def document(self) -> SalvageDocument:
        tables = [_document(name, one) for name, one in self.tables.items()]
        return {
            "damaged": self.damaged,
            "database": self.database,
            "dry_run": self.dry_run,
            "whole": self.whole,
            "tables": tables,
            "conflicts": self.conflicts,
            "published_before": self.published_before,
            "missing": self.missing,
        }


def _document(name: str, one: Tally) -> TableDocument:
    return {
        "table": name,
        "read": one.read,
        "unreadable": one.unreadable,
        "unsound": one.unsound,
        "added": one.added,
        "present": one.present,
        "conflicts": one.conflicts,
    }
