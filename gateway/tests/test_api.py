"""What a running gateway tells over its local interface."""

import itertools
from collections.abc import Iterator

import pytest

from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink
from peers.scripted_meter import ScriptedMeter, record
from peers.waiting import wait_for
from weir_gateway.client import ClientError

HEARD, REGISTERED, STRANGER = 1001, 1002, 1003


@pytest.fixture
def meter() -> ScriptedMeter:
    return ScriptedMeter(HEARD)


@pytest.fixture
def link(gateway: GatewayRun, meter: ScriptedMeter) -> Iterator[MeterLink]:
    """A started gateway with two registered meters, one of which was heard, and a link to it."""
    gateway.write_keys(meter, ScriptedMeter(REGISTERED))
    gateway.start()
    dialled = gateway.dial()
    dialled.ask(meter, meter.hello(sequence_next=30))
    dialled.ask(meter, meter.span(0, 9))
    dialled.ask(meter, meter.span(15, 24))
    yield dialled
    dialled.close()


def test_the_gateway_tells_of_itself(gateway: GatewayRun, link: MeterLink) -> None:
    wait_for(lambda: gateway.client.gateway()["readings"]["backlog"] == 0, "publication")
    link.send(b"\x09rubbish\x00")
    wait_for(lambda: gateway.client.gateway()["refused"], "a refusal")
    told = gateway.client.gateway()

    assert (told["gateway"], told["status"]) == ("gw1", "online")
    assert told["meters"] == {"registered": 2, "online": 1, "silent": 0, "unknown": 1}
    assert told["readings"] == {
        "stored": 20,
        "repeats": 0,
        "lost": 0,
        "published": 20,
        "backlog": 0,
    }
    assert told["alarms"] == {"active": 0, "unacknowledged": 0}
    store = told["store"]
    assert (store["problem"], store["alarm"], store["warning"]) == (None, None, None)
    assert (store["growth_bytes_per_h"], store["hours_left"]) == (None, None)
    assert min(store["size_bytes"] or 0, store["free_bytes"] or 0) > 0
    assert told["broker"] == {"connected": True, "protocol": "5.0", "problem": None}
    assert told["links"] == [
        {
            "kind": "tcp",
            "place": f"127.0.0.1:{gateway.tcp_port}",
            "connections": 1,
            "problem": None,
        }
    ]
    assert told["refused"] == {"malformed": 1}
    assert told["refused_by_source"] == {"tcp 127.0.0.1": {"malformed": 1}}


def test_meters_registered_and_heard_are_listed(gateway: GatewayRun, link: MeterLink) -> None:
    heard, registered = gateway.client.meters()
    assert (heard["meter_id"], heard["registered"], heard["availability"]) == (
        HEARD,
        True,
        "online",
    )
    assert (heard["stored_count"], heard["epoch"]) == (20, "5eed0001")
    assert heard["state"] is not None
    assert heard["state"]["reading_id"] == f"{HEARD}-5eed0001-24"
    assert registered == {
        "meter_id": REGISTERED,
        "registered": True,
        "availability": "unknown",
        "first_seen": None,
        "last_seen": None,
        "epoch": None,
        "stored_count": 0,
        "state": None,
    }


def test_a_meter_tells_its_gaps_and_its_hello(gateway: GatewayRun, link: MeterLink) -> None:
    told = gateway.client.meter(HEARD)
    assert told["resume_at"] == 10
    (gap,) = told["gaps"]
    assert (gap["first_sequence"], gap["last_sequence"], gap["state"]) == (10, 14, "open")
    assert told["hello"] is not None
    assert told["hello"]["sequence_next"] == 30
    assert gateway.client.meter(REGISTERED)["hello"] is None


def test_a_meter_that_lost_its_key_is_still_told(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    gateway.write_keys()
    wait_for(lambda: not gateway.client.meter(HEARD)["registered"], "the key file to be read")
    assert [one["meter_id"] for one in gateway.client.meters()] == [HEARD]


def test_the_newest_readings_come_in_order(gateway: GatewayRun, link: MeterLink) -> None:
    page = gateway.client.readings(HEARD, limit=3)
    assert [one["sequence"] for one in page["readings"]] == [22, 23, 24]
    assert page["next"] is None
    assert len(gateway.client.readings(HEARD)["readings"]) == 20
    assert gateway.client.readings(REGISTERED) == {"readings": [], "next": None}


def test_all_readings_can_be_paged_through(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    meter.epoch = 7
    link.ask(meter, meter.hello())
    link.ask(meter, meter.readings(record(0), record(1)))
    ids: list[str] = []
    after = "0"
    for _ in itertools.count():
        page = gateway.client.readings(HEARD, limit=7, after=after)
        ids += [one["id"] for one in page["readings"]]
        if page["next"] is None:
            break
        after = page["next"]
    sequences = [*range(10), *range(15, 25)]
    assert ids == [f"{HEARD}-5eed0001-{one}" for one in sequences] + [
        f"{HEARD}-00000007-{one}" for one in (0, 1)
    ]


WRONG_QUESTIONS = [
    ("/", 404, "there is no /"),
    ("/v1/meter", 404, "see docs/api.md"),
    ("/v1/meters/1003", 404, "meter 1003 is not known"),
    ("/v1/meters/1003/readings", 404, "meter 1003 is not known"),
    ("/v1/meters/x", 400, '"x" is not a meter number'),
    ("/v1/meters/4294967296", 400, "is not a meter number"),
    ("/v1/meters/-1", 400, "is not a meter number"),
    ("/v1/meters/1001/readings?limit=0", 400, "from 1 to 1000"),
    ("/v1/meters/1001/readings?limit=1001", 400, "from 1 to 1000"),
    ("/v1/meters/1001/readings?limit=many", 400, '"many" is not a usable limit'),
    ("/v1/meters/1001/readings?after=5", 400, "is not the id of a reading of this meter"),
    ("/v1/meters/1001/readings?after=1001-5eed0001-12", 400, "is not the id of a reading"),
    ("/v1/meters/1001/readings?after=1002-5eed0001-1", 400, "is not the id of a reading"),
    ("/v1/meters/1001/readings?before=5", 400, "there is no option before"),
    ("/v1/gateway?verbose=1", 400, "there is no option verbose"),
]


def test_a_wrong_question_is_refused_with_a_sentence(gateway: GatewayRun, link: MeterLink) -> None:
    for path, status, sentence in WRONG_QUESTIONS:
        with pytest.raises(ClientError) as caught:
            gateway.client.ask(path)
        assert caught.value.status == status, path
        assert sentence in str(caught.value), path
