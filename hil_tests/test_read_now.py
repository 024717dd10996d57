"""A reading at any moment: of a meter that sleeps, in the next session, and fresh."""

from datetime import datetime

import pytest

from weir_bench.roles import Calendar, Gateway, Meter, Pressure, Pulses, Subscriber


@pytest.mark.meter(settings={"pressure_warm_up_ms": 0})  # on this bench a session takes no time
@pytest.mark.each_link
def test_a_sleeping_meter_is_read_when_it_calls_next_which_is_when_it_was_expected(
    calendar: Calendar,
    pulses: Pulses,
    pressure: Pressure,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    meter_id = meter.identity.meter_id
    calendar.let_pass(minutes=16)  # it has been heard, and knows the time
    made = gateway.client.read(meter_id, by="the bench")
    expected_at_s = datetime.fromisoformat(str(made["expected_at"])).timestamp()
    wait_s = expected_at_s - calendar.now_s
    assert 0 < wait_s <= meter.identity.send_interval_s

    pulses.send(forward=40)
    pressure.set_kpa(387)
    calendar.let_pass(seconds=wait_s - 2)
    assert subscriber.latest(f"{meter_id}/now") is None
    calendar.let_pass(seconds=10)
    subscriber.wait_until(lambda: subscriber.latest(f"{meter_id}/now") is not None, "the reading")

    answered = gateway.client.read_progress(meter_id, made["number"])
    reading = answered["reading"]
    assert reading is not None
    assert (answered["state"], answered["by"]) == ("answered", "the bench")
    assert (reading["forward_pulses"], reading["reverse_pulses"]) == (40, 0)
    assert reading["pressure_kpa"] == 387
    measured_at_s = datetime.fromisoformat(reading["measured_at"]).timestamp()
    assert expected_at_s - 2 <= measured_at_s <= expected_at_s + 10
    assert subscriber.retained(f"{meter_id}/now") == reading
