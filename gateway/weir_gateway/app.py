"""Puts the gateway together, runs it, and stops it without losing anything."""

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from weir_gateway import config as configuration
from weir_gateway import messages
from weir_gateway.alarms import Alarms
from weir_gateway.api import Api
from weir_gateway.availability import AvailabilityWatch
from weir_gateway.backfills import Backfills
from weir_gateway.board import Board
from weir_gateway.clock import Clock
from weir_gateway.config import ClockConfig, Config
from weir_gateway.counters import RejectCounters
from weir_gateway.custody import Custodian, Taken
from weir_gateway.dial_checks import DialChecks
from weir_gateway.disk import DiskWatch
from weir_gateway.errors import ConfigError, GatewayError
from weir_gateway.links.driver import Driver
from weir_gateway.links.reach import Reach
from weir_gateway.links.serial import SerialLink
from weir_gateway.links.stream import Link
from weir_gateway.links.tcp import TcpListener
from weir_gateway.links.turns import Turns
from weir_gateway.lock import only_one
from weir_gateway.messaging import Messaging
from weir_gateway.pusher import Pusher
from weir_gateway.reads import Reads
from weir_gateway.registry import Registry
from weir_gateway.retention import Retention
from weir_gateway.service import Service
from weir_gateway.settings.desk import SettingsDesk
from weir_gateway.status import StatusReporter, Tally
from weir_gateway.store import Store, queries
from weir_gateway.watch.watches import Watches
from weir_protocol.frames import FrameType
from weir_protocol.framing import Deframer

_HOUSEKEEPING_S = 1.0
_log = logging.getLogger(__name__)


