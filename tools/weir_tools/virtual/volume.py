"""Conservation of volume: each pulse is in a register, or vanished with power and is flagged."""

from weir.link import tables_gen as t
from weir_tools.virtual.ledger import SEQUENCE_MASK, Ledger, MeterBook, Taken

_FORWARD, _REVERSE, _STATUS = 1, 2, 7  # places in a record
_AFTER_A_LOSS = t.STATUS_RESTARTED | t.STATUS_REGISTER_GAP


def check_volume(ledger: Ledger, book: MeterBook) -> int:
    """Check all records of a meter in the order of their making; return the pulses that vanished.

    Within one boot a register grows by exactly what flowed. Over a loss of power it may miss at
    most what flowed after the record before, and the next record says so.
    """
    vanished = 0
    before: Taken | None = None
    for taken in book.in_order:
        missing = [_missing(book, before, taken, side) for side in range(2)]
        for count, most in missing:
            if not 0 <= count <= most:
                what = f"its register misses {count} pulses, not 0 to {most}"
                ledger.breach(book.meter_id, taken.sequence, what)
        vanished += sum(count for count, _ in missing)
        lost_power = before is not None and before.boot != taken.boot
        if lost_power and taken.values[_STATUS] & _AFTER_A_LOSS != _AFTER_A_LOSS:
            ledger.breach(book.meter_id, taken.sequence, "does not say that power was lost")
        before = taken
    return vanished


def _missing(book: MeterBook, before: Taken | None, taken: Taken, side: int) -> tuple[int, int]:
    """Return the pulses that flowed since the record before but are not in this one; the most."""
    if before is None:
        flowed = _true(taken, side) - book.boots[0].began[side]
        counted = (_register(taken, side) - book.registers[side]) & SEQUENCE_MASK
        return flowed - counted, 0 if taken.boot == 0 else flowed
    flowed = _true(taken, side) - _true(before, side)
    counted = (_register(taken, side) - _register(before, side)) & SEQUENCE_MASK
    if before.boot == taken.boot:
        return flowed - counted, 0
    return flowed - counted, book.boots[taken.boot].began[side] - _true(before, side)


def _true(taken: Taken, side: int) -> int:
    return taken.true_totals[side]


def _register(taken: Taken, side: int) -> int:
    return taken.values[(_FORWARD, _REVERSE)[side]]
