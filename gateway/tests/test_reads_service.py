"""Asking for a reading: what is wrong is refused, and what is told says whether to wait."""

from collections.abc import Callable
from pathlib import Path

import pytest

from peers.office import METER, Office, keep_open
from weir_gateway.clock import Clock
from weir_gateway.errors import Refusal
from weir_gateway.links.reach import Reach
from weir_gateway.reads import Reads
from weir_protocol.framing import Deframer
from weir_protocol.settings import BY_NAME

NOW_S = 1_790_000_000.0
LINK_HOLD = BY_NAME["link_hold"].key
IN_FORCE = 0x0107  # as the meter says in its HELLO


class Wire:
    """An open link to which nothing is written."""

    is_flooded = False

    def __init__(self, *, outlasts_sessions: bool) -> None:
        self.outlasts_sessions = outlasts_sessions

    async def push(self, compose: Callable[[], bytes]) -> None:
        compose()


class Desk(Office):
    """An office where readings are asked for. woken: whom the pusher is told of."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reach = Reach()
        self.woken: list[int] = []
        self.now_s = NOW_S
        clock = Clock(machine_s=lambda: self.now_s)
        self.reads = Reads(self.store, self.registry, clock, self.reach, self.woken.append)

    async def call(self, stream_bytes: bytes, wire: Wire) -> None:
        await self.tell(stream_bytes)
        (frame,) = Deframer().feed(stream_bytes)
        self.reach.note(frame, wire)


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[], Desk]:
    return lambda: Desk(tmp_path)


@pytest.mark.parametrize(
    ("outlasts_sessions", "holds", "listens"),
    [(False, False, True), (True, False, False), (True, True, True)],
)
def test_a_serial_line_tells_of_a_listening_meter_only_if_that_holds_its_link(
    desk: Callable[[], Desk], *, outlasts_sessions: bool, holds: bool, listens: bool
) -> None:
    async def scenario(here: Desk) -> None:
        wire = Wire(outlasts_sessions=outlasts_sessions)
        assert not (await here.reads.post(METER, {}))["link_open"]
        await here.call(here.meter.hello(), wire)
        items = {LINK_HOLD: 1} if holds else {}
        await here.call(here.meter.report(IN_FORCE, items=items), wire)
        made = await here.reads.post(METER, {})
        assert made["link_open"] is listens
        assert here.woken == [METER, METER]

    keep_open(desk, scenario)


def test_a_request_expires_after_two_send_intervals_or_an_hour_or_when_it_says(
    desk: Callable[[], Desk],
) -> None:
    async def scenario(here: Desk) -> None:
        assert (await here.reads.post(METER, {}))["expires_at"] == "2026-09-21T15:13:20.000Z"
        await here.tell(here.meter.hello(send_interval_s=86_400))
        assert (await here.reads.post(METER, {}))["expires_at"] == "2026-09-23T14:13:20.000Z"
        made = await here.reads.answer(METER, {"expires_s": 60, "by": "scada"}, "r1")
        assert made["expires_at"] == "2026-09-21T14:14:20.000Z"
        assert (made["by"], made["request_id"]) == ("scada", "r1")

    keep_open(desk, scenario)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"when": "now"}, "there is no field when in this request"),
        ({"by": 7}, "by is not text of 1 to 100 characters in one line"),
        ({"by": "x" * 101}, "by is not text of 1 to 100 characters in one line"),
        ({"expires_s": 0}, "expires_s is not a whole number from 1 to 2678400"),
        ({"expires_s": True}, "expires_s is not a whole number"),
        ({"request_id": ""}, "request_id is not text of 1 to 200 characters"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence_and_nothing_is_asked(
    desk: Callable[[], Desk], fields: dict[str, object], sentence: str
) -> None:
    async def scenario(here: Desk) -> None:
        with pytest.raises(Refusal, match=sentence) as caught:
            await here.reads.post(METER, fields)
        assert caught.value.status == 400
        assert await here.reads.get(METER, None) == {"reads": []}
        assert here.woken == []

    keep_open(desk, scenario)


@pytest.mark.parametrize("number", ["1", "x", "\u0663", "9" * 50])
def test_a_read_that_never_was_is_not_found(desk: Callable[[], Desk], number: str) -> None:
    async def scenario(here: Desk) -> None:
        with pytest.raises(Refusal, match="meter 1001 has no read") as caught:
            await here.reads.get(METER, number)
        assert caught.value.status == 404

    keep_open(desk, scenario)


def test_a_request_expires_whether_or_not_a_broker_is_there(desk: Callable[[], Desk]) -> None:
    async def scenario(here: Desk) -> None:
        made = await here.reads.post(METER, {"expires_s": 60})
        here.now_s += 60
        shown = await here.reads.get(METER, str(made["number"]))
        assert (made["state"], shown.get("state")) == ("pending", "expired")

    keep_open(desk, scenario)
