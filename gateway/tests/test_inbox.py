"""The inbox: every request gets one answer, whatever it looks like, and memory is bounded."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from peers.echo import until
from weir_gateway.errors import StoreUnavailable
from weir_gateway.inbox import PAYLOAD_BYTES_MAX, WAITING_MAX, Inbox
from weir_gateway.inlet import Incoming
from weir_gateway.mqtt import BrokerLost

TOPIC = "weir/gateway/gw1/echo"
RESULT = f"{TOPIC}/result"


class Desk:
    """An inbox with one route, which answers with what it was asked, and what it sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, bytes | None]] = []
        self.is_connected = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.inbox = Inbox(self, "weir")
        self.inbox.routes[TOPIC] = self._echo
        self.inbox.meter_routes["config/set"] = self._echo_of_meter

    async def reply(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        if not self.is_connected:
            raise BrokerLost("not connected")
        self.sent.append((topic, json.loads(payload), correlation))

    async def _echo_of_meter(
        self, meter_id: int, fields: Mapping[str, object], request_id: str | None
    ) -> Mapping[str, object]:
        return {"meter_id": meter_id, "named": request_id, "asked": dict(fields)}

    async def _echo(self, fields: Mapping[str, object]) -> Mapping[str, object]:
        await self.may_answer.wait()
        if "fails" in fields:
            raise StoreUnavailable("the database takes nothing now (disk full)")
        if "bug" in fields:
            raise ZeroDivisionError
        return {"asked": dict(fields)}


def answers(*requests: Incoming) -> list[tuple[str, Any, bytes | None]]:
    async def scenario() -> list[tuple[str, Any, bytes | None]]:
        desk = Desk()
        running = asyncio.create_task(desk.inbox.run())
        for request in requests:
            desk.inbox.offer(request)
        await until(lambda: len(desk.sent) >= len(requests), "the answers")
        running.cancel()
        return desk.sent

    return asyncio.run(scenario())


def test_an_answer_names_the_request_and_goes_beside_its_topic() -> None:
    asked = [
        Incoming(TOPIC, b'{"request_id": "a", "x": 1}'),
        Incoming(TOPIC, b'{"x": 2}'),
        Incoming(TOPIC, b'{"request_id": "\\u00e9", "x": 3}'),
    ]
    assert answers(*asked) == [
        (RESULT, {"request_id": "a", "asked": {"x": 1}}, None),
        (RESULT, {"request_id": None, "asked": {"x": 2}}, None),
        (RESULT, {"request_id": "\u00e9", "asked": {"x": 3}}, None),
    ]


def test_an_answer_goes_to_the_response_topic_as_well_with_its_correlation() -> None:
    request = Incoming(TOPIC, b"{}", response_topic="erp/answers", correlation=b"\x00\xff")
    assert answers(request) == [
        (RESULT, {"request_id": None, "asked": {}}, None),
        ("erp/answers", {"request_id": None, "asked": {}}, b"\x00\xff"),
    ]


@pytest.mark.parametrize(
    "topic",
    ["weir/1001/reading", "weir/", "$SYS/x", "a/+/b", "#", "a\0b", "x" * 300, ""],
)
def test_no_response_goes_where_only_the_gateway_writes_or_nobody_can(topic: str) -> None:
    first = Incoming(TOPIC, b'{"x": 1}', response_topic=topic)
    assert [where for where, _, _ in answers(first, Incoming(TOPIC, b"{}"))] == [RESULT, RESULT]


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        (b"[" * PAYLOAD_BYTES_MAX, "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"x": 1, "x": 2}', "x is given twice"),
        (b'{"settings": {"leak_on": true, "leak_on": false}}', "leak_on is given twice"),
        (b'"{}"', "not a JSON object"),
        (b'{"x": "' + b"x" * PAYLOAD_BYTES_MAX + b'"}', "larger than 4096 bytes"),
        (b'{"request_id": 5}', "request_id is not text"),
        (b'{"request_id": "' + b"x" * 201 + b'"}', "request_id is not text"),
        (rb'{"request_id": "\ud800"}', "request_id is not text"),
        (b'{"fails": 1}', "disk full"),
        (b'{"bug": 1}', "its log says why"),
    ],
)
def test_a_request_that_cannot_be_carried_out_gets_one_sentence_and_the_next_its_answer(
    payload: bytes, sentence: str
) -> None:
    (refused, served) = answers(Incoming(TOPIC, payload), Incoming(TOPIC, b"{}"))
    assert refused[1]["request_id"] is None
    assert sentence in refused[1]["error"]
    assert served[1] == {"request_id": None, "asked": {}}


def test_each_meter_has_topics_of_its_own_for_its_requests() -> None:
    assert Desk().inbox.topics == (TOPIC, "weir/+/config/set")
    topic = "weir/4294967295/config/set"
    assert answers(Incoming(topic, b'{"request_id": "a", "x": 1}')) == [
        (
            f"{topic}/result",
            {"request_id": "a", "meter_id": 4294967295, "named": "a", "asked": {"x": 1}},
            None,
        )
    ]


@pytest.mark.parametrize("number", ["4294967296", "-1", "x", "", "\u0663", "1" * 5000])
def test_what_is_no_meter_gets_one_sentence(number: str) -> None:
    ((_, answer, _),) = answers(Incoming(f"weir/{number}/config/set", b"{}"))
    assert "is not a meter number" in answer["error"]


def test_a_retained_request_is_not_carried_out_again_at_every_connection() -> None:
    ((_, answer, _),) = answers(Incoming(TOPIC, b'{"x": 1}', retained=True))
    assert "publish it without retain" in answer["error"]


def test_more_than_can_wait_is_dropped_and_said_once_and_then_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.may_answer.clear()
        running = asyncio.create_task(desk.inbox.run())
        for number in range(WAITING_MAX * 3):
            desk.inbox.offer(Incoming(TOPIC, b'{"x": %d}' % number))
        desk.may_answer.set()
        await until(lambda: len(desk.sent) == WAITING_MAX, "those that waited")
        desk.inbox.offer(Incoming(TOPIC, b'{"x": "later"}'))
        await until(lambda: len(desk.sent) == WAITING_MAX + 1, "a later one")
        running.cancel()
        asked = [answer["asked"]["x"] for _, answer, _ in desk.sent]
        assert asked == [*range(WAITING_MAX), "later"]

    asyncio.run(scenario())
    assert caplog.text.count("newer ones are dropped") == 1


def test_an_answer_that_does_not_get_away_holds_up_nobody() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.is_connected = False
        running = asyncio.create_task(desk.inbox.run())
        desk.inbox.offer(Incoming(TOPIC, b"{}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        desk.is_connected = True
        desk.inbox.offer(Incoming(TOPIC, b'{"x": 2}'))
        await until(lambda: desk.sent, "the second answer")
        running.cancel()
        assert desk.sent[0][1]["asked"] == {"x": 2}

    asyncio.run(scenario())
