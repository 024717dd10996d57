"""The sessions with the meters: one for each, whichever link it uses."""

from collections import OrderedDict
from typing import TypeVar

from weir_gateway.store import Database, queries
from weir_protocol.records import IntervalRecord
from weir_protocol.session import HostSession

K = TypeVar("K")
V = TypeVar("V")

SESSIONS_MAX = 5000
"""Sessions kept ready. One that fell out is made again from the database when its meter calls."""

_RECORDS_MAX = 5000


class Sessions:
    """Makes sessions from what the database holds, and keeps those used last."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._sessions: OrderedDict[int, tuple[bytes, HostSession]] = OrderedDict()
        self._records: OrderedDict[tuple[int, int], IntervalRecord] = OrderedDict()

    def get(self, meter_id: int, key: bytes) -> HostSession:
        """Return the meter's session. Raise StoreUnavailable when it cannot be made now."""
        known_key, session = self._sessions.get(meter_id, (None, None))
        if session is None or known_key != key:
            session = self._make(meter_id, key)
            self._sessions[meter_id] = (key, session)
            _bound(self._sessions, SESSIONS_MAX)
        self._sessions.move_to_end(meter_id)
        return session

    def drop(self, meter_id: int) -> None:
        """Forget a session that may be ahead of the database."""
        self._sessions.pop(meter_id, None)

    def remember(self, meter_id: int, epoch: int, record: IntervalRecord) -> None:
        """Keep a meter's newest held record at hand: the next frame is packed against it."""
        self._records[meter_id, epoch] = record
        self._records.move_to_end((meter_id, epoch))
        _bound(self._records, _RECORDS_MAX)

    def _make(self, meter_id: int, key: bytes) -> HostSession:
        state = self._store.look_up(queries.session_state, meter_id)

        def reference(epoch: int, wire_sequence: int) -> IntervalRecord | None:
            return self._reference(meter_id, epoch, wire_sequence)

        return HostSession(
            meter_id, key, epoch=state.epoch, counters=state.counters, reference=reference
        )

    def _reference(self, meter_id: int, epoch: int, wire_sequence: int) -> IntervalRecord | None:
        record = self._records.get((meter_id, epoch))
        if record is not None and record.sequence == wire_sequence:
            return record
        return self._store.look_up(queries.held_record, meter_id, epoch, wire_sequence)


def _bound(cache: OrderedDict[K, V], size_max: int) -> None:
    while len(cache) > size_max:
        cache.popitem(last=False)
