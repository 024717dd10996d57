"""From a pulse that runs backwards to MQTT: an alarm is told once, stays, is seen, and clears."""

import pytest

from weir_bench.delivery import let_backlog_go
from weir_bench.roles import Calendar, Document, Gateway, Meter, Pulses, Subscriber


def phases(subscriber: Subscriber, name: str) -> list[str]:
    return [event["phase"] for event in subscriber.events if event["name"] == name]


def await_active(subscriber: Subscriber, meter: Meter, count: int) -> list[Document]:
    """Wait until so many alarms are active; return those that a newcomer is given."""
    topic = f"{meter.identity.meter_id}/alarms"
    subscriber.wait_until(
        lambda: (subscriber.latest(topic) or {}).get("active_count") == count,
        f"{count} active alarms",
    )
    document = subscriber.retained(topic)
    assert document is not None
    active: list[Document] = document["active"]
    return active


@pytest.mark.each_link
def test_reverse_flow_is_told_once_retained_while_it_lasts_and_cleared(
    calendar: Calendar, pulses: Pulses, meter: Meter, gateway: Gateway, subscriber: Subscriber
) -> None:
    calendar.let_pass(minutes=20)
    pulses.send(reverse=5)
    calendar.let_pass(minutes=2)
    subscriber.wait_until(lambda: phases(subscriber, "reverse_flow") == ["raise"], "the alarm")
    (alarm,) = await_active(subscriber, meter, 1)
    assert (alarm["name"], alarm["unit"], alarm["acknowledged"]) == ("reverse_flow", "l", None)
    assert alarm["value"] >= alarm["limit"] == 10

    gateway.client.acknowledge(alarm["id"], by="Ada", note="flap valve ordered")
    topic = f"{meter.identity.meter_id}/alarms"
    subscriber.wait_until(
        lambda: not (subscriber.latest(topic) or {})["unacknowledged_count"], "the note on MQTT"
    )
    gateway.kill()
    gateway.start()
    calendar.let_pass(minutes=20)
    let_backlog_go(calendar, meter)
    subscriber.wait_until(
        lambda: phases(subscriber, "reverse_flow") == ["raise", "clear"], "the end of the alarm"
    )
    assert await_active(subscriber, meter, 0) == []
    (past,) = gateway.client.alarms(past=True)
    assert past["acknowledged"] is not None
    assert past["acknowledged"]["note"] == "flap valve ordered"

    gateway.wait_until_published()
    subscriber.catch_up()
    own = [event for event in subscriber.events if event["source"] == "meter"]
    assert [event["sequence"] for event in own] == list(range(len(own)))
    times = [event["measured_at"] for event in own if event["name"] == "reverse_flow"]
    assert all(time.startswith("2021-03-01T00:") for time in times)
