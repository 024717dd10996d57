"""What the meters' records say of time, against the truth."""

from weir_protocol.records import TimeQuality
from weir_tools.virtual.ledger import Ledger, MeterBook

_AT, _QUALITY = 0, 8  # places in a record


def check_times(ledger: Ledger, book: MeterBook, starts_s: int) -> None:
    """No record's time is further off than it says. Only where no clock was set or jumped.

    starts_s: UTC when the world began.
    """
    for taken in book.in_order:
        error_s = TimeQuality(taken.values[_QUALITY]).error_s
        if error_s is None:
            continue
        early_s = starts_s + taken.true_s - taken.values[_AT]  # below 1 s of it is cut off
        if not -error_s <= early_s < error_s + 1:
            told = f"is {early_s:.3f} s early and says at most {error_s:g} s"
            ledger.breach(book.meter_id, taken.sequence, told)
