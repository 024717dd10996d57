"""A gateway process between real meters' links and a real broker: from frame to MQTT."""

import random
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink, PtyLink
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import ScriptedMeter
from peers.waiting import wait_for

METER = 1001


def ids(first: int, last: int, meter_id: int = METER) -> list[str]:
    return [f"{meter_id}-5eed0001-{sequence}" for sequence in range(first, last + 1)]


@pytest.fixture
def meter() -> ScriptedMeter:
    return ScriptedMeter(METER)


@pytest.fixture(params=["pty", "tcp"])
def link(
    request: pytest.FixtureRequest, gateway: GatewayRun, meter: ScriptedMeter
) -> Iterator[MeterLink]:
    """A started gateway and a meter's link to it, over a pty and over TCP."""
    gateway.write_keys(meter)
    with ExitStack() as stack:
        if request.param == "pty":
            pty = stack.enter_context(closing(PtyLink(gateway.folder / "port")))
            gateway.add_config('[[serial]]\nport = "port"\n')
            gateway.start()
            yield pty
        else:
            gateway.start()
            yield stack.enter_context(closing(gateway.dial()))


def test_readings_arrive_on_mqtt_in_order_once(
    gateway: GatewayRun, consumer: Consumer, meter: ScriptedMeter, link: MeterLink
) -> None:
    link.ask(meter, meter.hello(sequence_next=60))
    answer = link.ask(meter, b"".join(meter.span(at, at + 9) for at in range(0, 60, 10)), count=6)
    assert answer["resume_at"] == 60
    wait_for(lambda: len(consumer.reading_ids()) >= 60, "60 readings on MQTT")
    wait_for(lambda: consumer.newest(f"weir/{METER}/state"), "a state on MQTT")
    assert consumer.reading_ids() == ids(0, 59)
    assert consumer.newest(f"weir/{METER}/availability")["availability"] == "online"
    state = wait_for(lambda: consumer.newest(f"weir/{METER}/state"), "the state")
    assert state["meter_id"] == METER


def test_frames_that_come_byte_by_byte_among_noise_are_understood(
    gateway: GatewayRun, meter: ScriptedMeter, link: MeterLink
) -> None:
    stream = b"\x00\x07noise\x00" + meter.hello() + b"\x00\x00" + meter.span(0, 4)
    for byte in stream[:-1]:
        link.send(bytes([byte]))
    answer = link.ask(meter, stream[-1:], count=2)
    assert answer["resume_at"] == 5


def test_a_meter_that_changes_its_link_goes_on_where_it_was(
    gateway: GatewayRun, consumer: Consumer, meter: ScriptedMeter
) -> None:
    gateway.write_keys(meter)
    gateway.add_config('[[serial]]\nport = "port"\n')
    with closing(PtyLink(gateway.folder / "port")) as serial:
        gateway.start()
        with closing(gateway.dial()) as tcp:
            counters = [serial.ask(meter, meter.hello())["counter"]]
            for first, link in zip(range(0, 40, 10), (serial, tcp, serial, tcp), strict=True):
                answer = link.ask(meter, meter.span(first, first + 9))
                assert answer["resume_at"] == first + 10
                counters.append(answer["counter"])
            assert counters == sorted(set(counters))
    wait_for(lambda: len(consumer.reading_ids()) >= 40, "40 readings on MQTT")
    assert consumer.reading_ids() == ids(0, 39)


def test_a_newly_registered_meter_is_served_without_a_restart(
    gateway: GatewayRun, meter: ScriptedMeter
) -> None:
    late = ScriptedMeter(2002, key=bytes(range(16, 32)))
    gateway.write_keys(meter)
    gateway.start()
    with closing(gateway.dial()) as link:
        link.send(late.hello())
        wait_for(lambda: gateway.client.gateway()["refused"], "the refusal")
        assert gateway.client.gateway()["refused"] == {"unknown_meter": 1}
        gateway.write_keys(meter, late)
        wait_for(lambda: gateway.client.gateway()["meters"]["registered"] == 2, "the new key")
        assert link.ask(late, late.hello())["resume_at"] == 0


