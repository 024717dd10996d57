"""What scenarios that end at MQTT have in common."""

from weir_bench.roles import Calendar, Document, Gateway, Meter, Subscriber


def let_backlog_go(calendar: Calendar, meter: Meter) -> None:
    """Let the meter's next slot come, in which it sends what it has. It makes no record before.

    To be called when a record has just been made, with store and send intervals of one length.
    """
    calendar.let_pass(seconds=meter.identity.send_interval_s - 1)


def collect(gateway: Gateway, subscriber: Subscriber, *, count: int) -> list[Document]:
    """Return the readings that have arrived, by sequence, once nothing more is on its way.

    They are ``count`` different ones, of one epoch, without a hole; whatever came twice was the
    same both times, but that it may have become ``historical`` in between.
    """
    subscriber.wait_for_readings(count)
    gateway.wait_until_published()
    subscriber.catch_up()
    readings = subscriber.wait_for_readings(count)
    assert len({reading["epoch"] for reading in readings}) == 1
    assert [reading["sequence"] for reading in readings] == list(range(count))
    for repeat in subscriber.repeats:
        first = subscriber.readings[repeat["id"]]
        assert {**repeat, "historical": None} == {**first, "historical": None}
    return readings
