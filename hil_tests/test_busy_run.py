"""Gateway and broker are killed again and again while several meters go on. Nothing is missing."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from weir_bench.faulty_proxy import FAULTS, Script
from weir_bench.field import Field, open_field
from weir_bench.waiting import wait_until

Blow = Callable[[Field], None]

METERS = 5
MOMENT_S_MAX = 0.5  # a meter makes a record and calls within this time


def stored_count(field: Field) -> int:
    return sum(one["stored_count"] for one in field.gateway.client.meters())


def let_something_be_stored(field: Field) -> None:
    before = stored_count(field)
    wait_until(lambda: stored_count(field) > before, "the gateway to store something new")


def suffer(field: Field, blows: Sequence[Blow], seed: int) -> None:
    """Deal each blow at a moment of the seed's choice, once the gateway is at work again."""
    chance = random.Random(seed)
    for blow in blows:
        let_something_be_stored(field)
        time.sleep(chance.uniform(0, MOMENT_S_MAX))
        blow(field)


def kill_gateway(field: Field) -> None:
    field.gateway.kill()
    field.gateway.start()


def stop_broker(field: Field) -> None:
    field.broker.stop()
    let_something_be_stored(field)
    field.broker.start()


def kill_broker(field: Field) -> None:
    """It forgets what it had acknowledged a moment ago: its PUBACK goes out before the write."""
    field.broker.kill()
    let_something_be_stored(field)
    field.broker.start()


def replay_all(field: Field) -> None:
    """Have everything published again, and wait until the subscriber has heard of it."""
    for meter in field.fleet.meters:
        field.gateway.client.replay(meter.identity.meter_id)
    field.gateway.wait_until_published()
    field.subscriber.catch_up()


def kill_gateway_without_broker(field: Field) -> None:
    field.broker.stop()
    kill_gateway(field)
    let_something_be_stored(field)
    kill_gateway(field)
    field.broker.start()


def cut_power_of_a_meter(field: Field) -> None:
    field.fleet.cut_power(field.fleet.meters[0])


BLOWS: Sequence[Blow] = (
    kill_gateway,
    stop_broker,
    kill_gateway_without_broker,
    cut_power_of_a_meter,
)


def test_kills_at_any_moment_of_gateway_broker_and_meter_cost_no_reading(tmp_path: Path) -> None:
    blows: list[Blow] = [
        kill_gateway,
        stop_broker,
        kill_gateway,
        cut_power_of_a_meter,
        kill_gateway_without_broker,
        kill_gateway,
    ]
    with open_field(tmp_path, [Script((), seed=place) for place in range(METERS)]) as field:
        suffer(field, blows, seed=1)
        field.drain()
        field.check_that_all_arrived()


def test_what_a_killed_broker_had_acknowledged_and_lost_comes_with_a_replay(
    tmp_path: Path,
) -> None:
    with open_field(tmp_path, [Script((), seed=place) for place in range(METERS)]) as field:
        suffer(field, [kill_broker, kill_gateway], seed=2)
        field.drain()
        replay_all(field)
        field.check_that_all_arrived()


def test_what_a_broker_forgot_with_its_subscribers_is_replayed_under_the_same_ids(
    tmp_path: Path,
) -> None:
    with open_field(tmp_path, [Script((), seed=0)]) as field:
        let_something_be_stored(field)
        field.gateway.wait_until_published()
        field.subscriber.close()
        let_something_be_stored(field)
        let_something_be_stored(field)
        field.drain_to_broker()
        field.broker.kill()
        field.broker.forget()
        field.broker.start()
        field.subscriber.open()
        missing = stored_count(field) - len(field.subscriber.readings)
        assert missing >= 2
        replay_all(field)
        field.check_that_all_arrived()


@pytest.mark.soak
@pytest.mark.timeout(1800)  # for a machine that has other things to do
@pytest.mark.parametrize("seed", range(5))
def test_many_kills_on_bad_lines_cost_no_reading(tmp_path: Path, seed: int) -> None:
    blows = random.Random(seed).choices(BLOWS, k=40)
    scripts = [Script(FAULTS, seed=100 * seed + place, gap_size=1000) for place in range(METERS)]
    with open_field(tmp_path, scripts) as field:
        suffer(field, blows, seed)
        field.calm()
        field.drain()
        field.check_that_all_arrived()
