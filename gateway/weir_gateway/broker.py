"""Keeps the gateway connected to its broker, whatever the broker does."""

import asyncio
import logging
from collections.abc import Callable, Hashable

from paho.mqtt.enums import MQTTProtocolVersion

from weir_gateway import messages
from weir_gateway.config import MqttConfig
from weir_gateway.inlet import Inlet
from weir_gateway.links.backoff import Backoff
from weir_gateway.mqtt import (
    BrokerLost,
    BrokerProblem,
    Delivery,
    MqttConnection,
    ProtocolRefused,
    Will,
)

VERSION_TEXTS = {MQTTProtocolVersion.MQTTv5: "5.0", MQTTProtocolVersion.MQTTv311: "3.1.1"}
"""The versions of MQTT, the one that is tried first at the top."""

_RETRY_FIRST_S = 0.5
_RETRY_LONGEST_S = 30.0
_CLOSE_S_MAX = 2.0
_log = logging.getLogger(__name__)


class Broker:
    """One connection at a time: opened again with backoff, in MQTT 5 or else 3.1.1.

    connected: set while messages can be published.
    problem: why they cannot, None while they can.
    """

    def __init__(
        self,
        config: MqttConfig,
        will: Will,
        on_connected: Callable[[], None],
    ) -> None:
        self._config = config
        self._will = will
        self._on_connected = on_connected
        self._backoff = Backoff(_RETRY_FIRST_S, _RETRY_LONGEST_S)
        self._connection: MqttConnection | None = None
        self._place = f"{config.host}:{config.port}"
        self.on_delivered: Callable[[list[Delivery]], None] = _ignore
        """Hears of everything that the broker acknowledged or denied."""
        self.inlet: Inlet | None = None
        """What is subscribed to with every connection."""
        self._versions = [
            version for version, text in VERSION_TEXTS.items() if config.protocol in ("auto", text)
        ]
        self.connected = asyncio.Event()
        self.problem: str | None = messages.BROKER_NOT_YET

    @property
    def protocol_text(self) -> str:
        """The version of MQTT that worked last, or is tried first."""
        return VERSION_TEXTS[self._versions[0]]

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                connection = await self._connect()
            except BrokerProblem as error:
                self._note_problem(str(error))
            else:
                self._backoff.reset()
                await self._use(connection)
            await asyncio.sleep(self._backoff.next_s())

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, tag: Hashable = None
    ) -> None:
        """See ``Outlet``. ``on_delivered`` hears the tag."""
        if self._connection is None:
            raise BrokerLost(messages.BROKER_NOT_YET)
        await self._connection.publish(topic, payload, retain=retain, tag=tag)

    async def reply(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        """Send an answer. Raise BrokerLost while there is no connection."""
        if self._connection is None:
            raise BrokerLost(messages.BROKER_NOT_YET)
        await self._connection.publish(topic, payload, correlation=correlation)

    async def close(self, last_words: bytes) -> None:
        """Replace the will by ``last_words``, wait a bounded time for it, and disconnect."""
        connection, self._connection = self._connection, None
        self.connected.clear()
        if connection is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S_MAX):
                await connection.publish(self._will.topic, last_words, retain=True)
                await connection.drain()
                await connection.close()
        except (TimeoutError, BrokerLost):
            _log.warning("%s", messages.BROKER_NO_GOODBYE.format(place=self._place))

    async def _use(self, connection: MqttConnection) -> None:
        self._connection = connection
        self.problem = None
        self.connected.set()
        _log.info("connected to the broker at %s, MQTT %s", self._place, self.protocol_text)
        self._on_connected()
        why = await connection.until_lost()
        self.connected.clear()
        self._connection = None
        self._note_problem(messages.BROKER_LOST.format(place=self._place, why=why))

    async def _connect(self) -> MqttConnection:
        """Connect in the version that worked last, else in the other one."""
        why = ""
        for version in self._versions:
            try:
                connection = await self._dial(version)
            except ProtocolRefused as refusal:
                why = str(refusal)
                _log.info("no MQTT %s with the broker (%s)", VERSION_TEXTS[version], why)
            else:
                self._versions.sort(key=lambda one: one is not version)  # it is first from now on
                return connection
        raise BrokerProblem(messages.BROKER_REFUSED.format(place=self._place, why=why))

    async def _dial(self, protocol: MQTTProtocolVersion) -> MqttConnection:
        connection = MqttConnection(
            self._config, protocol, self._will, self.on_delivered, self.inlet
        )
        await connection.open()
        return connection

    def _note_problem(self, problem: str) -> None:
        """Log a problem once, not at every attempt."""
        if problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem


def _ignore(_deliveries: list[Delivery]) -> None:
    """What nobody asked to hear of."""
