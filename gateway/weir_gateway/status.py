"""What the gateway tells of itself: on its status topic and on the local interface."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from weir_gateway import VERSION
from weir_gateway.availability import AvailabilityWatch
from weir_gateway.clock import Clock, utc_text_ms
from weir_gateway.counters import RejectCounters
from weir_gateway.disk import DiskWatch
from weir_gateway.errors import StoreUnavailable
from weir_gateway.links.stream import Link
from weir_gateway.outlet import Outlet
from weir_gateway.publisher import Publisher
from weir_gateway.registry import Registry
from weir_gateway.store import Store, event_queries
from weir_gateway.store.receipt import Receipt


class LinkDocument(TypedDict):
    kind: str
    place: str
    connections: int
    problem: str | None


class MetersDocument(TypedDict):
    registered: int
    online: int
    silent: int
    unknown: int


class ReadingsDocument(TypedDict):
    """Counts since the gateway started; backlog is what is stored and not yet published."""

    stored: int
    repeats: int
    lost: int
    published: int
    backlog: int


class AlarmsDocument(TypedDict):
    """Active alarms of all meters. None while the database cannot be read."""

    active: int | None
    unacknowledged: int | None


class StoreDocument(TypedDict):
    """alarm: what became of a damaged database, as long as nobody has cared for it.

    hours_left: until the disk is full at the present rate, None while nothing grows.
    """

    problem: str | None
    alarm: str | None
    warning: str | None
    size_bytes: int | None
    free_bytes: int | None
    growth_bytes_per_h: int | None
    hours_left: int | None


class BrokerDocument(TypedDict):
    connected: bool
    protocol: str
    problem: str | None


class KeysDocument(TypedDict):
    problems: list[str]


class StatusDocument(TypedDict):
    gateway: str
    status: str
    version: str
    started_at: str
    reported_at: str
    uptime_s: int
    meters: MetersDocument
    readings: ReadingsDocument
    alarms: AlarmsDocument
    store: StoreDocument
    broker: BrokerDocument
    keys: KeysDocument
    links: list[LinkDocument]
    refused: dict[str, int]


class GatewayDocument(StatusDocument):
    """The status with the refusals by source, which are too many for MQTT."""

    refused_by_source: dict[str, dict[str, int]]


@dataclass(slots=True)
class Tally:
    """What was taken into custody since the gateway started."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, receipt: Receipt) -> None:
        self.counts["stored"] += receipt.stored_count
        self.counts["repeats"] += receipt.repeat_count
        self.counts["lost"] += receipt.lost_count


@dataclass(slots=True)
class StatusReporter:
    """Collects the status from those who know it."""

    gateway_id: str
    clock: Clock
    registry: Registry
    store: Store
    broker: Outlet
    publisher: Publisher
    availability: AvailabilityWatch
    counters: RejectCounters
    tally: Tally
    links: Sequence[Link]
    disk: DiskWatch
    started_at_ms: int = field(init=False)
    _started_s: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.started_at_ms = self.clock.now_ms()

    def status(self) -> StatusDocument:
        return {
            "gateway": self.gateway_id,
            "status": "online",
            "version": VERSION,
            "started_at": utc_text_ms(self.started_at_ms),
            "reported_at": utc_text_ms(self.clock.now_ms()),
            "uptime_s": int(time.monotonic() - self._started_s),
            "meters": self._meters(),
            "readings": self._readings(),
            "alarms": self._meter_alarms(),
            "store": self._store(),
            "broker": self._broker(),
            "keys": {"problems": list(self.registry.problems)},
            "links": [_link_document(link) for link in self.links],
            "refused": dict(self.counters.totals),
        }

    def gateway(self) -> GatewayDocument:
        return {**self.status(), "refused_by_source": self.counters.by_source()}

    def alarms(self) -> tuple[object, ...]:
        """Return what makes a new status urgent when it changes."""
        return (
            self.store.problem,
            self.store.alarm,
            self.disk.warning is not None,
            self.registry.problems,
            *(link.problem for link in self.links),
        )

    def _meters(self) -> MetersDocument:
        counts = self.availability.counts()
        return {
            "registered": len(self.registry),
            "online": counts["online"],
            "silent": counts["silent"],
            "unknown": counts["unknown"],
        }

    def _readings(self) -> ReadingsDocument:
        return {
            "stored": self.tally.counts["stored"],
            "repeats": self.tally.counts["repeats"],
            "lost": self.tally.counts["lost"],
            "published": self.publisher.published,
            "backlog": self.publisher.backlog,
        }

    def _meter_alarms(self) -> AlarmsDocument:
        try:
            active, unacknowledged = self.store.look_up(event_queries.alarm_counts)
        except StoreUnavailable:
            return {"active": None, "unacknowledged": None}
        return {"active": active, "unacknowledged": unacknowledged}

    def _store(self) -> StoreDocument:
        room = self.disk.room
        return {
            "problem": self.store.problem,
            "alarm": self.store.alarm,
            "warning": self.disk.warning,
            "size_bytes": None if room is None else room.size_bytes,
            "free_bytes": None if room is None else room.free_bytes,
            "growth_bytes_per_h": self.disk.growth_bytes_per_h,
            "hours_left": self.disk.hours_left,
        }

    def _broker(self) -> BrokerDocument:
        return {
            "connected": self.broker.connected.is_set(),
            "protocol": self.broker.protocol_text,
            "problem": self.broker.problem,
        }


def _link_document(link: Link) -> LinkDocument:
    return {
        "kind": link.kind,
        "place": link.place,
        "connections": link.connection_count,
        "problem": link.problem,
    }
