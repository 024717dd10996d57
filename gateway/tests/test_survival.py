"""Killed, stopped, cut off from its broker or its disk: nothing acknowledged is lost."""

import random
import resource
import sqlite3
import threading
from contextlib import closing

import pytest

from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink, TcpLink
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import ScriptedMeter
from peers.sender import SPAN, Sender
from peers.waiting import wait_for

METER = 1001

KILLED_BEFORE_ANSWER = """
import os, pathlib, signal, sys
from weir_gateway.app import run
from weir_protocol.session import HostSession

answers_left = {answers}
acknowledge = HostSession.acknowledge

def die_before_the_last(*arguments, **keywords):
    global answers_left
    answers_left -= 1
    if answers_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return acknowledge(*arguments, **keywords)

HostSession.acknowledge = die_before_the_last
sys.exit(run(pathlib.Path(sys.argv[1])))
"""


@pytest.fixture
def sender(gateway: GatewayRun) -> Sender:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    return Sender(meter)


def in_background(sender: Sender, link: MeterLink, last: int) -> threading.Thread:
    """Let a meter send up to ``last`` in a thread that keeps no test run from ending."""
    thread = threading.Thread(target=sender.send, args=(link, last), daemon=True)
    thread.start()
    return thread


def await_progress(sender: Sender, count: int) -> None:
    wanted = sender.acknowledged + count
    wait_for(lambda: sender.acknowledged >= wanted, "load")


def finish(thread: threading.Thread) -> None:
    thread.join(60)
    assert not thread.is_alive(), "the sender does not notice that its gateway is gone"


def stored(gateway: GatewayRun) -> list[int]:
    connection = sqlite3.connect(gateway.folder / "weir.db")
    rows = connection.execute("SELECT sequence FROM readings ORDER BY sequence").fetchall()
    connection.close()
    return [sequence for (sequence,) in rows]


def expect_on_mqtt(consumer: Consumer, count: int, meter_id: int = METER) -> None:
    ids = [f"{meter_id}-5eed0001-{sequence}" for sequence in range(count)]
    consumer.expect_all(meter_id, ids)


def test_killed_between_commit_and_answer_nothing_is_lost_or_doubled(
    gateway: GatewayRun, consumer: Consumer, sender: Sender
) -> None:
    said_hello = False
    for kill in range(8):
        before = sender.acknowledged
        gateway.start(KILLED_BEFORE_ANSWER.format(answers=2 + kill % 3))
        with closing(gateway.dial()) as link:
            said_hello = said_hello or sender.hello(link)
            sender.send(link, 199)
        gateway.wait()
        held = stored(gateway)
        assert held == list(range(len(held)))
        assert len(held) == sender.acknowledged + SPAN, "the kill missed its moment"
        assert sender.acknowledged >= before
    gateway.start()
    with closing(gateway.dial()) as link:
        sender.send(link, 199)
    assert sender.acknowledged == 200
    assert stored(gateway) == list(range(200))
    assert gateway.client.gateway()["readings"]["repeats"] == SPAN
    expect_on_mqtt(consumer, 200)


def test_killed_at_any_moment_nothing_acknowledged_is_lost(
    gateway: GatewayRun, consumer: Consumer, sender: Sender
) -> None:
    chance = random.Random(7)
    said_hello = False
    for _ in range(6):
        gateway.start()
        with closing(gateway.dial()) as link:
            said_hello = said_hello or sender.hello(link)
            killer = threading.Timer(chance.uniform(0.01, 0.3), gateway.kill)
            killer.start()
            sender.send(link, 10**6)
            killer.join()
        assert len(stored(gateway)) >= sender.acknowledged
    last = sender.acknowledged + 20
    gateway.start()
    with closing(gateway.dial()) as link:
        sender.send(link, last)
    assert stored(gateway) == list(range(last + 1))
    expect_on_mqtt(consumer, last + 1)


def test_stopped_under_load_nothing_acknowledged_is_lost(
    gateway: GatewayRun, consumer: Consumer, sender: Sender
) -> None:
    for _ in range(2):
        gateway.start()
        with closing(gateway.dial()) as link:
            assert sender.hello(link)
            loading = in_background(sender, link, 10**6)
            await_progress(sender, 100)
            assert gateway.terminate() == 0
            finish(loading)
        held = stored(gateway)
        assert held == list(range(len(held)))
        assert len(held) >= sender.acknowledged
    assert "Traceback" not in gateway.log()
    expect_on_mqtt(consumer, len(stored(gateway)))


