"""Requests that arrive over MQTT: answered one after the other, each with one message.

The answer goes to the request's topic with ``/result`` behind it, and to the response topic where
an MQTT 5 request names one. A request is added by one line: ``inbox.routes[topic] = answerer``, or
``inbox.meter_routes[name] = answerer`` for one that every meter has on a topic of its own.
"""

import asyncio
import json
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from weir_gateway import messages
from weir_gateway.documents import json_bytes
from weir_gateway.errors import GatewayError, Refusal
from weir_gateway.inlet import Incoming
from weir_gateway.mqtt import BrokerLost

WAITING_MAX = 100
"""Requests that wait for their turn. More are dropped: who gets no answer asks again."""

PAYLOAD_BYTES_MAX = 4096
_REQUEST_ID_MAX = 200
_HALF_A_SIGN = re.compile("[\ud800-\udfff]")  # JSON may have it, a database and UTF-8 not
_NAME_SHOWN_MAX = 40
_RESPONSE_TOPIC_MAX = 256
_METER_ID_MAX = 0xFFFF_FFFF
_log = logging.getLogger(__name__)

Answerer = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Does what the fields of a request ask for; raises a GatewayError with the sentence why not."""

MeterAnswerer = Callable[[int, Mapping[str, object], str | None], Awaitable[Mapping[str, object]]]
"""The same for one meter. Gets the request's own name too, for what is told of it later."""


class ReplyOutlet(Protocol):
    async def reply(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        """Send with QoS 1. Raise BrokerLost while there is no connection."""


class Inbox:
    """routes: who answers the requests on each topic.

    meter_routes: who answers those on the topics of the meters, by what follows the number there.
    """

    def __init__(self, outlet: ReplyOutlet, prefix: str) -> None:
        """prefix: of the gateway's own topics, where no response may be asked to go."""
        self.routes: dict[str, Answerer] = {}
        self.meter_routes: dict[str, MeterAnswerer] = {}
        self._outlet = outlet
        self._own = f"{prefix}/"
        self._waiting: deque[Incoming] = deque()
        self._has_waiting = asyncio.Event()
        self._is_full = False

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return (*self.routes, *(f"{self._own}+/{name}" for name in self.meter_routes))

    def offer(self, incoming: Incoming) -> None:
        """Take a message if there is room."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(incoming)
            self._has_waiting.set()
        elif not self._is_full:
            self._is_full = True
            _log.warning("%s", messages.REQUESTS_DROPPED.format(limit=WAITING_MAX))

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            await self._has_waiting.wait()
            incoming = self._waiting.popleft()
            if not self._waiting:
                self._has_waiting.clear()
                self._is_full = False
            answer = json_bytes(await self._answer(incoming))
            try:
                await self._outlet.reply(f"{incoming.topic}/result", answer, None)
                if self._may_respond(incoming.response_topic):
                    response_topic = str(incoming.response_topic)
                    await self._outlet.reply(response_topic, answer, incoming.correlation)
            except BrokerLost as error:
                _log.debug("an answer did not get away: %s", error)

    async def _answer(self, incoming: Incoming) -> dict[str, object]:
        request_id: str | None = None
        try:
            fields = _read_fields(incoming)
            request_id = _request_id(fields)
            answer = await self._answerer(incoming.topic, request_id)(fields)
        except GatewayError as error:
            return {"request_id": request_id, "error": str(error)}
        except Exception:
            _log.exception("failed to answer a request on %s", incoming.topic)
            return {"request_id": request_id, "error": messages.INTERNAL}
        return {"request_id": request_id, **answer}

    def _answerer(self, topic: str, request_id: str | None) -> Answerer:
        if topic in self.routes:
            return self.routes[topic]
        number, _, name = topic.removeprefix(self._own).partition("/")
        is_number = number.isascii() and number.isdecimal() and len(number) <= 10
        if not is_number or int(number) > _METER_ID_MAX:
            raise Refusal(404, messages.WRONG_METER.format(text=number))
        answer = self.meter_routes[name]
        return lambda fields: answer(int(number), fields, request_id)

    def _may_respond(self, topic: str | None) -> bool:
        """Whoever may ask must not be able to let the gateway write where only it may."""
        if not topic or len(topic) > _RESPONSE_TOPIC_MAX or topic.startswith(("$", self._own)):
            return False
        return not any(sign in topic for sign in "+#\0")


def _read_fields(incoming: Incoming) -> dict[str, object]:
    if incoming.retained:
        raise Refusal(400, messages.REQUEST_RETAINED)
    if len(incoming.payload) > PAYLOAD_BYTES_MAX:
        raise Refusal(400, messages.REQUEST_LARGE.format(size_max=PAYLOAD_BYTES_MAX))
    return read_object(incoming.payload)


def read_object(payload: bytes) -> dict[str, object]:
    """Return the fields of a JSON object, each named once. Raise Refusal for anything else."""
    try:
        fields = json.loads(payload, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Refusal(400, messages.REQUEST_NOT_JSON) from None
    if not isinstance(fields, dict):
        raise Refusal(400, messages.REQUEST_NOT_OBJECT)
    return fields


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise Refusal(400, messages.REQUEST_TWICE.format(name=name[:_NAME_SHOWN_MAX]))
        fields[name] = value
    return fields


def _request_id(fields: dict[str, object]) -> str | None:
    """Take the request's own name out of its fields."""
    request_id = fields.pop("request_id", None)
    if request_id is None:
        return None
    if not isinstance(request_id, str) or _HALF_A_SIGN.search(request_id):
        raise Refusal(400, messages.WRONG_REQUEST_ID.format(limit=_REQUEST_ID_MAX))
    if len(request_id) > _REQUEST_ID_MAX:
        raise Refusal(400, messages.WRONG_REQUEST_ID.format(limit=_REQUEST_ID_MAX))
    return request_id
