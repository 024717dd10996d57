"""A meter with its alarms: durable first, told at once, bounded, and never at a record's cost."""

from meter_rig import MINUTE_MS, NOON_MS, Rig, events_of

from weir.assembly import EVENT_SECTOR, RING_SECTOR
from weir.hal.senses import COVER, TRIGGER
from weir.link import tables_gen as t
from weir.settings import table_gen as g

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAILY = {g.K_SEND_INTERVAL_S: 86_400, g.K_SEND_SLOT_S: 43_200}  # at noon
PRESSURE = {
    g.K_PRESSURE_HIGH_ON: 1,
    g.K_PRESSURE_HIGH_KPA: 600,
    g.K_PRESSURE_HIGH_HYSTERESIS_KPA: 0,
    g.K_PRESSURE_HIGH_DURATION_S: 0,
}


def at_rest(*provisioned: "dict[int, int]") -> Rig:
    """Return a meter at 10 s past noon that sends once a day at noon, and has told all so far."""
    settings = dict(DAILY)
    for each in provisioned:
        settings.update(each)
    rig = Rig(provisioned=settings, tells_events=True)
    rig.inputs.now_ms = 10_000
    while not rig.session.active:
        rig.step(is_open=True)
    rig.session.clock_offer_ms = NOON_MS + 10_000
    rig.step(received=b"time", is_open=True)
    assert answer(rig) == [t.EVENT_RESTARTED]
    assert not rig.actions.link_wanted
    rig.session.told.clear()
    return rig


def answer(rig: Rig) -> "list[int]":
    """Let the link open and the gateway take all; end the session. Return the codes of events."""
    if not rig.session.active:
        rig.step(is_open=True)
    assert rig.session.active
    rig.session.heard = True
    codes: list[int] = []
    while rig.errands.pending:
        given = rig.errands.next_body()
        assert given is not None
        if given[0] == t.TYPE_EVENTS:
            body = given[1]
            codes.extend(body[place + 9] for place in range(1, len(body), 19))
        rig.errands.delivered()
    rig.session.complete = True
    rig.session.active = False
    rig.step(is_open=True)
    return codes


def feel(rig: Rig, senses: int) -> None:
    rig.inputs.senses = senses
    rig.step()


def alarms_of(rig: Rig) -> "list[list[int]]":
    return [event[2:] for event in events_of(rig) if event[2] >= g.A_FLOW_HIGH]


def calls_of_a_day(rig: Rig) -> int:
    """Let the pressure flap for a day; return how many sessions were begun, all answered."""
    begun = 0
    end_ms = rig.inputs.now_ms + DAY_MS
    while rig.inputs.now_ms < end_ms:
        if rig.actions.pressure_wanted:
            rig.inputs.pressure_kpa = 1100 - (rig.inputs.pressure_kpa or 0)
        rig.sleep()
        if rig.actions.link_wanted:
            begun += 1
            answer(rig)
    return begun


def test_an_open_cover_is_in_the_ring_and_calls_in_the_step_that_feels_it() -> None:
    rig = at_rest()
    rig.inputs.now_ms += 7_000
    feel(rig, COVER)
    assert alarms_of(rig) == [[g.A_TAMPER_COVER, t.PHASE_RAISE, 1, 1]]
    assert rig.actions.link_wanted
    assert answer(rig) == [g.A_TAMPER_COVER]
    assert not rig.actions.link_wanted


def test_the_end_of_a_quiet_time_wakes_the_meter_without_its_pressure_sensor() -> None:
    rig = at_rest({g.K_TAMPER_COVER_QUIET_S: 12})
    feel(rig, COVER)
    answer(rig)
    feel(rig, 0)
    began_ms = rig.inputs.now_ms
    assert rig.actions.wake_at_ms == began_ms + 12_000
    assert not rig.actions.pressure_wanted
    rig.sleep()
    assert alarms_of(rig)[-1] == [g.A_TAMPER_COVER, t.PHASE_CLEAR, 0, 1]
    assert answer(rig) == [g.A_TAMPER_COVER]


def test_records_say_what_was_raised_while_they_were_made() -> None:
    rig = at_rest()
    rig.run_until(16 * MINUTE_MS)
    feel(rig, COVER)
    answer(rig)
    feel(rig, 0)
    rig.run_until(60 * MINUTE_MS)
    marks = [record[7] & t.STATUS_TAMPER for record in rig.records()]
    assert marks == [0, t.STATUS_TAMPER, 0, 0]


def test_hello_and_status_say_what_is_raised_in_the_very_step_that_stores_a_record() -> None:
    rig = at_rest()
    feel(rig, COVER)
    answer(rig)
    rig.run_until(15 * MINUTE_MS)
    assert len(rig.records()) == 1
    said = (
        (t.TYPE_HELLO, rig.describe()),
        (t.TYPE_STATUS, [1, 0, *rig.describe.reading(rig.inputs.now_ms, 0, 400)]),
    )
    for frame_type, values in said:
        place = t.LAYOUTS[frame_type][1].split().index("status")
        assert values[place] & t.STATUS_TAMPER


def test_a_leak_of_a_day_is_raised_and_cleared_when_the_water_rests() -> None:
    rig = at_rest()
    rig.run_until(DAY_MS + 16 * MINUTE_MS, pulses_each_minute=1)
    [leak] = alarms_of(rig)
    assert leak[:2] == [g.A_LEAK, t.PHASE_RAISE]
    assert leak[2] >= leak[3] == 86_400
    assert rig.records()[-1][7] & t.STATUS_LEAK
    assert g.A_LEAK in answer(rig)
    rig.run_until(DAY_MS + 47 * MINUTE_MS)
    assert alarms_of(rig)[-1][:2] == [g.A_LEAK, t.PHASE_CLEAR]
    assert g.A_LEAK in answer(rig)
    rig.run_until(DAY_MS + 90 * MINUTE_MS)
    assert not rig.records()[-1][7] & t.STATUS_LEAK


