"""One connection to the broker, from CONNECT to its end, on top of paho's network thread.

paho's thread and the event loop meet in two places only: ``publish`` hands messages to paho, and
``call_soon_threadsafe`` brings back acknowledgements, requests and the end of the connection.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from weir_gateway import messages
from weir_gateway.config import MqttConfig
from weir_gateway.errors import GatewayError
from weir_gateway.inlet import Incoming, Inlet

WINDOW_MAX = 50
"""Messages in flight. paho looks through all of them at every PUBACK, so more is slower."""

KEEPALIVE_S = 30
CONNACK_S_MAX = {MQTTProtocolVersion.MQTTv5: 10.0, MQTTProtocolVersion.MQTTv311: 10.0}
"""How long a broker may take to answer. Some that do not know MQTT 5 never do."""

STUCK_S_MAX = 60.0
"""How long a broker may leave messages without any PUBACK before the connection is given up."""

PACKET_BYTES_MAX = 65_536
"""No request is as large. Brokers with MQTT 5 keep what is larger to themselves."""

_UNSUPPORTED_VERSION = 0x84
_properties: Callable[[int], Properties] = Properties  # paho does not say so itself
_log = logging.getLogger(__name__)


class BrokerProblem(GatewayError):
    """The broker cannot be reached, or does not want this gateway."""


class ProtocolRefused(BrokerProblem):
    """The broker does not speak this version of MQTT, or hung up before it answered."""


class BrokerLost(GatewayError):
    """The connection ended. What was not acknowledged must be published again."""


@dataclass(frozen=True, slots=True)
class Will:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message. tag: as given to ``publish``. denied: the broker's reason."""

    tag: Hashable
    denied: str | None = None


