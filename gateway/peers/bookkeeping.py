"""Takes uplinks straight into a database, for tests of what that leads to."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from peers.scripted_meter import HELLO, record, report_fields
from weir_gateway.store import custody, queries, schema
from weir_gateway.store.promise import Origin
from weir_gateway.store.receipt import Receipt
from weir_protocol.frames import Outcome
from weir_protocol.records import IntervalRecord

METER = 1001
EPOCH = 0x5EED0001
NOW_MS = 1_790_000_000_000


class Bookkeeping:
    """Takes one uplink after the other, each with a fresh counter."""

    epoch = EPOCH

    def __init__(self, path: Path) -> None:
        schema.prepare(path)
        self.connection = schema.connect(path)
        self.counter = 0
        self.now_ms = NOW_MS
        self.pulse_weight_ml: int | None = None
        self.settings_version: int | None = None  # as uplinks name it

    def origin(self, epoch: int = EPOCH, meter_id: int = METER) -> Origin:
        self.counter += 1
        return Origin(
            meter_id, epoch, self.counter, self.now_ms, self.pulse_weight_ml, self.settings_version
        )

    def hello(self, epoch: int = EPOCH, meter_id: int = METER, **changes: int) -> Receipt:
        origin = self.origin(epoch, meter_id)
        return custody.take_hello(self.connection, origin, {**HELLO, **changes})

    def report(
        self,
        version: int = HELLO["settings_version"],
        outcome: Outcome = Outcome.APPLIED,
        *,
        about: int | None = None,
        items: Mapping[int, int] = MappingProxyType({}),
        first_sequence: int | None = None,
        epoch: int = EPOCH,
        meter_id: int = METER,
    ) -> Receipt:
        """Take a whole SETTINGS_REPORT with ``version`` in force."""
        origin = self.origin(epoch, meter_id)
        fields = report_fields(version, outcome, about, items, first_sequence)
        return custody.take_report(self.connection, origin, fields)

    def take(self, *records: IntervalRecord, epoch: int = EPOCH, meter_id: int = METER) -> Receipt:
        return custody.take_readings(self.connection, self.origin(epoch, meter_id), records)

    def span(self, first: int, last: int, epoch: int = EPOCH, meter_id: int = METER) -> Receipt:
        records = [record(one) for one in range(first, last + 1)]
        return self.take(*records, epoch=epoch, meter_id=meter_id)

    def column(self, name: str) -> list[Any]:
        rows = self.connection.execute(f"SELECT {name} FROM readings ORDER BY epoch, sequence")
        return [value for (value,) in rows]

    def gaps(self) -> list[tuple[int, int, str]]:
        found = queries.gaps(self.connection, METER, 100)
        return [(gap.first_sequence, gap.last_sequence, gap.state) for gap in reversed(found)]
