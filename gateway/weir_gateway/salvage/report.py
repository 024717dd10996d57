"""What came of a salvage."""

from dataclasses import dataclass, field
from typing import TypedDict


class TableDocument(TypedDict):
    """unreadable: places that could not be read; for readings, those that should be there."""

    table: str
    read: int
    unreadable: int
    unsound: int
    added: int
    present: int
    conflicts: int


class SalvageDocument(TypedDict):
    """whole: nothing is missing and SQLite finds no damage. integrity: "ok", or what it found.

    conflicts: ids of readings held with other values.
    """

    damaged: str
    database: str
    dry_run: bool
    whole: bool
    integrity: str
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
    integrity: str = ""
    tables: dict[str, Tally] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    published_before: int = 0
    missing: int = 0

    def of(self, table: str) -> Tally:
        return self.tables.setdefault(table, Tally())

    @property
    def whole(self) -> bool:
        """Whether all of it was read, as far as SQLite can tell."""
        faults = any(one.unreadable or one.unsound for one in self.tables.values())
        return self.integrity == "ok" and not faults

    def document(self) -> SalvageDocument:
        tables = [_document(name, one) for name, one in self.tables.items()]
        return {
            "damaged": self.damaged,
            "database": self.database,
            "dry_run": self.dry_run,
            "whole": self.whole,
            "integrity": self.integrity,
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
