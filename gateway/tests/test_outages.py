"""Brokers that are away for long, come and go, or forget; and a disk that is full for real."""

import random
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, Bookkeeping
from peers.gateway_run import GatewayRun
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import ScriptedMeter
from peers.waiting import wait_for

METER = 1001
BACKLOG_METERS = 100
BACKLOG_EACH = 3000
MEMORY_MB_MAX = 80
"""Of a gateway with 300,000 readings waiting; to hold them would take several times as much."""

FILL = """
INSERT INTO readings (meter_id, epoch, sequence, taken_at_s, time_quality, measured_at_s,
    forward_pulses, reverse_pulses, peak_flow_pulses, status, pulse_weight_ml, sample_interval_s,
    received_at_ms)
WITH RECURSIVE counted(sequence) AS (
    SELECT 0 UNION ALL SELECT sequence + 1 FROM counted WHERE sequence + 1 < ?
)
SELECT ?, ?, sequence, 1790000000 + 900 * sequence, 1, 1790000000 + 900 * sequence,
    7 * sequence, 0, 3, 0, 10, 60, 1790000000000
FROM counted
"""


def ids(count: int) -> list[str]:
    return [f"{METER}-5eed0001-{sequence}" for sequence in range(count)]


def memory_peak_mb(run: GatewayRun) -> float:
    assert run.running is not None
    status = Path(f"/proc/{run.running.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def backlog(run: GatewayRun) -> int:
    return run.client.gateway()["readings"]["backlog"]


def has_at_most(run: GatewayRun, count: int) -> bool:
    return backlog(run) <= count


def test_memory_stays_bounded_with_a_large_backlog_and_while_it_goes_out(
    gateway: GatewayRun, broker: Mosquitto
) -> None:
    broker.stop()
    books = Bookkeeping(gateway.folder / "weir.db")
    with books.connection:
        books.connection.execute("BEGIN")
        for meter_id in range(1, BACKLOG_METERS + 1):
            books.hello(meter_id=meter_id)
            books.connection.execute(FILL, (BACKLOG_EACH, meter_id, EPOCH))
    books.connection.close()

    gateway.start()
    assert backlog(gateway) == BACKLOG_METERS * BACKLOG_EACH
    waiting_mb = memory_peak_mb(gateway)
    broker.start()
    wait_for(lambda: gateway.client.gateway()["readings"]["published"] > 10_000, "some to be out")
    publishing_mb = memory_peak_mb(gateway)
    assert waiting_mb < MEMORY_MB_MAX
    assert publishing_mb < MEMORY_MB_MAX


def test_a_broker_that_comes_and_goes_gets_every_reading_in_the_order_of_its_lane(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    chance = random.Random(3)
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start()
    sent = 0
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        for _ in range(3):
            broker.stop()
            more = sent + chance.randrange(300, 700)
            for first in range(sent, more, 20):
                link.ask(meter, meter.span(first, min(first + 19, more - 1)))
            sent = more
            broker.start()
            half = partial(has_at_most, gateway, sent // 2)
            wait_for(half, "a part of it to be out")
    gateway.kill()
    gateway.start()
    consumer.expect_all(METER, ids(sent))
    wait_for(lambda: backlog(gateway) == 0, "an empty backlog")


def test_what_a_broker_forgot_after_its_puback_arrives_by_a_replay(
    gateway: GatewayRun, broker: Mosquitto
) -> None:
    meter = ScriptedMeter(METER)
    away = Consumer(broker.port)
    away.close()  # its session waits at the broker
    gateway.write_keys(meter)
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        for first in range(0, 100, 20):
            link.ask(meter, meter.span(first, first + 19))
    wait_for(lambda: gateway.client.gateway()["readings"]["published"] == 100, "all published")

    broker.forget()
    back = Consumer(broker.port)
    wait_for(lambda: gateway.client.gateway()["broker"]["connected"], "the broker again")
    assert back.reading_ids() == []
    assert gateway.client.replay(METER)["readings"] == 100
    wait_for(lambda: len(back.reading_ids()) == 100, "the replay")
    assert back.reading_ids() == ids(100)
    back.close()


@pytest.fixture
def small_disk(gateway: GatewayRun) -> Iterator[Path]:
    """A file system of 2 MB with the gateway's database on it."""
    folder = gateway.folder / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted: that needs root")
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("[mqtt]", 'database = "disk/weir.db"\n\n[mqtt]'))
    yield folder
    gateway.close()
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_disk_that_is_full_nothing_is_acknowledged_until_there_is_room(
    gateway: GatewayRun, consumer: Consumer, small_disk: Path
) -> None:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        link.ask(meter, meter.span(0, 19))
        filler = small_disk / "filler"
        fill(filler)
        acknowledged = 20
        while not gateway.client.gateway()["store"]["problem"]:
            link.send(meter.span(acknowledged, acknowledged + 19))
            answers = meter.answers(link.receive(seconds=1.0))
            acknowledged += 20 * len(answers)
            assert acknowledged < 100_000, "the disk never filled"
        wait_for(lambda: "takes nothing now" in told_problem(consumer), "the problem on MQTT")
        link.send(meter.span(acknowledged, acknowledged + 19))
        assert link.receive(seconds=1.0) == b""

        filler.unlink()
        answer = link.ask(meter, meter.span(acknowledged, acknowledged + 19))
        assert answer["resume_at"] == acknowledged + 20
    assert gateway.client.gateway()["store"]["problem"] is None
    wait_for(lambda: told_problem(consumer) == "None", "its end on MQTT")
    consumer.expect_all(METER, ids(acknowledged + 20))
    wait_for(lambda: backlog(gateway) == 0, "an empty backlog")


def told_problem(consumer: Consumer) -> str:
    status = consumer.newest("weir/gateway/gw1/status")
    return str(status["store"]["problem"]) if status else "no status yet"


def fill(path: Path) -> None:
    """Write until the disk takes no more, not even a byte."""
    with path.open("wb", buffering=0) as file:
        for size in (65536, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def test_the_database_is_whole_after_all_that(gateway: GatewayRun, small_disk: Path) -> None:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        link.ask(meter, meter.span(0, 19))
        fill(small_disk / "filler")
        link.send(b"".join(meter.span(at, at + 19) for at in range(20, 2000, 20)))
        wait_for(lambda: gateway.client.gateway()["store"]["problem"], "the full disk")
        gateway.kill()
    (small_disk / "filler").unlink()
    gateway.start()
    with closing(sqlite3.connect(small_disk / "weir.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(gateway.dial()) as link:
        assert link.ask(meter, meter.span(2000, 2000))["resume_at"] == 2001