def test_what_is_stored_while_the_broker_is_away_goes_out_when_it_is_back(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer, sender: Sender
) -> None:
    gateway.start()
    with closing(gateway.dial()) as link:
        sender.hello(link)
        sender.send(link, 99)
        expect_on_mqtt(consumer, 100)
        broker.stop()
        wait_for(lambda: not gateway.client.gateway()["broker"]["connected"], "the loss")
        sender.send(link, 1999)
        told = gateway.client.gateway()
        assert told["readings"]["backlog"] >= 1900
        assert "readings wait" in str(told["broker"]["problem"])
        broker.start()
        expect_on_mqtt(consumer, 2000)
    wait_for(lambda: gateway.client.gateway()["readings"]["backlog"] == 0, "an empty backlog")


def test_a_gateway_that_starts_without_a_broker_takes_custody_all_the_same(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer, sender: Sender
) -> None:
    broker.stop()
    gateway.start()
    with closing(gateway.dial()) as link:
        sender.hello(link)
        sender.send(link, 49)
    assert gateway.terminate() == 0
    broker.start()
    gateway.start()
    expect_on_mqtt(consumer, 50)


def limit_files(gateway: GatewayRun, size_max: int) -> None:
    """Let the gateway's files grow no further than this, as on a full disk."""
    assert gateway.running is not None
    _, hard = resource.prlimit(gateway.running.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.running.pid, resource.RLIMIT_FSIZE, (size_max, hard))


def test_on_a_full_disk_nothing_is_acknowledged_and_it_recovers_by_itself(
    gateway: GatewayRun, consumer: Consumer, sender: Sender
) -> None:
    gateway.start()
    with closing(gateway.dial()) as link:
        sender.hello(link)
        sender.send(link, 1999)
        expect_on_mqtt(consumer, 2000)
        wait_for(lambda: gateway.client.gateway()["readings"]["backlog"] == 0, "all marked")

        limit_files(gateway, (gateway.folder / "gateway.log").stat().st_size + 4096)
        link.send(sender.meter.span(2000, 2000 + SPAN - 1))
        problem = wait_for(lambda: gateway.client.gateway()["store"]["problem"], "the problem")
        assert "takes nothing now" in str(problem)
        assert link.receive(seconds=0.5) == b""
        assert gateway.client.gateway()["refused"] == {"store": 1}
        status = "weir/gateway/gw1/status"
        wait_for(lambda: consumer.newest(status)["store"]["problem"], "the problem on MQTT")

        limit_files(gateway, resource.RLIM_INFINITY)
        sender.send(link, 2099)
    assert sender.acknowledged == 2100
    assert gateway.client.gateway()["store"]["problem"] is None
    expect_on_mqtt(consumer, 2100)
    assert stored(gateway) == list(range(2100))


def test_two_meters_and_two_links_under_kills_keep_their_own_order(
    gateway: GatewayRun, consumer: Consumer
) -> None:
    senders = [Sender(ScriptedMeter(meter_id)) for meter_id in (METER, 2002)]
    gateway.write_keys(*(one.meter for one in senders))
    links: list[TcpLink] = []
    for _ in range(3):
        gateway.start()
        links = [gateway.dial() for _ in senders]
        for one, link in zip(senders, links, strict=True):
            one.hello(link)
        sending = [
            in_background(one, link, one.acknowledged + 200)
            for one, link in zip(senders, links, strict=True)
        ]
        wait_for(lambda: gateway.stored_count(METER) > 50, "load")
        gateway.kill()
        for thread, link in zip(sending, links, strict=True):
            finish(thread)
            link.close()
    gateway.start()
    wait_for(lambda: gateway.client.gateway()["readings"]["backlog"] == 0, "an empty backlog")
    for one in senders:
        count = gateway.stored_count(one.meter.meter_id)
        assert count >= one.acknowledged
        expect_on_mqtt(consumer, count, one.meter.meter_id)
