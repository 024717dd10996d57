"""The connection to the broker: found, kept, fallen back, denied, and ended politely."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from peers.certificates import Authority
from peers.echo import until
from peers.mosquitto import Consumer, Mosquitto
from peers.old_broker import Manner, OldBroker
from peers.waiting import wait_for
from weir_gateway import mqtt
from weir_gateway.broker import Broker
from weir_gateway.config import MqttConfig
from weir_gateway.inlet import Inlet
from weir_gateway.mqtt import BrokerLost, Delivery, Will

STATUS = "weir/gateway/gw1/status"
CONFIG = MqttConfig(
    host="127.0.0.1",
    port=0,
    protocol="auto",
    prefix="weir",
    client_id="weir-gw1",
    username=None,
    password=None,
    tls=False,
    tls_ca_file=None,
    tls_certificate_file=None,
    tls_key_file=None,
)


class Attachment:
    """A broker connection that runs, and what it was told."""

    def __init__(self, config: MqttConfig) -> None:
        self.delivered: list[Delivery] = []
        self.connections = 0
        self.broker = Broker(config, Will(STATUS, b'{"status":"offline"}'), self._on_connected)
        self.broker.on_delivered = self.delivered.extend

    def _on_connected(self) -> None:
        self.connections += 1

    async def connected(self) -> None:
        await until(self.broker.connected.is_set, f"a connection: {self.broker.problem}")


MakeBroker = Callable[[str], Mosquitto]
Scenario = Callable[[Attachment], Coroutine[Any, Any, None]]


def attach(config: MqttConfig, scenario: Scenario) -> None:
    async def started() -> None:
        attachment = Attachment(config)
        running = asyncio.create_task(attachment.broker.run())
        await scenario(attachment)
        running.cancel()
        await attachment.broker.close(b'{"status":"stopped"}')

    asyncio.run(started())


def at(port: int, **changes: Any) -> MqttConfig:
    return replace(CONFIG, port=port, **changes)


def test_messages_are_delivered_when_the_broker_has_acknowledged_them(
    broker: Mosquitto, consumer: Consumer
) -> None:
    async def scenario(attachment: Attachment) -> None:
        await attachment.connected()
        assert attachment.broker.protocol_text == "5.0"
        for number in range(500):
            await attachment.broker.publish(f"weir/{number}", b"%d" % number, tag=number)
        await until(lambda: len(attachment.delivered) == 500, "500 acknowledgements")
        assert attachment.delivered == [Delivery(number) for number in range(500)]

    attach(at(broker.port), scenario)
    wait_for(lambda: len(consumer.messages) >= 501, "all at the consumer")


def test_publishing_without_a_connection_says_so_at_once() -> None:
    async def scenario(attachment: Attachment) -> None:
        with pytest.raises(BrokerLost):
            await attachment.broker.publish("weir/1", b"1")

    attach(at(1), scenario)


def test_a_broker_that_comes_later_is_found(make_broker: MakeBroker) -> None:
    broker = make_broker("allow_anonymous true")

    async def scenario(attachment: Attachment) -> None:
        await until(lambda: "cannot reach" in str(attachment.broker.problem), "a problem")
        broker.start()
        await attachment.connected()
        assert attachment.broker.problem is None

    attach(at(broker.port), scenario)


def test_a_broker_that_goes_and_comes_back_is_found_again(broker: Mosquitto) -> None:
    async def scenario(attachment: Attachment) -> None:
        await attachment.connected()
        broker.stop()
        await until(lambda: not attachment.broker.connected.is_set(), "the loss")
        with pytest.raises(BrokerLost):
            await attachment.broker.publish("weir/1", b"1")
        broker.start()
        await attachment.connected()
        await attachment.broker.publish("weir/1", b"1", tag="again")
        await until(lambda: attachment.delivered, "an acknowledgement")
        assert attachment.connections == 2

    attach(at(broker.port), scenario)


@pytest.mark.parametrize("manner", [Manner.REFUSES_5, Manner.HANGS_UP_ON_5, Manner.MUTE_ON_5])
def test_a_broker_that_does_not_speak_mqtt_5_is_spoken_to_in_3_1_1(
    manner: Manner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mqtt.CONNACK_S_MAX, MQTTProtocolVersion.MQTTv5, 0.3)

    async def started() -> None:
        old = OldBroker(manner)
        await old.start()
        attachment = Attachment(at(old.port))
        running = asyncio.create_task(attachment.broker.run())
        await attachment.connected()
        assert attachment.broker.protocol_text == "3.1.1"
        assert old.levels == [5, 4]
        await attachment.broker.publish("weir/1", b"1", tag=1)
        await until(lambda: attachment.delivered == [Delivery(1)], "an acknowledgement")
        running.cancel()
        await attachment.broker.close(b"{}")
        assert old.topics == ["weir/1", STATUS]
        old.stop()

    asyncio.run(started())


@pytest.mark.parametrize("protocol", ["5.0", "3.1.1"])
def test_only_the_configured_version_is_spoken(broker: Mosquitto, protocol: str) -> None:
    async def scenario(attachment: Attachment) -> None:
        await attachment.connected()
        assert attachment.broker.protocol_text == protocol
        await attachment.broker.publish("weir/1", b"1", tag=1)
        await until(lambda: attachment.delivered == [Delivery(1)], "an acknowledgement")

    attach(at(broker.port, protocol=protocol), scenario)


def test_a_broker_that_hangs_up_is_told_as_refusing() -> None:
    async def started() -> None:
        rude = OldBroker(Manner.HANGS_UP)
        await rude.start()
        attachment = Attachment(at(rude.port))
        running = asyncio.create_task(attachment.broker.run())
        await until(lambda: "refuses this gateway" in str(attachment.broker.problem), "a problem")
        running.cancel()
        rude.stop()

    asyncio.run(started())


def test_a_broker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "CONNACK_S_MAX", dict.fromkeys(mqtt.CONNACK_S_MAX, 0.3))

    async def started() -> None:
        mute = OldBroker(Manner.MUTE)
        await mute.start()
        attachment = Attachment(at(mute.port))
        running = asyncio.create_task(attachment.broker.run())
        await until(lambda: "did not answer" in str(attachment.broker.problem), "a problem")
        running.cancel()
        mute.stop()

    asyncio.run(started())


def test_a_wrong_password_is_named(
    make_broker: MakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker = make_broker("allow_anonymous false")
    broker.start()

    async def scenario(attachment: Attachment) -> None:
        await until(lambda: "refuses this gateway" in str(attachment.broker.problem), "a problem")
        assert "[mqtt]" in str(attachment.broker.problem)

    attach(at(broker.port, username="gateway", password="hush"), scenario)
    assert "hush" not in caplog.text


def test_no_more_is_in_flight_than_the_broker_wants() -> None:
    async def started() -> None:
        slow = OldBroker(Manner.WITHHOLDS)
        await slow.start()
        attachment = Attachment(at(slow.port))
        running = asyncio.create_task(attachment.broker.run())
        await attachment.connected()
        publishing = [
            asyncio.create_task(attachment.broker.publish("weir/1", b"1")) for _ in range(9)
        ]
        await until(lambda: len(slow.topics) == 3, "three messages")
        await asyncio.sleep(0.2)
        assert len(slow.topics) == 3
        running.cancel()
        for task in publishing:
            task.cancel()
        slow.stop()

    asyncio.run(started())


def test_a_broker_that_acknowledges_nothing_is_given_up_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt, "STUCK_S_MAX", 0.2)

    async def started() -> None:
        stuck = OldBroker(Manner.WITHHOLDS)
        await stuck.start()
        attachment = Attachment(at(stuck.port))
        running = asyncio.create_task(attachment.broker.run())
        await attachment.connected()
        await asyncio.sleep(0.5)
        assert attachment.connections == 1, "an idle connection is not stuck"
        await attachment.broker.publish("weir/1", b"1")
        await until(lambda: attachment.connections == 2, "another connection")
        running.cancel()
        stuck.stop()

    asyncio.run(started())


def test_a_broker_that_lets_nobody_subscribe_is_told_of_and_takes_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def started() -> None:
        strict = OldBroker(Manner.DENIES_SUBSCRIBING)
        await strict.start()
        attachment = Attachment(at(strict.port))
        attachment.broker.inlet = Inlet(("weir/gateway/gw1/replay",), lambda _: None)
        running = asyncio.create_task(attachment.broker.run())
        await attachment.connected()
        await attachment.broker.publish("weir/1", b"1", tag=1)
        await until(lambda: attachment.delivered == [Delivery(1)], "an acknowledgement")
        await until(lambda: "requests over MQTT are not heard" in caplog.text, "the remark")
        assert "Not authorized" in caplog.text
        running.cancel()
        strict.stop()

    asyncio.run(started())


def test_a_broker_that_wants_few_in_flight_gets_everything(make_broker: MakeBroker) -> None:
    broker = make_broker("allow_anonymous true\nmax_inflight_messages 3")
    broker.start()

    async def scenario(attachment: Attachment) -> None:
        await attachment.connected()
        for number in range(300):
            await attachment.broker.publish("weir/1", b"1", tag=number)
        await until(lambda: len(attachment.delivered) == 300, "all acknowledgements")
        assert attachment.connections == 1

    attach(at(broker.port), scenario)


def test_what_the_broker_denies_is_delivered_as_denied(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    (tmp_path / "acl").write_text("topic write weir/allowed\n")
    broker = make_broker(f"allow_anonymous true\nacl_file {tmp_path}/acl")
    broker.start()

    async def scenario(attachment: Attachment) -> None:
        await attachment.connected()
        await attachment.broker.publish("weir/denied", b"1", tag="denied")
        await attachment.broker.publish("weir/allowed", b"1", tag="allowed")
        await until(lambda: len(attachment.delivered) == 2, "both outcomes")
        assert attachment.delivered == [
            Delivery("denied", "Not authorized"),
            Delivery("allowed"),
        ]

    attach(at(broker.port), scenario)


def test_tls_is_spoken_with_a_broker_whose_authority_is_known(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ours")
    certificate, key = authority.issue("localhost")
    key.chmod(0o644)  # mosquitto reads it as its own user
    broker = make_broker(
        f"allow_anonymous true\ncafile {authority.path}\ncertfile {certificate}\nkeyfile {key}"
    )
    broker.start()
    stranger = Authority(tmp_path / "theirs")

    async def known(attachment: Attachment) -> None:
        await attachment.connected()

    async def unknown(attachment: Attachment) -> None:
        refusal = "certificate verify failed"  # on a busy machine it may time out before that
        await until(lambda: refusal in str(attachment.broker.problem), refusal)
        assert "cannot reach" in str(attachment.broker.problem)

    attach(at(broker.port, host="localhost", tls=True, tls_ca_file=authority.path), known)
    attach(at(broker.port, host="localhost", tls=True, tls_ca_file=stranger.path), unknown)


def test_a_clean_end_leaves_the_last_words_and_not_the_will(
    broker: Mosquitto, consumer: Consumer
) -> None:
    async def scenario(attachment: Attachment) -> None:
        await attachment.connected()

    attach(at(broker.port), scenario)
    wait_for(lambda: consumer.newest(STATUS), "the last words")
    assert consumer.payloads(STATUS) == [{"status": "stopped"}]
    late = Consumer(broker.port, client_id="late")
    wait_for(lambda: late.newest(STATUS) == {"status": "stopped"}, "the retained last words")
    late.close()
