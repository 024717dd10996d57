"""What was decided about one uplink, and so what may be answered to it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weir_gateway.store import errands, frame_room, requests
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.sequences import Range, without, wrap

RANGES_MAX = 24
"""Ranges in one BACKFILL (WL-FIL-02)."""

_BACKFILL_FIXED_BYTES = 5 + 5 + 4 + 8  # type and meter, counter, answers, tag
_RANGE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was decided. resume_at: as the wire carries it. conflicts: ids of refused repeats.

    errands: what the meter may be told, in this order; each has a downlink counter of its own,
    those after ``downlink_counter``. missing: what the meter may be asked for, the most urgent
    first, as far as one BACKFILL can carry it; the counter after those is then for that BACKFILL.
    came: what this uplink brought or named as lost. Both are unwrapped. in_force: every setting of
    the meter, once it has reported them. again_count: readings to be told again, mended by that.
    """

    resume_at: int
    downlink_counter: int
    settings_version: int
    stored_count: int = 0
    repeat_count: int = 0
    lost_count: int = 0
    event_count: int = 0
    again_count: int = 0
    conflicts: tuple[str, ...] = ()
    missing: tuple[Range, ...] = ()
    came: tuple[Range, ...] = ()
    errands: tuple[Errand, ...] = ()
    in_force: Mapping[str, int] | None = None

    @property
    def keeps_listening(self) -> bool:
        """Something is asked for or told that the meter has to answer in this session."""
        return bool(self.missing) or any(errand.keeps_listening for errand in self.errands)


def make_receipt(
    connection: sqlite3.Connection,
    origin: Origin,
    promise: Promise,
    *,
    stored_count: int = 0,
    repeat_count: int = 0,
    lost_count: int = 0,
    conflicts: tuple[str, ...] = (),
    came: Sequence[Range] = (),
) -> Receipt:
    """Write the promise back, and say what may be answered once that is durable."""
    due = errands.due(connection, origin, promise)
    missing = _missing(connection, origin, promise)
    downlink_count = 1 + len(due) + bool(missing)
    return Receipt(
        resume_at=wrap(promise.sequence_next),
        downlink_counter=promise.fulfil(
            connection, origin, stored_count, downlink_count=downlink_count
        ),
        settings_version=promise.settings_version,
        stored_count=stored_count,
        repeat_count=repeat_count,
        lost_count=lost_count,
        conflicts=conflicts,
        missing=tuple(missing),
        came=tuple(came),
        errands=due,
    )


def _missing(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> Sequence[Range]:
    """Return what one BACKFILL may ask for now: nothing, as a rule, and then at no cost."""
    if promise.is_whole and not promise.requested:
        return ()
    count_max = _ranges_max(connection, origin.meter_id)
    holes = promise.gaps(connection, origin).open_ranges(count_max)
    if not promise.requested or len(holes) == count_max:
        return holes
    wanted = requests.remaining(connection, origin, count_max)
    return _joined(holes, wanted)[:count_max]


def _joined(ranges: list[Range], more: list[Range]) -> list[Range]:
    """Return ``ranges`` and behind them what they do not have of ``more``, so nothing twice."""
    joined = list(ranges)
    for one in more:
        joined.extend(without([one], joined))
    return joined


def _ranges_max(connection: sqlite3.Connection, meter_id: int) -> int:
    """Return how many ranges fit into a downlink that this meter takes."""
    fitting = frame_room.items_max(connection, meter_id, _BACKFILL_FIXED_BYTES, _RANGE_BYTES)
    return min(RANGES_MAX, fitting)
