"""Events go out in order, from the oldest on, until the gateway says what it holds."""

from watch_rig import WatchRig, items_of

from weir.assembly import EVENT_SECTOR
from weir.link import tables_gen as t
from weir.store.slots import SLOT_SIZE

CAPACITY = 3  # events in a body of the rig


def rig_with_events(count: int) -> WatchRig:
    rig = WatchRig()
    for value in range(count):
        assert rig.notes.note(1000 * value, t.EVENT_RESTARTED, value, value + 1)
    return rig


def values(rig: WatchRig) -> "list[int]":
    return [item[5] for item in rig.deliver()]


def test_an_event_is_told_as_it_was_noted() -> None:
    rig = rig_with_events(2)
    told = rig.deliver()
    assert [item[0] for item in told] == [0, 1]
    assert [list(item[1:]) for item in told] == rig.noted()


def test_a_body_names_the_settings_in_force_and_holds_as_many_as_fit() -> None:
    rig = rig_with_events(7)
    body = rig.outbox.next_body(0x1FE)
    assert body is not None
    assert body[0] == 0xFE
    assert len(items_of(body)) == CAPACITY


def test_they_go_out_in_order_and_each_once() -> None:
    rig = rig_with_events(7)
    assert [values(rig) for _ in range(4)] == [[0, 1, 2], [3, 4, 5], [6], []]
    assert not rig.outbox.pending


def test_what_is_not_delivered_is_given_again_with_what_has_come_meanwhile() -> None:
    rig = rig_with_events(1)
    first = rig.outbox.next_body(0)
    assert rig.outbox.next_body(0) == first
    rig.notes.note(0, t.EVENT_RESTARTED, 1)
    assert values(rig) == [0, 1]


def test_what_comes_after_a_body_was_given_is_not_delivered_with_it() -> None:
    rig = rig_with_events(1)
    rig.outbox.next_body(0)
    rig.notes.note(0, t.EVENT_RESTARTED, 1)
    rig.outbox.delivered()
    assert rig.outbox.pending
    assert values(rig) == [1]


def test_the_gateway_says_where_to_go_on() -> None:
    rig = rig_with_events(7)
    rig.outbox.resume_from(5)
    assert values(rig) == [5, 6]
    rig.outbox.resume_from(2)
    assert values(rig) == [2, 3, 4]
    rig.outbox.resume_from(7)
    assert not rig.outbox.pending


def test_an_answer_to_what_was_given_before_moves_nothing() -> None:
    rig = rig_with_events(7)
    rig.outbox.next_body(0)
    rig.outbox.resume_from(1)
    rig.outbox.delivered()
    assert values(rig) == [1, 2, 3]


def test_a_gateway_that_holds_more_lets_the_numbers_go_on_from_there() -> None:
    rig = rig_with_events(2)
    rig.outbox.resume_from(40)
    assert not rig.outbox.pending
    rig.notes.note(0, t.EVENT_RESTARTED, 99)
    assert [(item[0], item[5]) for item in rig.deliver()] == [(40, 99)]


def test_a_gateway_that_claims_to_hold_far_more_is_not_believed() -> None:
    rig = rig_with_events(2)
    rig.outbox.resume_from(0x40000000)
    rig.notes.note(0, t.EVENT_RESTARTED, 99)
    assert [(item[0], item[5]) for item in rig.deliver()] == [(2, 99)]


def test_what_the_ring_has_overwritten_is_left_out() -> None:
    rig = rig_with_events(600)
    rig.outbox.resume_from(0)
    sequence = rig.deliver()[0][0]
    assert sequence == rig.events.sequence_oldest > 0


def rot(rig: WatchRig, sequence: int) -> None:
    """Spoil an event of the ring's first sector."""
    begins = EVENT_SECTOR * rig.flash.sector_size + (1 + sequence) * SLOT_SIZE
    rig.flash.cells[begins : begins + SLOT_SIZE] = bytes(SLOT_SIZE)


def test_events_that_cannot_be_read_are_left_out_and_end_the_rest() -> None:
    rig = rig_with_events(4)
    rot(rig, 1)
    rot(rig, 3)
    assert values(rig) == [0, 2]
    assert not rig.outbox.pending
    rig.outbox.resume_from(3)
    assert [values(rig) for _ in range(2)] == [[], []]
    assert rig.outbox.next_body(0) is None


def test_every_value_that_an_event_can_have_is_told() -> None:
    rig = WatchRig()
    event = [0xFFFFFFFF, 7, 255, 2, -0x80000000, 0x7FFFFFFF, 0xFFFFFFFF]
    rig.events.append(event)
    [told] = rig.deliver()
    assert list(told[1:]) == event[:6]  # what is raised after it stays in flash
