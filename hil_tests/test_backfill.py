"""History is recovered from the meter's own memory when somebody asks for it."""

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import Calendar, Gateway, Meter, Pulses, Subscriber
from weir_bench.waiting import wait_until

RATE_HZ = 0.125


@pytest.mark.each_link
def test_a_meter_gives_its_history_again_and_nothing_that_is_held_changes(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.run(forward_hz=RATE_HZ)
    calendar.let_pass(hours=12)
    let_backlog_go(calendar, meter)
    before = collect(gateway, subscriber, count=48)

    meter_id = meter.identity.meter_id
    asked = gateway.client.backfill(
        meter_id, {"from": before[8]["measured_at"], "to": before[39]["measured_at"]}
    )
    assert (asked["first_sequence"], asked["last_sequence"]) == (8, 39)
    calendar.let_pass(hours=1, seconds=1)
    let_backlog_go(calendar, meter)
    wait_until(
        lambda: gateway.client.backfill_progress(meter_id, 1)["state"] == "finished",
        "the meter to give what it was asked for",
    )

    told = gateway.client.backfill_progress(meter_id, 1)
    assert (told["returned"], told["lost"], told["conflicts"]) == (32, 0, 0)
    assert collect(gateway, subscriber, count=53)[:48] == before
    assert subscriber.repeats == []
    assert gateway.client.gaps(meter_id) == []