def test_a_pressure_that_flaps_for_a_day_opens_no_more_sessions_than_its_budget() -> None:
    rig = at_rest(PRESSURE)
    begun = calls_of_a_day(rig)
    flaps = len(alarms_of(rig))
    assert flaps >= 300  # as many as the ring keeps
    assert 9 <= begun <= 3 + 6 + 1  # and the one of the day
    assert rig.records()[-1][7] & t.STATUS_PRESSURE_FAULT == 0


def test_the_budget_of_a_day_may_be_a_single_call() -> None:
    rig = at_rest(PRESSURE, {g.K_ALARM_CALLS_MAX: 1, g.K_ALARM_CALL_INTERVAL_S: 86_400})
    assert 1 <= calls_of_a_day(rig) <= 3


def test_in_a_session_that_listens_an_alarm_goes_on_at_once_and_costs_nothing() -> None:
    rig = at_rest(PRESSURE, {g.K_LINK_HOLD: 1, g.K_TAMPER_COVER_QUIET_S: 0})
    rig.inputs.now_ms = 2 * DAY_MS
    rig.step(is_open=True)
    rig.step(is_open=True)
    assert rig.session.active
    rig.session.told.clear()
    for count in range(1, 21):
        rig.inputs.senses = COVER if count % 2 else 0
        rig.step(is_open=True)
        assert rig.session.told == ["resume"] * count


def test_an_alarm_that_reaches_nobody_calls_again_and_ever_later() -> None:
    rig = at_rest()
    rig.session.complete = False
    feel(rig, COVER)
    called_at_ms: list[int] = []
    link_ms = 0
    while rig.inputs.now_ms < 6 * HOUR_MS:
        if rig.actions.link_wanted:
            called_at_ms.append(rig.inputs.now_ms)
            link_ms += 600_000  # nobody is there
            rig.step(link_ms=link_ms)
        else:
            rig.inputs.now_ms = rig.actions.wake_at_ms
            rig.step(link_ms=link_ms)
    gaps_ms = [
        called_at_ms[place + 1] - called_at_ms[place] for place in range(len(called_at_ms) - 1)
    ]
    assert 6 <= len(called_at_ms) <= 10
    assert gaps_ms == sorted(gaps_ms)
    while not rig.actions.link_wanted:
        rig.inputs.now_ms = rig.actions.wake_at_ms
        rig.step(link_ms=link_ms)
    assert answer(rig) == [g.A_TAMPER_COVER]


def test_a_meter_whose_frame_counters_are_used_up_opens_its_link_no_more() -> None:
    rig = at_rest()
    rig.session.is_exhausted = True
    feel(rig, COVER)
    rig.step(is_open=True)
    ends_ms = rig.inputs.now_ms + 2 * DAY_MS
    while rig.inputs.now_ms < ends_ms:
        assert not rig.actions.link_wanted
        rig.inputs.now_ms += 10 * MINUTE_MS
        feel(rig, COVER if rig.inputs.senses == 0 else 0)
    assert rig.session.told == ["begin", "abort"]
    assert len(rig.records()) >= 150


def test_a_session_that_breaks_before_all_is_told_is_followed_by_another() -> None:
    rig = at_rest()
    feel(rig, COVER)
    rig.step(is_open=True)
    rig.session.heard = True
    rig.session.active = False
    rig.step(is_open=True)
    assert rig.actions.wake_at_ms == rig.inputs.now_ms
    rig.sleep()
    assert rig.actions.link_wanted
    assert answer(rig) == [g.A_TAMPER_COVER]


def test_a_trigger_calls_at_once_and_asks_for_a_reading_of_this_moment() -> None:
    rig = at_rest({g.K_PRESSURE_WARM_UP_MS: 500})
    rig.inputs.now_ms += 7_000
    pressed_at_ms = rig.inputs.now_ms
    feel(rig, TRIGGER)
    assert rig.actions.link_wanted
    assert (rig.actions.wake_at_ms, rig.actions.pressure_wanted) == (pressed_at_ms + 500, True)
    rig.inputs.senses = 0
    rig.inputs.pressure_kpa = 377
    rig.sleep()
    given = rig.errands.next_body()
    assert given is not None
    assert given[0] == t.TYPE_STATUS
    assert given[1][:2] == bytes(2)  # request 0
    assert int.from_bytes(given[1][21:23], "little") == 377
    assert answer(rig) == [t.EVENT_TRIGGERED]


def test_a_worn_event_ring_costs_no_reading() -> None:
    rig = at_rest(PRESSURE)
    rig.flash.unprogrammable.update(range(EVENT_SECTOR, RING_SECTOR))
    assert calls_of_a_day(rig) <= 2
    assert len(rig.records()) >= 95
    feel(rig, COVER)
    rig.run_until(rig.inputs.now_ms + 30 * MINUTE_MS)
    assert rig.records()[-1][7] & t.STATUS_TAMPER


def test_after_a_restart_a_raised_alarm_is_in_the_records_and_not_told_twice() -> None:
    rig = at_rest()
    feel(rig, COVER)
    again = Rig(rig.flash, provisioned=DAILY, tells_events=True)
    again.inputs.senses = COVER
    again.run_until(16 * MINUTE_MS)
    assert again.records()[-1][7] & t.STATUS_TAMPER
    assert len(alarms_of(again)) == 1
