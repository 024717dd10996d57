"""What is raised is durable first, marks the records, and calls, but not without bounds."""

from watch_rig import MINUTE_MS, NOON_MS, WatchRig

from weir.hal.senses import COVER, TRIGGER
from weir.link import tables_gen as t
from weir.settings import table_gen as k

NOON_S = NOON_MS // 1000
INTERVAL_MS = 900_000
RAISED_COVER = [NOON_S + 60, 1, k.A_TAMPER_COVER, t.PHASE_RAISE, 1, 1]
NO_QUIET = {k.K_TAMPER_COVER_QUIET_S: 0}


def test_an_alarm_is_in_the_ring_with_its_time_value_and_limit() -> None:
    rig = WatchRig()
    rig.step(COVER, after_ms=MINUTE_MS)
    assert rig.noted() == [RAISED_COVER]
    rig.sample(reverse=12)
    assert rig.noted()[1:] == [[NOON_S + 120, 1, k.A_REVERSE_FLOW, t.PHASE_RAISE, 12, 10]]


def test_a_raised_alarm_marks_every_interval_until_it_is_cleared() -> None:
    rig = WatchRig()
    rig.step(COVER)
    assert rig.interval.status == t.STATUS_TAMPER
    rig.interval.begin()
    rig.sample(reverse=12)
    assert rig.interval.status == t.STATUS_TAMPER | t.STATUS_REVERSE_FLOW
    assert rig.watch.status == rig.interval.status
    rig.step(0)
    rig.interval.begin()
    rig.step(0, after_ms=MINUTE_MS)
    assert rig.interval.status == t.STATUS_REVERSE_FLOW


def test_an_alarm_calls_at_once_and_once() -> None:
    rig = WatchRig()
    assert not rig.take_call()
    rig.step(COVER)
    assert rig.wake_at_ms() == rig.inputs.now_ms
    assert rig.take_call()
    assert not rig.take_call()
    assert rig.wake_at_ms() is None


def test_what_a_session_delivers_anyway_needs_no_call() -> None:
    rig = WatchRig()
    rig.step(COVER)
    assert rig.deliver()
    assert not rig.watch.untold
    assert not rig.take_call()
    assert rig.wake_at_ms() is None


def test_what_goes_on_in_a_session_costs_nothing_of_the_budget() -> None:
    rig = WatchRig()
    rig.settings.update(NO_QUIET)
    for _ in range(100):
        for senses in (COVER, 0):
            rig.step(senses)
            assert rig.take_call(is_free=True)
            assert not rig.take_call(is_free=True)
    assert rig.wake_at_ms() is None
    rig.step(COVER)
    assert rig.take_call()


def test_a_session_that_did_not_tell_all_owes_another() -> None:
    rig = WatchRig()
    rig.step(COVER)
    assert rig.take_call()
    rig.watch.owe_call()
    assert rig.take_call()
    rig.watch.owe_call()
    rig.deliver()
    assert not rig.take_call()


def test_an_alarm_is_untold_until_it_is_delivered() -> None:
    rig = WatchRig()
    for _ in range(3):
        rig.notes.note(0, t.EVENT_RESTARTED)
    rig.step(COVER)
    assert rig.take_call()
    assert len(rig.deliver()) == 3
    assert rig.watch.untold
    assert len(rig.deliver()) == 1
    assert not rig.watch.untold


def test_notes_call_nobody() -> None:
    rig = WatchRig()
    rig.notes.note(0, t.EVENT_RESTARTED)
    assert not rig.watch.untold
    assert not rig.take_call()


