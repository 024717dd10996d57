"""Settings stay once a call under them is answered; after two that are not, they go."""

from meter_rig import MINUTE_MS, Rig, events_of
from settings_rig import (
    PORT,
    RARELY,
    change,
    deliver,
    end_session,
    fail_call,
    in_session,
    on_trial,
)

from weir.hal.senses import COVER
from weir.link import tables_gen as t
from weir.settings import table_gen as g

WEIGHT, HOLD = g.K_PULSE_WEIGHT_ML, g.K_LINK_HOLD
SEND, STORE = g.K_SEND_INTERVAL_S, g.K_STORE_INTERVAL_S


def test_new_settings_are_tried_in_a_session_of_their_own_at_once() -> None:
    for hold in (0, 1):
        rig = in_session({HOLD: hold})
        assert rig.session.hold == bool(hold)
        change(rig, 1, {PORT: 4000})
        assert not rig.session.hold
        assert rig.actions.link_port == 0
        deliver(rig)
        end_session(rig)
        assert rig.actions.link_wanted
        assert rig.actions.link_port == 4000
        assert rig.actions.link_wake_at_ms == rig.inputs.link_ms  # the link is open already
        rig.step(is_open=True)
        assert rig.session.told[-1] == "begin"
        assert rig.session.hold == bool(hold)
        assert rig.settings.on_trial
        assert rig.errands.pending  # so that there is something to be answered
        rig.session.heard = True
        rig.step(received=b"answer", is_open=True)
        assert not rig.settings.on_trial


def test_what_is_heard_in_the_session_that_brought_the_settings_ends_no_trial() -> None:
    rig = in_session()
    change(rig, 1, {PORT: 4000})
    rig.step(received=b"answer", is_open=True)
    assert rig.settings.on_trial


def test_two_calls_in_a_row_without_an_answer_bring_back_what_worked() -> None:
    for answered in (False, True):  # whether a session comes about, and just nobody answers
        rig = in_session(RARELY)
        change(rig, 1, {PORT: 4000, WEIGHT: 10})
        deliver(rig)
        end_session(rig)
        for _ in range(2):
            assert rig.settings.version == 1
            if answered:
                rig.sleep_until_called()
                rig.step(is_open=True)
                end_session(rig)
            else:
                fail_call(rig)
        assert (rig.settings.version, rig.settings.given_up) == (0, 1)
        assert events_of(rig)[-1][2:] == [t.EVENT_SETTINGS_ROLLED_BACK, t.PHASE_NOTE, 1, 0]
        assert rig.actions.link_wanted
        assert rig.actions.link_port == 0
        assert rig.settings.first_sequence == rig.journal.sequence_next
        assert deliver(rig) == [t.TYPE_SETTINGS_REPORT]
        change(rig, 1, {PORT: 4000, WEIGHT: 10})
        given = rig.errands.next_body()
        assert given is not None
        assert given[1][2] == t.OUTCOME_ROLLED_BACK
        assert rig.settings.version == 0


def test_one_call_without_an_answer_and_a_reset_do_not_end_the_trial_but_count() -> None:
    rig = on_trial()
    fail_call(rig)
    again = Rig(rig.flash, now_ms=5)
    assert again.settings.version == 1
    fail_call(again)
    assert again.settings.version == 0


def test_two_calls_that_end_in_a_reset_bring_back_what_worked() -> None:
    rig = on_trial({WEIGHT: 10})  # it calls already
    rig = Rig(rig.flash, now_ms=5)
    for _ in range(3):  # resets without a call cost nothing
        rig = Rig(rig.flash, now_ms=5)
        assert rig.settings.version == 1
    rig.sleep_until_called()
    rig.step(is_open=True)
    assert rig.session.active
    rig = Rig(rig.flash, now_ms=5)
    assert (rig.settings.version, rig.settings.given_up) == (0, 1)
    assert rig.settings.value(WEIGHT) == 1000
    assert rig.session.dispatch.settings_version == 0
    assert events_of(rig)[-1][2:] == [t.EVENT_SETTINGS_ROLLED_BACK, t.PHASE_NOTE, 1, 0]
    assert rig.actions.link_wanted
    assert deliver(rig) == [t.TYPE_SETTINGS_REPORT]
    rig.run_until(60 * MINUTE_MS)
    assert len(rig.records()) == 4


def test_a_trial_that_is_answered_after_a_reset_is_not_lost_at_the_next_one() -> None:
    rig = on_trial()
    rig = Rig(rig.flash, now_ms=5)
    rig.sleep_until_called()
    rig.step(is_open=True)
    rig.session.heard = True
    rig.step(received=b"answer", is_open=True)
    again = Rig(rig.flash, now_ms=5)
    assert (again.settings.version, again.settings.on_trial) == (1, False)


def trial_calls(rig: Rig) -> "list[int]":
    """Let a trial fail; return when it called, in seconds after it was on trial."""
    began_ms = rig.inputs.now_ms
    called = []
    link_ms = 0
    while rig.settings.on_trial:
        while not rig.actions.link_wanted:
            rig.inputs.now_ms = rig.actions.wake_at_ms
            rig.step(link_ms=link_ms)
        called.append((rig.inputs.now_ms - began_ms) // 1000)
        link_ms += 600_000  # nobody is there
        rig.step(link_ms=link_ms)
    return called


def test_the_second_call_of_a_trial_comes_a_quarter_of_an_hour_after_the_first_failed() -> None:
    assert trial_calls(on_trial({SEND: 31 * 86_400})) == [0, 900]


def test_calls_for_other_reasons_do_not_make_a_trial_fail_sooner() -> None:
    often = trial_calls(on_trial({SEND: 120, STORE: 60}))
    held = trial_calls(on_trial({HOLD: 1}))
    alarmed = on_trial(tells_events=True)
    alarmed.inputs.senses = COVER
    alarmed.step()
    for called in (often, held, trial_calls(alarmed)):
        assert len(called) >= 4
        assert called[0] == 0
        assert called[-1] == 900


def test_an_answer_to_a_call_that_does_not_count_ends_the_trial_too() -> None:
    rig = on_trial({SEND: 120, STORE: 60})
    for _ in range(2):
        fail_call(rig)
    rig.sleep_until_called()
    rig.step(is_open=True)
    rig.session.heard = True
    rig.step(received=b"answer", is_open=True)
    assert (rig.settings.version, rig.settings.on_trial) == (1, False)


def test_a_meter_that_was_answered_does_not_go_back_when_calls_fail_later() -> None:
    rig = in_session()
    change(rig, 1, {g.K_LEAK_ON: 0})
    deliver(rig)
    end_session(rig)
    rig.step(is_open=True)
    rig.session.heard = True
    rig.step(received=b"answer", is_open=True)
    end_session(rig)
    for _ in range(3):
        fail_call(rig)
    assert rig.settings.version == 1