def run(config_path: Path) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit code.

    0 after a clean stop, 2 when the operator must change a file, 1 when it failed otherwise.
    Writes one line to standard error once all listeners are open, and one sentence if the
    gateway cannot start; everything else is the log, also on standard error.
    """
    try:
        config = configuration.load(config_path)
        logging.basicConfig(
            level=config.gateway.log_level.upper(),
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        with only_one(config.gateway.database):
            asyncio.run(Gateway(config).run())
    except GatewayError as error:
        sys.stderr.write(f"{messages.CANNOT_START.format(why=error)}\n")
        return 2 if isinstance(error, ConfigError) else 1
    return 0


class Gateway:
    """All parts of one gateway, and the order in which they start and stop."""

    def __init__(self, config: Config) -> None:
        """Read the keys and open the database. Raise GatewayError when either cannot be had."""
        self._config = config
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._clock = _make_clock(config.clock)
        self._registry = Registry(config.gateway.keys)
        self._registry.load()
        self._store = Store(config.gateway.database, self._on_store_renewed)
        self._counters = RejectCounters()
        self._tally = Tally()
        self._turns = Turns()
        self._custodian = Custodian(
            self._store, self._registry, self._clock, self._counters, self._on_taken
        )
        self._reach = Reach()
        self._pusher = Pusher(self._store, self._reach, self._custodian, self._clock)
        self._reads = Reads(
            self._store, self._registry, self._clock, self._reach, self._pusher.wake
        )
        self._links = self._make_links()
        self._disk = DiskWatch(self._store, config.gateway.database, config.gateway.disk_warning_h)
        self._messaging = Messaging(config, self._store, self._registry, self._clock)
        self._watches = Watches(
            config.alarms, self._store, self._clock, self._messaging.note_events, self._registry
        )
        self._availability = AvailabilityWatch(self._clock, self._on_availability)
        reporter = self._make_reporter()
        self._board = Board(
            self._store,
            self._registry,
            self._messaging.broker,
            self._messaging.topics,
            self._availability,
            reporter,
        )
        self._messaging.connected.append(self._board.on_connected)
        self._settings = self._make_settings_desk()
        self._messaging.inbox.meter_routes["config/set"] = self._settings.answer
        self._messaging.inbox.meter_routes["read"] = self._reads.answer
        alarms = Alarms(self._store, self._registry, self._clock, self._messaging.note_alarms)
        self._messaging.inbox.meter_routes["alarms/ack"] = alarms.answer
        api = Api(
            self._store,
            self._registry,
            self._availability,
            reporter,
            Backfills(self._store, self._clock),
            self._messaging.replayer,
            {
                "reads": self._reads,
                "settings": self._settings,
                "checks": DialChecks(self._store, self._registry, self._clock),
            },
        )
        api.branches.update(alarms=alarms.respond, events=alarms.respond)
        self._service = Service(config.gateway.socket, api.respond)

    async def run(self) -> None:
        """Run until a signal asks to stop. Raise GatewayError when a listener cannot be had."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        async with contextlib.AsyncExitStack() as stack:
            self._store.start()
            stack.push_async_callback(self._store.close)
            await self._load()
            stack.push_async_callback(self._stop_publishing)
            stack.push_async_callback(self._pusher.stop)
            for link in self._links:
                await link.start()
                stack.push_async_callback(link.stop)
            await self._service.start()
            stack.push_async_callback(self._service.stop)
            for part in self._messaging.parts():
                self._spawn(part)
            self._spawn(self._board.run())
            self._spawn(self._disk.run())
            self._spawn(self._watches.run())
            self._spawn(self._keep_house())
            if days := self._config.gateway.retention_days:
                retention = Retention(self._store, self._clock, days, self._activity)
                self._spawn(retention.run())
            self._say_ready()
            await self._until_stopped()
        _log.info(
            "stopped; %d readings wait for the next start", self._messaging.publisher.backlog
        )

    def _make_links(self) -> list[Link]:
        config = self._config
        links: list[Link] = [SerialLink(one, self._make_driver) for one in config.serial]
        if config.tcp is not None:
            links.append(TcpListener(config.tcp, self._make_driver, self._counters))
        return links

    def _make_settings_desk(self) -> SettingsDesk:
        floor = self._config.gateway.battery_floor_years
        return SettingsDesk(
            self._store, self._registry, self._clock, floor, self._on_settings_changed
        )

    def _make_driver(self) -> Driver:
        return Driver(self._custodian, Deframer(), self._counters, self._turns, self._reach)

    def _make_reporter(self) -> StatusReporter:
        return StatusReporter(
            self._config.gateway.id,
            self._clock,
            self._registry,
            self._store,
            self._messaging.broker,
            self._messaging.publisher,
            self._availability,
            self._counters,
            self._tally,
            self._links,
            self._disk,
        )

    async def _load(self) -> None:
        await self._messaging.publisher.load()
        await self._watches.load()
        self._availability.expect(self._registry)
        for meter_id, send_s in (await self._store.read(queries.send_intervals_s)).items():
            self._availability.learn(meter_id, send_s)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _say_ready(self) -> None:
        places = [f"{link.kind} {link.place}" for link in self._links]
        places.append(f"local interface {self._config.gateway.socket}")
        text = messages.READY.format(gateway_id=self._config.gateway.id, places=", ".join(places))
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    async def _until_stopped(self) -> None:
        """Wait for a signal. Raise GatewayError if a part of the gateway ended by a fault."""
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stop, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in self._tasks:
            if task.done() and (fault := task.exception()) is not None:
                _log.critical("a part of the gateway failed", exc_info=fault)
                raise GatewayError(messages.FAULT)

    async def _stop_publishing(self) -> None:
        """Publish what waits for a bounded time, then say goodbye to the broker."""
        if self._stop.is_set():
            await self._messaging.flush(self._hurry)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._messaging.close()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            changed = self._registry.refresh()
            self._availability.expect(changed)
            for meter_id in changed:
                self._board.note_availability(meter_id)
            self._counters.log_due()
            self._availability.check()
            self._watches.check()

    def _on_signal(self) -> None:
        """Stop; at the second signal without publishing what waits."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _on_availability(self, meter_id: int) -> None:
        _log.info("meter %d is %s", meter_id, self._availability.of(meter_id).value)
        self._board.note_availability(meter_id)

    def _on_settings_changed(self, meter_id: int) -> None:
        self._messaging.note_settings(meter_id)
        self._pusher.wake(meter_id)

    def _on_store_renewed(self) -> None:
        """Count anew what waits: readings in hand may be gone from the fresh database."""
        self._watches.begin_anew()
        self._spawn(self._messaging.load_backlog())

    def _activity(self) -> object:
        """Return what changes while meters are heard or readings are published."""
        return self._tally.counts.total(), self._messaging.publisher.published

    def _on_taken(self, taken: Taken) -> None:
        uplink, receipt = taken.uplink, taken.receipt
        self._tally.add(receipt)
        if uplink.frame_type is FrameType.HELLO:
            self._messaging.note_hello(uplink.meter_id)
            self._availability.learn(uplink.meter_id, uplink.fields["send_interval_s"])
        self._availability.hear(uplink.meter_id)
        self._watches.hear(taken)
        self._board.note_state(uplink.meter_id)
        self._messaging.note(uplink.meter_id, receipt)
        if receipt.in_force is not None:
            self._availability.learn(uplink.meter_id, receipt.in_force["send_interval_s"])
        if uplink.frame_type is not FrameType.READINGS or receipt.errands:
            self._messaging.note_settings(uplink.meter_id)
        if uplink.frame_type is FrameType.STATUS:
            self._messaging.note_reads()


def _make_clock(config: ClockConfig | None) -> Clock:
    if config is None:
        return Clock()
    origin_s = time.time() if config.origin_s is None else config.origin_s
    return Clock(config.start_s, origin_s, config.speed)
