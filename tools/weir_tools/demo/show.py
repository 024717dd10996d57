"""Run the demo from the first program to the comparison of all totals; leave nothing behind."""

import asyncio
import contextlib
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from weir_gateway.client import ClientError, GatewayClient
from weir_tools.demo.bench_door import open_door
from weir_tools.demo.companions import Companion, free_port, start_broker, start_gateway
from weir_tools.demo.fleet import identities_of, read_inputs, seat_fleet
from weir_tools.demo.live_table import MeterView, Scene
from weir_tools.demo.plan import METERS, STARTS_AT, DemoPlan
from weir_tools.demo.subscriber import Subscriber
from weir_tools.demo.totals import COMPLETE, DemoTotals, meter_totals
from weir_tools.demo.workplace import (
    GATEWAY_ID,
    GatewaySetting,
    Workplace,
    furnish,
    open_workplace,
)
from weir_tools.errors import Failed
from weir_tools.simulator.bench import Bench
from weir_tools.simulator.districts import DISTRICTS, SOURCE
from weir_tools.simulator.firmware import compiled_firmware
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.unix_meter import UnixMeter
from weir_tools.simulator.waiting import until

SETTLE_TIMEOUT_S = 20.0  # for the last records to reach MQTT; then one more session is waited for
SESSIONS_MORE_MAX = 2


