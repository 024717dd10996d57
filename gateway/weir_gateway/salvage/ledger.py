"""What a damaged database should hold of one (meter, epoch), by all that it says about it.

Custody, gaps, and what retention forgot add up: from the first sequence that was ever expected to
``sequence_next`` each is held, missing, or forgotten. A statement that contradicts what was read
is not believed. In doubt a sequence is asked for: a meter that has it no more names it lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from weir_gateway.store.sequences import Range

Fields = dict[str, Any]
MISSING = ("open", "lost")
STRAYS_MAX = 16
"""So few readings of a group of which nothing else is known have a damaged key."""


@dataclass(slots=True)
class Group:
    """The rows of one (meter, epoch) in the small tables.

    is_named: something else than readings speaks of it. in_doubt: some of its rows may be gone.
    """

    custody: list[Fields] = field(default_factory=list)
    gaps: list[Fields] = field(default_factory=list)
    boots: list[Fields] = field(default_factory=list)
    forgotten: list[Fields] = field(default_factory=list)
    is_named: bool = False
    in_doubt: bool = False

    def bounds(self, sequence_next: int | None) -> Range:
        """Return between which sequences a place that cannot be read is looked into."""
        ends = [row["last_sequence"] + 1 for row in self.gaps]
        ends += [row["sequence_next"] for row in self.custody]
        ends += [] if sequence_next is None else [sequence_next]
        return 0, max(ends, default=_MARGIN) - 1


@dataclass(frozen=True, slots=True)
class Account:
    """What a group comes to. absent: what should be held and was not read.

    gaps and forgotten: the rows that contradict nothing; unsound_count: how many others there are.
    """

    sequence_next: int
    absent: list[Range]
    gaps: list[Fields]
    forgotten: list[Fields]
    unsound_count: int


_MARGIN = 4096  # sequences in which a hole is looked into where no end is known


def settle(group: Group, seen: list[Range]) -> Account:
    """Compare what is said of a group with the readings that were read of it."""
    end = _end_of_gaps(group, seen)
    gaps = _without_contradictions(group.gaps, seen, end)
    forgotten = _without_contradictions(group.forgotten, seen, end)
    unsound_count = len(group.gaps) + len(group.forgotten) - len(gaps) - len(forgotten)
    missing = [_range(row) for row in gaps if row["state"] in MISSING]
    away = [_range(row) for row in forgotten]
    first, sequence_next = _bounds(group, seen, missing, away, unsound_count > 0)
    return Account(
        sequence_next,
        holes((first, sequence_next - 1), [*seen, *missing, *away]),
        gaps,
        forgotten,
        unsound_count,
    )


def _bounds(
    group: Group, seen: list[Range], missing: list[Range], away: list[Range], in_doubt: bool
) -> Range:
    """Return the first sequence that was expected, and the next that would be in order."""
    known = [*seen, *missing, *away]
    lowest = min((one[0] for one in known), default=0)
    above = max((one[1] + 1 for one in known), default=0)
    if not group.custody:
        return (0, above) if group.is_named else (lowest, above)
    own = group.custody[0]
    unread = own["stored_count"] - size(seen) - size(away)
    first = own["sequence_next"] - own["stored_count"] - size(missing)
    sequence_next = own["sequence_next"]
    if not above <= sequence_next <= above + max(0, unread):
        sequence_next, in_doubt = above, True
    if in_doubt or group.in_doubt or not 0 <= first <= lowest:
        first = 0 if unread > 0 else min(lowest, sequence_next)
    return first, sequence_next


def _end_of_gaps(group: Group, seen: list[Range]) -> int:
    """Return what no gap goes beyond: where readings end, or where custody says that they do."""
    ends = [row["sequence_next"] for row in group.custody]
    return max([*ends, *(last + 1 for _, last in seen)], default=1 << 32)


def _without_contradictions(rows: list[Fields], seen: list[Range], end: int) -> list[Fields]:
    """Leave out ranges that overlap, or in which something that is said to be missing was read."""
    found: list[Fields] = []
    covered = -1
    for row in sorted(rows, key=_range):
        first, last = _range(row)
        is_absent = row.get("state") != "closed"
        if first > covered and last < end and not (is_absent and _meets((first, last), seen)):
            found.append(row)
            covered = last
    return found


def _meets(one: Range, ranges: list[Range]) -> bool:
    return any(first <= one[1] and one[0] <= last for first, last in ranges)


def holes(bounds: Range, taken: Iterable[Range]) -> list[Range]:
    """Return what of ``bounds`` is in none of the ranges, in order."""
    found = []
    first, end = bounds
    for taken_first, taken_last in sorted(taken):
        if taken_first > end:
            break
        if taken_first > first:
            found.append((first, taken_first - 1))
        first = max(first, taken_last + 1)
    if first <= end:
        found.append((first, end))
    return found


def size(ranges: Iterable[Range]) -> int:
    """Return how many sequences there are in ranges that do not overlap."""
    return sum(last - first + 1 for first, last in ranges)


def _range(row: Fields) -> Range:
    return row["first_sequence"], row["last_sequence"]