def test_what_flaps_calls_within_its_budget_and_the_rest_waits_for_the_next_call() -> None:
    rig = WatchRig()
    rig.settings.update(NO_QUIET)
    calls = 0
    for _ in range(6 * 60):
        rig.step(COVER, after_ms=MINUTE_MS // 2)
        calls += rig.take_call()
        rig.step(0, after_ms=MINUTE_MS // 2)
        calls += rig.take_call()
        assert rig.watch.untold
    assert calls == 3 + 4  # at once, then after 15, 30, 60 and 120 minutes
    wake_at_ms = rig.wake_at_ms()
    assert wake_at_ms is not None
    assert rig.inputs.now_ms < wake_at_ms <= rig.inputs.now_ms + 16 * INTERVAL_MS
    rig.inputs.now_ms = wake_at_ms
    assert rig.take_call()


def test_the_budget_is_that_of_the_settings() -> None:
    rig = WatchRig()
    rig.settings.update(NO_QUIET)
    rig.settings[k.K_ALARM_CALLS_MAX] = 1
    rig.settings[k.K_ALARM_CALL_INTERVAL_S] = 60
    rig.step(COVER)
    assert rig.take_call()
    rig.step(0)
    assert not rig.take_call()
    rig.step(0, after_ms=MINUTE_MS)
    assert rig.take_call()


def test_a_trigger_is_noted_and_told_of_once_for_each_press() -> None:
    rig = WatchRig()
    for _ in range(3):
        rig.step(TRIGGER, after_ms=1000)
        assert rig.watch.triggered
        rig.watch.triggered = False
        rig.step(TRIGGER, after_ms=1000)
        rig.step(0, after_ms=1000)
        assert not rig.watch.triggered
    assert [event[2] for event in rig.noted()] == [t.EVENT_TRIGGERED] * 3
    assert not rig.take_call()  # what it asks for is a reading, not the event


def test_a_contact_that_chatters_triggers_within_bounds() -> None:
    rig = WatchRig()
    count = 0
    for _ in range(1200):
        rig.step(TRIGGER, after_ms=500)
        count += rig.watch.triggered
        rig.watch.triggered = False
        rig.step(0, after_ms=500)
    assert count == 6 + 2  # after 5 and 10 minutes


def test_a_worn_event_ring_still_marks_records_and_calls_nobody() -> None:
    rig = WatchRig(ring_works=False)
    rig.step(COVER)
    assert rig.interval.status == t.STATUS_TAMPER
    assert not rig.watch.untold
    assert not rig.take_call()
    assert rig.noted() == []


def test_after_a_restart_what_was_raised_goes_on_and_is_cleared() -> None:
    rig = WatchRig()
    rig.step(COVER, after_ms=MINUTE_MS)
    rig.sample(reverse=12)
    rig.restart()
    assert rig.watch.status == t.STATUS_TAMPER | t.STATUS_REVERSE_FLOW
    rig.step(COVER)
    rig.sample(reverse=1)
    assert len(rig.noted()) == 2
    rig.step(0)
    rig.step(0, after_ms=MINUTE_MS)
    for _ in range(10):
        rig.sample()
    assert [event[2:] for event in rig.noted()[2:]] == [
        [k.A_TAMPER_COVER, t.PHASE_CLEAR, 0, 1],
        [k.A_REVERSE_FLOW, t.PHASE_CLEAR, 13, 10],
    ]
    rig.restart()
    assert rig.watch.status == 0


def test_what_was_raised_goes_on_after_a_restart_when_the_ring_has_overwritten_its_event() -> None:
    rig = WatchRig()
    rig.settings.update({k.K_LEAK_DURATION_S: 3600, k.K_TAMPER_COVER_QUIET_S: 0})
    rig.inputs.battery_mv = 3000
    for _ in range(70):
        rig.registers.forward_pulses += 1
        rig.sample()
    raised = [event[2] for event in rig.noted()]
    assert raised == [k.A_LEAK, k.A_BATTERY_LOW]
    while rig.events.sequence_oldest < len(raised):
        rig.step(COVER)
        rig.step(0)
    rig.restart()
    assert rig.watch.status == t.STATUS_LEAK | t.STATUS_BATTERY_LOW
    noted_before = rig.events.sequence_next
    for _ in range(31):
        rig.sample()
    told = [event[2:] for event in rig.noted() if event[2] != k.A_TAMPER_COVER]
    assert rig.events.sequence_next == noted_before + 2
    assert told == [
        [k.A_BATTERY_LOW, t.PHASE_CLEAR, 3600, 3300],
        [k.A_LEAK, t.PHASE_CLEAR, 3600, 3600],
    ]


def test_what_was_cleared_is_not_taken_up_though_the_ring_still_has_its_raise() -> None:
    rig = WatchRig()
    rig.settings.update(NO_QUIET)
    rig.step(COVER)
    rig.sample(reverse=12)
    rig.step(0)
    rig.notes.note(0, t.EVENT_RESTARTED)
    for _ in range(2):
        rig.restart()
        assert rig.watch.status == t.STATUS_REVERSE_FLOW
        rig.notes.note(0, t.EVENT_RESTARTED)


def test_the_flow_is_forward_less_reverse() -> None:
    rig = WatchRig()
    rig.sample(reverse=5)
    assert rig.watch.flow_l_per_h == -300


def test_after_a_start_the_flow_is_the_mean_until_pulses_show_it() -> None:
    rig = WatchRig()
    assert rig.watch.flow_l_per_h == 0
    rig.registers.forward_pulses += 1
    rig.sample()
    assert rig.watch.flow_l_per_h == 60