class Demo:
    """One run. `scene` may be looked at by whoever draws, at any time."""

    def __init__(self, plan: DemoPlan) -> None:
        self.plan = plan
        self.step = "starting the broker ..."
        self.started_after_s: float | None = None
        self.known: DemoTotals | None = None
        self._began_s = time.monotonic()
        self._stop = asyncio.Event()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pace: PacedTime | None = None
        self._subscriber: Subscriber | None = None
        self._addresses: list[tuple[str, str]] = []

    def stop(self) -> None:
        """Bring the demo to its end: what was made is delivered, and the totals are compared."""
        self._stop.set()

    async def run(self) -> DemoTotals:
        """Return the totals. Raise Failed when something does not start, or stops by itself.

        Then `known` has what is known of the meters, None if they had not started.
        """
        async with contextlib.AsyncExitStack() as stack:
            place = stack.enter_context(open_workplace(self.plan.keep))
            reading = asyncio.create_task(asyncio.to_thread(read_inputs, METERS))
            stack.push_async_callback(_finish, reading)
            await asyncio.to_thread(compiled_firmware)
            broker = await self._start_broker(stack, place)
            bench = await self._start_bench(stack, place, broker, await reading)
            try:
                await self._let_run(bench)
                totals = await self._come_to_rest(bench, place)
            except Failed as error:
                await bench.stop()  # a flash is read when its meter is off
                self.known = await self._totals(bench, place, ended=str(error))
                raise
        self.step = "Ended."
        self._addresses = []
        return totals

    def scene(self) -> Scene:
        calendar = None
        if self._pace is not None:
            calendar = STARTS_AT + timedelta(milliseconds=self._pace.now_ms())
        return Scene(
            calendar=calendar,
            speed=self.plan.speed,
            step=self.step,
            meters=[self._view(meter.meter_id, meter.district, meter.link) for meter in METERS],
            addresses=self._addresses,
            store_interval_s=self.plan.store_interval_s,
        )

    def _view(self, meter_id: int, district: int, link: str) -> MeterView:
        name = DISTRICTS[district].short_name
        if self._subscriber is None:
            return MeterView(meter_id, name, link)
        count, latest, heard_at_s = self._subscriber.latest(meter_id)
        if latest is None:
            return MeterView(meter_id, name, link)
        return MeterView(
            meter_id,
            name,
            link,
            latest["forward_volume_l"],
            latest["flow_mean_l_per_h"],
            latest["pressure_mean_kpa"],
            latest["measured_at"],
            time.monotonic() - heard_at_s,
            count,
        )

    async def _start_broker(
        self, stack: contextlib.AsyncExitStack, place: Workplace
    ) -> tuple[tuple[str, int], str]:
        """Return the broker's address and the prefix of the topics on it."""
        broker, prefix = self.plan.broker, "weir"
        if broker is None:
            companion, port = await start_broker(place.folder / "broker.log")
            broker = ("127.0.0.1", port)
            stack.push_async_callback(companion.stop)
            self._watch(stack, companion.wait, companion.ended)
        else:
            prefix = f"weir-demo-{secrets.token_hex(2)}"  # others may use that broker too
        subscriber = Subscriber(*broker, prefix)
        await asyncio.to_thread(subscriber.start)
        stack.push_async_callback(asyncio.to_thread, subscriber.stop)
        if self.plan.broker is not None:
            topics = _retained_topics(prefix)
            stack.push_async_callback(asyncio.to_thread, subscriber.clear_retained, topics)
        self._subscriber = subscriber
        return broker, prefix

    async def _start_bench(
        self,
        stack: contextlib.AsyncExitStack,
        place: Workplace,
        broker: tuple[tuple[str, int], str],
        inputs: list[RecordedInputs],
    ) -> Bench:
        """The gateway first, then the meters, all on one clock."""
        self.step = "starting the gateway ..."
        pace = self._pace = PacedTime(speed=self.plan.speed)
        bench = Bench(pace, self._meter_died, calendar_s=STARTS_AT.timestamp())
        stack.push_async_callback(bench.stop)
        await bench.open()
        identities = identities_of(METERS, self.plan)
        listen = f"127.0.0.1:{free_port()}"
        planned = list(zip(METERS, identities, inputs, strict=True))
        devices = seat_fleet(bench, planned, homes=place.folder / "meters", gateway=listen)
        address, prefix = broker
        setting = GatewaySetting(address, prefix, listen, devices, pace.speed, pace.origin_s)
        furnish(place, setting, identities)
        gateway = await self._start_gateway(stack, place)
        self.step = "starting the meters ..."
        await bench.start()
        door = await open_door(bench, place.bench)
        stack.callback(door.close)
        self._addresses = _addresses(address, prefix, place)
        self._watch(stack, gateway.wait, gateway.ended)
        return bench

    async def _start_gateway(
        self, stack: contextlib.AsyncExitStack, place: Workplace
    ) -> Companion:
        client = GatewayClient(place.socket)

        async def answers() -> bool:
            try:
                status = await asyncio.to_thread(client.gateway)
            except ClientError:
                return False
            return status["broker"]["connected"]

        gateway = await start_gateway(place.config, place.folder / "gateway.log", answers)
        stack.push_async_callback(gateway.stop)
        return gateway

    async def _let_run(self, bench: Bench) -> None:
        """Until the time is up, the recording ends, or somebody stops it."""
        self.started_after_s = time.monotonic() - self._began_s
        self.step = "Ctrl-C ends the demo and compares all totals."
        recording_ends_ms = min(meter.inputs.waveform.ends_ms for meter in bench.meters)
        ends_s = bench.pace.wall_s_until(recording_ends_ms)
        if self.plan.duration_s is not None:
            ends_s = min(ends_s, self.plan.duration_s)
        with contextlib.suppress(TimeoutError):
            await self._unless_failed(self._stop.wait(), ends_s)

    async def _come_to_rest(self, bench: Bench, place: Workplace) -> DemoTotals:
        """Shut the taps, let every meter deliver what it has, and compare."""
        record_ms = bench.shut_taps()
        seconds = bench.pace.wall_s_until(bench.rest_ms(record_ms))
        self.step = f"Ending: the last records come in, in about {seconds + 1:.0f} s."
        for _ in range(1 + SESSIONS_MORE_MAX):
            await self._unless_failed(bench.rest_after(record_ms), None)
            if await self._unless_failed(self._settled(bench, place), None):
                break
            record_ms += bench.store_interval_ms
        return await self._totals(bench, place)

    async def _settled(self, bench: Bench, place: Workplace) -> bool:
        """Whether all that the meters made arrives on MQTT in time."""
        subscriber = self._subscriber
        assert subscriber is not None
        made = {meter.identity.meter_id: meter.ring().records_made for meter in bench.meters}
        client = GatewayClient(place.socket)

        async def all_arrived() -> bool:
            if any(subscriber.counts(meter_id)[0] < count for meter_id, count in made.items()):
                return False
            return await asyncio.to_thread(_stored_counts, client) == made

        return await until(all_arrived, timeout_s=SETTLE_TIMEOUT_S)

    async def _totals(
        self, bench: Bench, place: Workplace, *, ended: str = COMPLETE
    ) -> DemoTotals:
        assert self._subscriber is not None
        try:
            stored = await asyncio.to_thread(_stored_counts, GatewayClient(place.socket))
        except ClientError:
            stored = None
        meters = [
            meter_totals(plan, meter, stored, self._subscriber.tally(plan.meter_id))
            for plan, meter in zip(METERS, bench.meters, strict=True)
        ]
        powered_at_ms = min(meter.seat.powered_at_ms for meter in bench.meters)
        return replace(
            self.nothing(ended),
            simulated_from=_iso(powered_at_ms),
            simulated_until=_iso(bench.pace.now_ms()),
            meters=meters,
        )

    def nothing(self, ended: str) -> DemoTotals:
        """The totals of a demo whose meters never started."""
        broker = self.plan.broker
        return DemoTotals(
            speed=self.plan.speed,
            wall_s=time.monotonic() - self._began_s,
            simulated_from=None,
            simulated_until=None,
            flow_source=SOURCE,
            pressure_source="simulated: static head less a loss with the square of the flow",
            broker="embedded (amqtt)" if broker is None else f"{broker[0]}:{broker[1]}",
            meters=(),
            ended=ended,
        )

    def _watch(
        self,
        stack: contextlib.AsyncExitStack,
        wait: Callable[[], Any],
        error: Callable[[], Failed],
    ) -> None:
        """Fail when a companion ends before the demo does."""

        async def watched() -> None:
            await wait()
            self._fail(error())

        stack.push_async_callback(_finish, asyncio.create_task(watched()))

    def _meter_died(self, meter: UnixMeter) -> None:
        self._fail(meter.stopped())

    def _fail(self, error: Failed) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    async def _unless_failed(self, work: Any, timeout_s: float | None) -> Any:
        """The result of `work`; raise what failed meanwhile, or TimeoutError."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait(
                (task, self._failure), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._failure.done():
                self._failure.result()
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            await _finish(task)


async def _finish(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _stored_counts(client: GatewayClient) -> dict[int, int]:
    return {meter["meter_id"]: meter["stored_count"] for meter in client.meters()}


def _iso(now_ms: int) -> str:
    moment = STARTS_AT + timedelta(milliseconds=now_ms)
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _retained_topics(prefix: str) -> list[str]:
    meters = [
        f"{prefix}/{meter.meter_id}/{name}"
        for meter in METERS
        for name in ("state", "availability", "alarms", "config", "now")
    ]
    gateway = [f"{prefix}/gateway/{GATEWAY_ID}/{name}" for name in ("status", "config/schema")]
    return [*meters, *gateway]


def _addresses(broker: tuple[str, int], prefix: str, place: Workplace) -> list[tuple[str, str]]:
    """Where others can look on; as commands to copy, where the programs are installed."""
    host, port = broker
    mqtt = f"{host}:{port}, topics {prefix}/#"
    if shutil.which("mosquitto_sub"):
        mqtt = f"mosquitto_sub -h {host} -p {port} -v -t '{prefix}/#'"
    weir = "weir" if shutil.which("weir") else str(Path(sys.executable).with_name("weir"))
    return [
        ("MQTT", mqtt),
        ("gateway", f"{weir} meter list --socket {place.socket}"),
        ("alarm", f"{weir} demo provoke reverse-flow"),
    ]
