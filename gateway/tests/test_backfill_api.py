"""Back-fill and gaps over the local interface of a running gateway."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink
from peers.scripted_meter import ScriptedMeter, record
from weir_gateway.client import ClientError
from weir_gateway.clock import utc_text

HEARD, REGISTERED, STRANGER, NEW = 1001, 1002, 1003, 1004


@pytest.fixture
def meter() -> ScriptedMeter:
    return ScriptedMeter(HEARD)


@pytest.fixture
def link(gateway: GatewayRun, meter: ScriptedMeter) -> Iterator[MeterLink]:
    """A gateway that holds records 0 to 9 and 15 to 24 of a meter, and a link to it."""
    gateway.write_keys(meter, ScriptedMeter(REGISTERED), ScriptedMeter(NEW))
    gateway.start()
    with closing(gateway.dial()) as dialled:
        dialled.ask(meter, meter.hello(sequence_next=25))
        dialled.ask(meter, meter.span(0, 9))
        dialled.ask(meter, meter.span(15, 24))
        yield dialled


def time_text(sequence: int) -> str:
    return utc_text(record(sequence).taken_at_s)


def test_gaps_are_told_with_their_bounds_in_sequences_and_time(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    link.ask(meter, meter.lost((10, 11)))
    link.ask(meter, meter.span(14, 14))
    closed, still_open, lost = gateway.client.gaps(HEARD)
    assert [closed["state"], still_open["state"], lost["state"]] == ["closed", "open", "lost"]
    assert (lost["first_sequence"], lost["last_sequence"], lost["count"]) == (10, 11, 2)
    assert (lost["from"], lost["to"]) == (time_text(9), time_text(14))
    assert (still_open["from"], still_open["to"]) == (time_text(9), time_text(14))
    assert still_open["id"] == f"{HEARD}-5eed0001-12-13"
    assert gateway.client.gaps(HEARD, limit=1) == [closed]
    assert gateway.client.gaps(REGISTERED) == []
    assert gateway.client.meter(HEARD)["gaps"] == [closed, still_open, lost]


def test_a_back_fill_is_made_followed_and_finished_across_a_restart(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    wish = {"from": time_text(3), "to": time_text(6)}
    made = gateway.client.backfill(HEARD, wish)
    assert made == {
        "meter_id": HEARD,
        "number": 1,
        "state": "standing",
        "epoch": "5eed0001",
        "first_sequence": 3,
        "last_sequence": 6,
        **wish,
        "made_at": made["made_at"],
        "finished_at": None,
        "asked": 4,
        "returned": 0,
        "lost": 0,
        "remaining": 4,
        "conflicts": 0,
        "conflicting": [],
    }
    link.ask(meter, meter.poll())
    assert meter.asked == [(10, 14), (3, 6)]
    link.ask(meter, meter.readings(record(3), record(4, forward_pulses=1)))

    gateway.kill()
    gateway.start()
    with closing(gateway.dial()) as again:
        again.ask(meter, meter.poll())
        assert meter.asked == [(10, 14), (5, 6)]
        again.ask(meter, meter.lost((5, 6)))
    finished = gateway.client.backfill_progress(HEARD, 1)
    assert finished["finished_at"] is not None
    counts = (finished["returned"], finished["lost"], finished["remaining"])
    assert (finished["state"], counts) == ("finished", (2, 2, 0))
    assert finished["conflicting"] == [f"{HEARD}-5eed0001-4"]
    assert finished["conflicts"] == 1
    assert gateway.client.backfills(HEARD) == [finished]
    assert gateway.client.gateway()["readings"]["stored"] == 0  # since the restart


WISHES: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({}, (0, 24)),
    ({"first_sequence": 5, "last_sequence": 5}, (5, 5)),
    ({"first_sequence": 20}, (20, 24)),
    ({"last_sequence": 3}, (0, 3)),
    ({"from": None, "to": time_text(2).rstrip("Z")}, (0, 2)),
    ({"from": "2026-09-21T22:15:00+02:00"}, (24, 24)),
    ({"from": time_text(11), "to": time_text(12)}, (10, 14)),
]


def test_a_back_fill_covers_what_was_wished(gateway: GatewayRun, link: MeterLink) -> None:
    for wish, bounds in WISHES:
        made = gateway.client.backfill(HEARD, wish)
        assert (made["first_sequence"], made["last_sequence"]) == bounds, wish
        assert made["asked"] == made["remaining"] == bounds[1] - bounds[0] + 1, wish


IMPOSSIBLE: list[tuple[int, Any, int, str]] = [
    (STRANGER, {}, 404, "meter 1003 is not known"),
    (REGISTERED, {}, 409, "meter 1002 was never heard: ask once it has called"),
    (HEARD, {"since": 1}, 400, "there is no field since"),
    (HEARD, {"from": "yesterday"}, 400, '"yesterday" is not a time'),
    (HEARD, {"from": 5}, 400, '"5" is not a time'),
    (HEARD, {"from": "2026-09-22", "to": "2026-09-21"}, 400, "exchange them"),
    (HEARD, {"from": "2026-09-22", "last_sequence": 5}, 400, "give one of the two"),
    (HEARD, {"first_sequence": -1}, 400, "-1 is not a sequence"),
    (HEARD, {"first_sequence": True}, 400, "True is not a sequence"),
    (HEARD, {"last_sequence": 2**32}, 400, "4294967296 is not a sequence"),
    (HEARD, {"first_sequence": 9, "last_sequence": 8}, 400, "the first sequence (9)"),
    (HEARD, {"first_sequence": 1_000_000}, 409, "keeps records 0 to 24"),
    (HEARD, {"first_sequence": 9, "last_sequence": 25}, 409, "keeps records 0 to 24"),
    (HEARD, {"from": "2027-01-01"}, 409, "can have no record of that time"),
    (HEARD, {"to": "2020-01-01"}, 409, "can have no record of that time"),
    (HEARD, [], 400, "not a JSON object"),
]


def test_a_back_fill_that_cannot_be_is_refused_with_a_sentence(
    gateway: GatewayRun, link: MeterLink
) -> None:
    for meter_id, wish, status, sentence in IMPOSSIBLE:
        with pytest.raises(ClientError) as caught:
            gateway.client.backfill(meter_id, wish)
        assert caught.value.status == status, wish
        assert sentence in str(caught.value), wish
    assert gateway.client.backfills(HEARD) == []


def test_a_meter_without_records_cannot_be_asked(gateway: GatewayRun, link: MeterLink) -> None:
    new = ScriptedMeter(NEW)
    link.ask(new, new.hello())
    with pytest.raises(ClientError, match="has not made a record yet") as caught:
        gateway.client.backfill(NEW, {})
    assert caught.value.status == 409


def test_too_many_back_fills_at_once_are_refused(gateway: GatewayRun, link: MeterLink) -> None:
    for _ in range(20):
        gateway.client.backfill(HEARD, {})
    with pytest.raises(ClientError, match="20 back-fills of meter 1001") as caught:
        gateway.client.backfill(HEARD, {})
    assert caught.value.status == 409


OTHERS = [
    ("GET", f"/v1/meters/{HEARD}/backfills/1", 404),
    ("GET", f"/v1/meters/{HEARD}/backfills/x", 404),
    ("GET", f"/v1/meters/{STRANGER}/backfills", 404),
    ("GET", f"/v1/meters/{STRANGER}/gaps", 404),
    ("GET", f"/v1/meters/{HEARD}/gaps?limit=0", 400),
    ("GET", f"/v1/meters/{HEARD}/backfills?limit=3", 400),
    ("GET", f"/v1/meters/{HEARD}/backfills/1/2", 404),
    ("POST", f"/v1/meters/{HEARD}/backfills?from=3", 400),
    ("POST", f"/v1/meters/{HEARD}/gaps", 405),
    ("POST", "/v1/gateway", 405),
    ("DELETE", f"/v1/meters/{HEARD}/backfills", 405),
]


def test_other_questions_are_refused(gateway: GatewayRun, link: MeterLink) -> None:
    for method, path, status in OTHERS:
        connection = http.client.HTTPConnection("gateway")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(gateway.folder / "weir.sock"))
        with closing(connection):
            connection.request(method, path, headers={"Connection": "close"})
            answer = connection.getresponse()
            assert answer.status == status, path
            assert json.loads(answer.read())["error"]
