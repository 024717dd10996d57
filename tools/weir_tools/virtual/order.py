"""Within one meter and lane, what was in custody first and comes first is published first."""

from bisect import bisect_left

from weir_tools.virtual.ledger import SEQUENCE_MASK, Ledger


def check_order(ledger: Ledger, meter_id: int) -> None:
    """A reading that became durable no later than a newer one may not come out after it.

    One that the broker refused in between is excused, and one that a restored database lost.
    """
    excused = ledger.denied | ledger.withdrawn
    lanes: dict[tuple[int, bool], list[tuple[int, int, int]]] = {}
    for key, commit in ledger.stored_by(meter_id):
        arrival = ledger.arrivals.get(key)
        if arrival is not None and key not in excused:
            lane = lanes.setdefault((key[1], arrival.historical), [])
            lane.append((commit, key[2], arrival.place))
    for lane in lanes.values():
        _check_lane(ledger, meter_id, lane)


def _check_lane(ledger: Ledger, meter_id: int, lane: list[tuple[int, int, int]]) -> None:
    origin = lane[0][1] - (1 << 31)  # so that sequences compare over their wrap
    ordered = sorted(
        (commit, (number - origin) & SEQUENCE_MASK, at) for commit, number, at in lane
    )
    numbers: list[int] = []
    latest: list[int] = []  # place of the latest arrival up to each number
    for _, number, place in ordered:
        index = bisect_left(numbers, number)
        if index and latest[index - 1] > place:
            sequence = (number + origin) & SEQUENCE_MASK
            ledger.breach(meter_id, sequence, "was published before an older one in custody")
        numbers.insert(index, number)
        latest.insert(index, max(place, latest[index - 1] if index else 0))
        for later in range(index + 1, len(latest)):
            if latest[later] >= place:
                break
            latest[later] = place
