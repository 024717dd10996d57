"""Settings on MQTT: every change of state told, what is desired and in force retained."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from peers.echo import until
from peers.memory_broker import MemoryBroker
from peers.office import METER
from peers.settings_front import FAST, TOPICS, Front, run
from weir_gateway.settings.publisher import SettingsPublisher
from weir_protocol.frames import Outcome, Reason


class Press:
    """The publisher of an office's settings, with a broker in memory."""

    def __init__(self, front: Front) -> None:
        self.broker = MemoryBroker()
        self.publisher = SettingsPublisher(front.store, self.broker, TOPICS, front.clock, 0.01)
        self.broker.on_connected = self.publisher.on_connected
        self.broker.on_delivered = self.publisher.on_delivered

    def states(self) -> list[str]:
        return [one["state"] for one in self.broker.documents(TOPICS.config_result(METER))]

    def retained(self) -> list[Any]:
        return self.broker.documents(TOPICS.config(METER))


async def publish(front: Front, scenario: Callable[[Press], Coroutine[Any, Any, None]]) -> None:
    press = Press(front)
    running = asyncio.create_task(press.publisher.run())
    try:
        await scenario(press)
    finally:
        running.cancel()


def test_every_state_is_told_once_and_what_is_in_force_is_retained(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        async def told(press: Press) -> None:
            press.broker.auto = True
            await press.broker.connect()
            await front.over_mqtt(FAST, "monday")
            await front.tell(front.meter.poll())
            await front.tell(front.meter.report(1, items={1: 30}))
            await until(lambda: press.states() == ["pending", "sent", "applied"], "the states")
            await until(lambda: press.retained()[-1]["state"] == "in_force", "what is retained")
            first = press.broker.documents(TOPICS.config_result(METER))[0]
            assert (first["request_id"], first["settings"]) == ("monday", FAST)
            assert all(one.retain == (one.topic == TOPICS.config(METER)) for one in sent(press))
            schemas = press.broker.documents(TOPICS.config_schema())
            assert "sample_interval_s" in schemas[0]["properties"]["settings"]["properties"]

        await front.commission()
        await publish(front, told)

    def sent(press: Press) -> list[Any]:
        return [one for one in press.broker.sent if one.topic != TOPICS.config_schema()]

    run(tmp_path, scenario)


def test_a_refusal_is_told_with_its_reasons(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        async def told(press: Press) -> None:
            press.broker.auto = True
            await press.broker.connect()
            await until(lambda: press.states() == ["pending", "sent", "refused"], "the states")
            documents = press.broker.documents(TOPICS.config_result(METER))
            reasons = [one["reasons"] for one in documents]
            assert reasons == [None, None, {"sample_interval_s": "out_of_range"}]

        await front.commission()
        await front.ask(FAST)
        await front.tell(front.meter.poll())
        refused = {1: int(Reason.OUT_OF_RANGE)}
        await front.tell(front.meter.report(0, Outcome.REFUSED, about=1, items=refused))
        await publish(front, told)

    run(tmp_path, scenario)


def test_what_the_broker_did_not_take_is_told_again_and_the_retained_renewed(
    tmp_path: Path,
) -> None:
    async def scenario(front: Front) -> None:
        async def told(press: Press) -> None:
            await press.broker.connect()
            await until(lambda: press.states() == ["pending"], "the first attempt")
            await press.broker.lose()
            press.broker.auto = True
            await press.broker.connect()
            await until(lambda: press.states() == ["pending"] * 2, "the second")
            await until(press.retained, "what is retained")
            press.publisher.note(METER)
            await asyncio.sleep(0.1)
            assert len(press.retained()) == 1  # as it was: not again
            await press.broker.connect()
            await until(lambda: len(press.retained()) == 2, "it renewed")
            assert press.states() == ["pending"] * 2

        await front.ask(FAST)
        await publish(front, told)

    run(tmp_path, scenario)


def test_what_expires_is_told_without_an_uplink(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        async def told(press: Press) -> None:
            press.broker.auto = True
            await press.broker.connect()
            await until(lambda: press.states() == ["pending", "expired"], "the end of it")

        await front.ask(FAST, expires_s=60)
        front.pass_time(61)
        await publish(front, told)

    run(tmp_path, scenario)