def test_a_meter_with_a_new_key_is_served_with_it_and_no_more_with_the_old(
    gateway: GatewayRun, meter: ScriptedMeter
) -> None:
    gateway.write_keys(meter)
    gateway.start()
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello())
        renewed = ScriptedMeter(METER, key=bytes(16), epoch=9)
        gateway.write_keys(renewed)

        def answered() -> bool:
            link.send(renewed.hello())
            return bool(link.receive(seconds=0.5))

        wait_for(answered, "the new key to be in force")
        link.send(meter.span(0, 4))
        wait_for(lambda: gateway.client.gateway()["refused"].get("wrong_key"), "the refusal")
    assert gateway.stored_count(METER) == 0


def test_floods_of_rubbish_and_strangers_change_nothing_for_a_good_meter(
    gateway: GatewayRun, consumer: Consumer, meter: ScriptedMeter
) -> None:
    chance = random.Random(1)
    gateway.write_keys(meter)
    gateway.start()
    stranger, impostor = ScriptedMeter(666), ScriptedMeter(METER, key=bytes(16))
    with ExitStack() as stack:
        good, bad = (stack.enter_context(closing(gateway.dial())) for _ in range(2))
        hello = meter.hello()
        good.ask(meter, hello)
        for first in range(0, 300, 10):
            bad.send(chance.randbytes(chance.randrange(2000)) + b"\x00")
            bad.send(stranger.hello() + impostor.hello() + impostor.span(first, first + 9) + hello)
            answer = good.ask(meter, meter.span(first, first + 9))
            assert answer["resume_at"] == first + 10
        wait_for(lambda: gateway.client.gateway()["refused"].get("replay") == 30, "the refusals")
        refused = gateway.client.gateway()["refused"]
        assert bad.receive(seconds=0.2) == b""
    consumer.expect_all(METER, ids(0, 299))
    assert (refused["unknown_meter"], refused["wrong_key"]) == (30, 60)
    assert sum("refused from tcp 127.0.0.1" in line for line in gateway.log().splitlines()) == 1


def test_a_port_that_is_unplugged_and_plugged_in_again_is_used_again(
    gateway: GatewayRun, meter: ScriptedMeter
) -> None:
    gateway.write_keys(meter)
    gateway.add_config('[[serial]]\nport = "port"\n')
    first = PtyLink(gateway.folder / "port")
    gateway.start()
    first.ask(meter, meter.hello())
    first.close()
    wait_for(lambda: gateway.client.gateway()["links"][0]["problem"], "the loss to be told")
    with closing(PtyLink(gateway.folder / "port")) as second:
        wait_for(lambda: not gateway.client.gateway()["links"][0]["problem"], "its end")
        assert second.ask(meter, meter.span(0, 4))["resume_at"] == 5


def test_the_status_says_online_and_after_a_clean_stop_offline(
    gateway: GatewayRun, broker: Mosquitto, consumer: Consumer
) -> None:
    gateway.start()
    topic = "weir/gateway/gw1/status"
    wait_for(lambda: consumer.newest(topic), "a status")
    assert consumer.newest(topic)["status"] == "online"
    assert gateway.terminate() == 0
    expected = {"gateway": "gw1", "status": "offline", "reason": "stopped"}
    wait_for(lambda: consumer.newest(topic) == expected, "the goodbye")

    gateway.start()
    wait_for(lambda: consumer.newest(topic)["status"] == "online", "the next status")
    gateway.kill()
    expected["reason"] = "connection lost"
    wait_for(lambda: consumer.newest(topic) == expected, "the will")


def test_a_scaled_calendar_is_told_to_meters_and_on_mqtt(
    gateway: GatewayRun, consumer: Consumer, meter: ScriptedMeter
) -> None:
    gateway.write_keys(meter)
    gateway.add_config('[clock]\nstart = "2021-03-01T00:00:00Z"\nspeed = 900.0\n')
    gateway.start()
    with closing(gateway.dial()) as link:
        told = [link.ask(meter, meter.hello())["time_s"] for _ in range(2)]
        answer = link.ask(meter, meter.span(0, 0))
    assert 1_614_556_800 <= told[0] < answer["time_s"] < 1_614_556_800 + 30 * 900
    wait_for(consumer.reading_ids, "a reading")
    assert consumer.newest(f"weir/{METER}/reading")["received_at"].startswith("2021-03-0")


def test_the_files_that_matter_are_private(gateway: GatewayRun, meter: ScriptedMeter) -> None:
    gateway.start()
    for name in ("weir.sock", "weir.db", "weir.db-wal", "weir.db-shm", "weir.db.lock"):
        assert stat.S_IMODE((gateway.folder / name).stat().st_mode) == 0o600, name
