"""A gateway whose database is damaged goes on: the meter's ring fills the fresh one."""

from contextlib import closing, suppress
from pathlib import Path

import pytest

from peers.gateway_run import GatewayRun
from peers.meter_links import TcpLink
from peers.mosquitto import Consumer
from peers.ruin import fold_log, junk_pages, overwrite, page_count
from peers.scripted_meter import ScriptedMeter
from peers.waiting import wait_for
from weir_gateway.client import ClientError
from weir_gateway.store import set_aside

METER = 1001
RECORDS = 3000
SPAN = 50


@pytest.fixture
def meter(gateway: GatewayRun) -> ScriptedMeter:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    return meter


def send_all(link: TcpLink, meter: ScriptedMeter) -> None:
    """Say hello and send the whole ring."""
    link.ask(meter, meter.hello(sequence_next=RECORDS))
    for first in range(0, RECORDS, SPAN):
        link.ask(meter, meter.span(first, first + SPAN - 1))
    assert link.ask(meter, meter.span(RECORDS - 1, RECORDS - 1))["resume_at"] == RECORDS


def set_aside_of(gateway: GatewayRun) -> list[Path]:
    return [one.path for one in set_aside.found(gateway.folder / "weir.db")]


def alarm_of(gateway: GatewayRun) -> str:
    return str(gateway.client.gateway()["store"]["alarm"])


def read_from_the_oldest(gateway: GatewayRun) -> bool:
    """Let the gateway look at pages that it has not read for long; return if it has a new file."""
    with suppress(ClientError):
        gateway.client.readings(METER, after="0", limit=1000)
    return bool(set_aside_of(gateway))


def test_damaged_while_it_runs_it_begins_anew_and_the_meter_refills_it(
    gateway: GatewayRun, consumer: Consumer, meter: ScriptedMeter
) -> None:
    gateway.start()
    database = gateway.folder / "weir.db"
    with closing(gateway.dial()) as link:
        send_all(link, meter)
        wait_for(lambda: gateway.client.gateway()["readings"]["backlog"] == 0, "all published")
        fold_log(database)
        junk_pages(database, range(2, page_count(database) + 1))
        wait_for(lambda: read_from_the_oldest(gateway), "the damage to be noticed")
        (kept,) = set_aside_of(gateway)
        assert str(kept) in alarm_of(gateway)
        status = "weir/gateway/gw1/status"
        wait_for(lambda: str(kept) in str(consumer.newest(status)["store"]["alarm"]), "the alarm")

        link.send(meter.span(0, 0))  # to a gateway that knows no meter: no answer
        send_all(link, meter)
    assert gateway.stored_count(METER) == RECORDS
    wait_for(lambda: gateway.client.gateway()["readings"]["backlog"] == 0, "all published again")
    ids = consumer.reading_ids()
    assert len(set(ids)) == RECORDS
    assert gateway.client.gateway()["store"]["problem"] is None

    gateway.kill()
    gateway.start()
    assert str(kept) in alarm_of(gateway)
    set_aside.beside(kept, set_aside.ACKNOWLEDGED).touch()
    assert gateway.client.gateway()["store"]["alarm"] is None
    assert "Traceback" not in gateway.log()


def test_damaged_before_it_starts_it_begins_anew(
    gateway: GatewayRun, meter: ScriptedMeter
) -> None:
    gateway.start()
    with closing(gateway.dial()) as link:
        send_all(link, meter)
    gateway.kill()
    fold_log(gateway.folder / "weir.db")
    overwrite(gateway.folder / "weir.db", 0, bytes(100))

    gateway.start()
    assert len(set_aside_of(gateway)) == 1
    with closing(gateway.dial()) as link:
        send_all(link, meter)
    assert gateway.stored_count(METER) == RECORDS


def test_a_lost_log_is_filled_from_the_ring_and_repeats_no_nonce(
    gateway: GatewayRun, meter: ScriptedMeter
) -> None:
    gateway.start()
    with closing(gateway.dial()) as link:
        send_all(link, meter)
    gateway.kill()
    for ending in ("-wal", "-shm"):
        (gateway.folder / f"weir.db{ending}").unlink()

    gateway.start()
    held = gateway.stored_count(METER)
    assert held < RECORDS
    with closing(gateway.dial()) as link:
        send_all(link, meter)  # the scripted meter refuses a counter that was used before
    assert gateway.stored_count(METER) == RECORDS
    assert gateway.client.gateway()["store"]["alarm"] is None
