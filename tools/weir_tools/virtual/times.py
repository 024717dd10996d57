"""What the meters' records and the gateway's documents say of time, against the truth.

Only where no clock was set or jumped. Times are told in whole seconds, rounded down.
"""

from datetime import datetime
from typing import Any

from weir_protocol.records import TimeQuality
from weir_tools.virtual.ledger import Key, Ledger, MeterBook, Taken

_AT, _QUALITY = 0, 8  # places in a record


def check_times(ledger: Ledger, book: MeterBook) -> None:
    """No record's time is further off than it says."""
    for taken in book.in_order:
        error_s = TimeQuality(taken.values[_QUALITY]).error_s
        if error_s is not None:
            key = (book.meter_id, 0, taken.sequence)
            _check(ledger, key, taken, taken.values[_AT], error_s)


def check_told(ledger: Ledger, key: Key, taken: Taken, document: dict[str, Any]) -> None:
    """No reading is told with a time that is further off than is told beside it."""
    error_s = document["time_error_s"]
    if error_s is None:
        return
    try:
        told_s = datetime.fromisoformat(document["measured_at"]).timestamp()
    except (TypeError, ValueError):
        what = f"was published with measured_at {document['measured_at']}, which is no time"
        ledger.breach(key[0], key[2], what)
    else:
        _check(ledger, key, taken, told_s, error_s)


def _check(ledger: Ledger, key: Key, taken: Taken, told_s: float, error_s: float) -> None:
    if ledger.clock_jumps:
        return
    early_s = ledger.began_s + taken.true_s - told_s
    if not -error_s <= early_s < error_s + 1:
        what = f"was told {early_s:.3f} s early, and as right to {error_s:g} s"
        ledger.breach(key[0], key[2], what)