class MqttConnection:
    """Used once: open it, publish until it is lost or closed, then make another."""

    def __init__(
        self,
        config: MqttConfig,
        protocol: MQTTProtocolVersion,
        will: Will,
        on_delivered: Callable[[list[Delivery]], None],
        inlet: Inlet | None = None,
    ) -> None:
        self._config = config
        self._protocol = protocol
        self._on_delivered = on_delivered
        self._inlet = inlet
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[int] = self._loop.create_future()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        """Done with the reason when the connection ended."""
        self._tags: dict[int, Hashable] = {}
        self._arrived: deque[tuple[int, str | None]] = deque()
        self._drain_is_due = False
        self._slots = asyncio.Semaphore(WINDOW_MAX)
        self._idle = asyncio.Event()
        self._idle.set()
        self._moved_at_s = 0.0  # when something was acknowledged last, or sent after a pause
        self._client = self._make_client(will)

    async def open(self) -> None:
        """Connect. Raise BrokerProblem, or ProtocolRefused when another version may work."""
        limit_s = CONNACK_S_MAX[self._protocol]
        try:
            await asyncio.to_thread(self._dial)
            self._client.loop_start()
            async with asyncio.timeout(limit_s):
                window = await self._connected
        except TimeoutError:
            self.abandon()
            raise ProtocolRefused(messages.BROKER_SILENT.format(limit_s=limit_s)) from None
        except BrokerProblem:
            self.abandon()
            raise
        self._slots = asyncio.Semaphore(window)
        if self._inlet is not None:
            self._subscribe(self._inlet.topics)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        tag: Hashable = None,
        correlation: bytes | None = None,
    ) -> None:
        """Wait for a free place in the window, then send. Raise BrokerLost once it is lost."""
        await self._slots.acquire()
        if self.lost.done():
            raise BrokerLost(self.lost.result())
        properties = None
        if correlation is not None and self._protocol is MQTTProtocolVersion.MQTTv5:
            properties = _properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._tags[sent.mid] = tag
        if self._idle.is_set():
            self._moved_at_s = self._loop.time()
            self._idle.clear()

    async def until_lost(self) -> str:
        """Wait for the end of the connection; return why. One that is stuck is given up."""
        while not self.lost.done():
            await asyncio.wait([self.lost], timeout=STUCK_S_MAX / 4)
            if not self._idle.is_set() and self._loop.time() - self._moved_at_s > STUCK_S_MAX:
                self.abandon()
                self._note_lost(messages.BROKER_STUCK.format(limit_s=STUCK_S_MAX))
        return self.lost.result()

    async def drain(self) -> None:
        """Wait until everything that was sent is acknowledged, or the connection is lost."""
        await self._idle.wait()

    async def close(self) -> None:
        """Say goodbye to the broker, which then keeps the will to itself."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def abandon(self) -> None:
        """Let go of a connection that failed. Its thread ends by itself."""
        self._client.on_connect = self._client.on_publish = self._client.on_disconnect = None
        self._client.on_subscribe = self._client.on_message = None
        self._client.disconnect()

    def _make_client(self, will: Will) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._config.client_id,
            protocol=self._protocol,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)  # no limit: the window is kept here
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        if self._config.username is not None:
            client.username_pw_set(self._config.username, self._config.password)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _dial(self) -> None:
        config = self._config
        try:
            if config.tls:
                self._client.tls_set(
                    ca_certs=_text_or_none(config.tls_ca_file),
                    certfile=_text_or_none(config.tls_certificate_file),
                    keyfile=_text_or_none(config.tls_key_file),
                )
        except (OSError, ValueError) as error:
            raise BrokerProblem(messages.TLS_FAILED.format(why=error)) from None
        try:
            self._client.connect(
                config.host, config.port, keepalive=KEEPALIVE_S, properties=self._limits()
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise self._problem(messages.BROKER_UNREACHABLE, why) from None

    def _limits(self) -> Properties | None:
        """Return what keeps the broker from sending what nobody here wants to hold."""
        if self._protocol is not MQTTProtocolVersion.MQTTv5:
            return None
        limits = _properties(PacketTypes.CONNECT)
        limits.MaximumPacketSize = PACKET_BYTES_MAX
        return limits

    def _subscribe(self, topics: Iterable[str]) -> None:
        """With MQTT 5 a retained message shows that it is one even when it is new."""
        if self._protocol is MQTTProtocolVersion.MQTTv5:
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            self._client.subscribe([(topic, options) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])

    def _problem(self, sentence: str, why: str) -> BrokerProblem:
        return BrokerProblem(
            sentence.format(place=f"{self._config.host}:{self._config.port}", why=why)
        )

    # The next five run on paho's thread.

    def _on_connect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        window = min(getattr(properties, "ReceiveMaximum", WINDOW_MAX), WINDOW_MAX)
        self._tell(self._note_connected, reason, window)

    def _on_publish(
        self, _client: Any, _userdata: Any, mid: int, reason: ReasonCode, _properties: Any
    ) -> None:
        self._arrived.append((mid, str(reason) if reason.is_failure else None))
        if not self._drain_is_due:  # one wake-up of the loop for all that arrives meanwhile
            self._drain_is_due = True
            self._tell(self._deliver)

    def _on_disconnect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._tell(self._note_lost, str(reason))

    def _on_subscribe(
        self,
        _client: Any,
        _userdata: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Any,
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                _log.warning("%s", messages.BROKER_NO_REQUESTS.format(why=reason))

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties
        incoming = Incoming(
            message.topic,
            bytes(message.payload),
            message.retain,
            getattr(properties, "ResponseTopic", None),
            getattr(properties, "CorrelationData", None),
        )
        if self._inlet is not None:
            self._tell(self._inlet.on_message, incoming)

    def _tell(self, callback: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    # From here on everything runs on the event loop.

    def _note_connected(self, reason: ReasonCode, window: int) -> None:
        if self._connected.done():
            return
        if not reason.is_failure:
            self._connected.set_result(window)
        elif reason.value == _UNSUPPORTED_VERSION:
            self._connected.set_exception(ProtocolRefused(str(reason)))
        else:
            self._connected.set_exception(self._problem(messages.BROKER_REFUSED, str(reason)))

    def _note_lost(self, why: str) -> None:
        if not self._connected.done():
            self._connected.set_exception(ProtocolRefused(why))
        if self.lost.done():
            return
        self._deliver()
        self.lost.set_result(why)
        self._idle.set()
        for _ in range(WINDOW_MAX):  # wake whoever waits for a place
            self._slots.release()

    def _deliver(self) -> None:
        self._drain_is_due = False
        deliveries = []
        while self._arrived:
            mid, denied = self._arrived.popleft()
            if mid in self._tags:
                deliveries.append(Delivery(self._tags.pop(mid), denied))
                self._slots.release()
        self._moved_at_s = self._loop.time()
        if not self._tags:
            self._idle.set()
        if deliveries and not self.lost.done():
            self._on_delivered(deliveries)


def _text_or_none(path: Path | None) -> str | None:
    return None if path is None else str(path)
