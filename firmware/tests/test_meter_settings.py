"""Between two steps a meter follows new settings: no record is lost, and none mixes two."""

from meter_rig import MINUTE_MS, NOON_MS, Rig, events_of
from settings_rig import change, deliver, end_session, in_session, reading_of

from weir.link import tables_gen as t
from weir.settings import table_gen as g
from weir.store.journal import FIELD_COUNT
from weir_tools.virtual.flash import CUT_MODES, PowerCut

SAMPLE, STORE, SEND = g.K_SAMPLE_INTERVAL_S, g.K_STORE_INTERVAL_S, g.K_SEND_INTERVAL_S
WEIGHT, HOLD = g.K_PULSE_WEIGHT_ML, g.K_LINK_HOLD
NOON_S = NOON_MS // 1000


def test_another_weight_closes_the_interval_so_that_no_record_mixes_two() -> None:
    rig = in_session()
    rig.run_until(5 * MINUTE_MS + 20_000, pulses_each_minute=4)
    rig.inputs.forward_pulses += 3
    change(rig, 1, {WEIGHT: 10})
    [closed] = rig.records()
    assert closed[:7] == [NOON_S + 320, 5 * 4 + 3, 0, 400, 400, 400, 4]
    assert closed[7] & t.STATUS_SHORT_INTERVAL
    assert rig.settings.first_sequence == 1
    rig.run_until(15 * MINUTE_MS, pulses_each_minute=2)
    rig.run_until(30 * MINUTE_MS, pulses_each_minute=2)
    _, rest, whole = rig.records()
    assert rest[0] == NOON_S + 900
    assert rest[7] == t.STATUS_SHORT_INTERVAL
    assert (whole[0], whole[7]) == (NOON_S + 1800, 0)
    assert whole[1] == 23 + 25 * 2


def test_a_threshold_changes_without_a_record() -> None:
    rig = in_session()
    rig.run_until(5 * MINUTE_MS)
    change(rig, 1, {g.K_LEAK_DURATION_S: 7200})
    assert rig.records() == []
    rig.run_until(15 * MINUTE_MS)
    [record] = rig.records()
    assert not record[7] & t.STATUS_SHORT_INTERVAL
    assert rig.settings.first_sequence == 0


def test_new_intervals_hold_at_once_and_on_the_grid() -> None:
    rig = in_session()
    rig.run_until(7 * MINUTE_MS + 30_000)
    change(rig, 1, {SAMPLE: 20, STORE: 300})
    rig.run_until(15 * MINUTE_MS, pulses_each_minute=1)  # with each sample
    times = [record[0] - NOON_S for record in rig.records()]
    assert times == [450, 600, 900]
    assert rig.records()[-1][1] - rig.records()[-2][1] == 15
    assert (rig.session.dispatch.interval_s, rig.session.dispatch.samples) == (300, 15)
    assert rig.session.dispatch.settings_version == 1


def test_a_change_in_the_step_that_stored_a_record_closes_no_empty_one() -> None:
    rig = in_session()
    rig.run_until(14 * MINUTE_MS)
    rig.inputs.now_ms = 15 * MINUTE_MS
    change(rig, 1, {WEIGHT: 10})
    assert [record[0] - NOON_S for record in rig.records()] == [900]


def test_a_change_is_noted_reported_and_there_after_a_reset() -> None:
    rig = in_session()
    change(rig, 7, {STORE: 300})
    assert events_of(rig)[-1][2:5] == [t.EVENT_SETTINGS_APPLIED, t.PHASE_NOTE, 7]
    assert deliver(rig) == [t.TYPE_SETTINGS_REPORT]
    again = Rig(rig.flash)
    again.set_clock(NOON_MS)
    again.run_until(5 * MINUTE_MS)
    assert again.records()[-1][0] == NOON_S + 300
    assert again.session.dispatch.settings_version == 7


def cut_while_changing(operation: int, mode: str) -> "Rig | None":
    """Lose power in a flash operation of a change; return the meter after, None without a cut."""
    rig = in_session()
    rig.run_until(20 * MINUTE_MS, pulses_each_minute=3)
    rig.flash.operation_count, rig.flash.cut_at, rig.flash.cut_mode = 0, operation, mode
    try:
        change(rig, 7, {WEIGHT: 10, STORE: 300})
    except PowerCut:
        rig.flash.cut_at = -1
        return Rig(rig.flash)
    return None


def kept_pulses(rig: Rig) -> "list[int]":
    """Return the registers of all records; a torn one has used its sequence up."""
    record = [0] * FIELD_COUNT
    journal = rig.journal
    sequences = range(journal.sequence_oldest, journal.sequence_next)
    return [record[1] for sequence in sequences if journal.read_into(sequence, record)]


def test_a_power_cut_in_a_change_leaves_the_old_settings_or_the_new_and_every_record() -> None:
    versions = set()
    for mode in CUT_MODES:
        operation = 0
        while again := cut_while_changing(operation, mode):
            operation += 1
            version = again.settings.version
            versions.add(version)
            assert (again.settings.value(WEIGHT), again.settings.value(STORE)) == (
                (10, 300) if version == 7 else (1000, 900)
            )
            pulses = kept_pulses(again)
            assert pulses in ([45], [45, 60])
            if version == 7:
                assert pulses == [45, 60]
                assert again.settings.first_sequence == again.journal.sequence_next
            again.set_clock(NOON_MS + 40 * MINUTE_MS)
            again.run_until(15 * MINUTE_MS)
            assert len(kept_pulses(again)) > len(pulses)
        assert operation >= 1 + 2 + 1  # the record, the settings in two copies, the event
    assert versions == {0, 7}


def test_a_version_that_flash_does_not_keep_is_refused_and_changes_nothing() -> None:
    rig = in_session()
    rig.flash.unprogrammable.update(range(3, 6))
    change(rig, 7, {STORE: 300})
    given = rig.errands.next_body()
    assert given is not None
    assert given[1][:3] == bytes((0, 0, t.OUTCOME_REFUSED))
    assert rig.settings.version == 0
    assert rig.session.dispatch.interval_s == 900


def test_the_session_has_its_times_from_the_settings() -> None:
    rig = in_session(
        {
            g.K_RECEIVE_WINDOW_S: 60,
            g.K_ANSWER_TIMEOUT_MS: 700,
            g.K_LINK_PATIENCE_S: 7,
            g.K_LINK_BAUD: 9600,
        }
    )
    assert (rig.session.window_ms, rig.session.timeout_ms) == (60_000, 700)
    assert rig.actions.link_baud == 9600
    end_session(rig)
    rig.sleep_until_called()
    assert rig.actions.link_wake_at_ms == rig.inputs.link_ms + 7_000


def test_a_meter_that_holds_its_link_calls_again_when_it_breaks() -> None:
    rig = in_session({HOLD: 1, SEND: 86_400})
    rig.session.complete = True
    rig.step(is_open=False)
    assert not rig.actions.link_wanted
    broke_at_ms = rig.inputs.now_ms
    rig.sleep_until_called()
    assert rig.inputs.now_ms - broke_at_ms <= 75_000


def test_a_meter_sends_in_the_slot_that_it_is_given() -> None:
    rig = in_session({SEND: 3600, g.K_SEND_SLOT_S: 1234})
    end_session(rig)
    for hour in (0, 1):
        rig.run_until(hour * 60 * MINUTE_MS + 1_233_000)
        assert not rig.actions.link_wanted
        rig.sleep_until_called()
        assert rig.inputs.now_ms == hour * 60 * MINUTE_MS + 1_234_000
        rig.step(is_open=True)
        end_session(rig)


def test_a_reading_is_measured_after_it_was_asked_for_with_the_sensor_warm() -> None:
    rig = in_session({g.K_PRESSURE_WARM_UP_MS: 500})
    asked_at_ms = 5 * MINUTE_MS + 7_000
    rig.run_until(asked_at_ms)
    rig.errands.take_read(77)
    rig.inputs.pressure_kpa = 333  # of before
    rig.step(received=b"read", is_open=True)
    assert rig.errands.next_body() is None
    assert rig.actions.pressure_wanted
    assert rig.actions.wake_at_ms == asked_at_ms + 500
    rig.step(is_open=True)  # woken early, by the link
    assert rig.errands.next_body() is None
    rig.inputs.now_ms = asked_at_ms + 500
    assert rig.meter.pressure_due(rig.inputs.now_ms)
    rig.inputs.pressure_kpa = 444
    rig.inputs.forward_pulses, rig.inputs.reverse_pulses = 50, 2
    rig.step(is_open=True)
    told = reading_of(rig)
    assert (told["request"], told["pressure_kpa"], told["battery_mv"]) == (77, 444, 3600)
    assert (told["forward_pulses"], told["reverse_pulses"]) == (50, 2)
    assert told["taken_at_s"] == NOON_S + (asked_at_ms + 500) // 1000
    assert rig.actions.wake_at_ms == 6 * MINUTE_MS
    assert not rig.meter.pressure_due(rig.inputs.now_ms)


def test_a_reading_without_pressure_says_fault() -> None:
    rig = in_session({g.K_PRESSURE_WARM_UP_MS: 0})
    rig.inputs.pressure_kpa = None
    rig.errands.take_read(1)
    rig.step(received=b"read", is_open=True)
    rig.sleep()
    told = reading_of(rig)
    assert told["pressure_kpa"] == t.NO_PRESSURE_KPA
    assert told["status"] & t.STATUS_PRESSURE_FAULT


def test_the_flow_of_a_reading_is_of_more_than_the_moment() -> None:
    rig = in_session({g.K_PRESSURE_WARM_UP_MS: 0, WEIGHT: 500})
    rig.run_until(10 * MINUTE_MS, pulses_each_minute=4)
    for reverse, l_per_h in ((0, 120), (240, -60 * 118)):
        rig.inputs.reverse_pulses += reverse
        rig.errands.take_read(reverse)
        rig.step(received=b"read", is_open=True)
        rig.sleep()
        assert reading_of(rig)["flow_l_per_h"] == l_per_h
        deliver(rig)


def test_a_slow_flow_is_read_over_the_time_between_its_pulses() -> None:
    rig = in_session({g.K_PRESSURE_WARM_UP_MS: 0})
    for pulse in range(4):  # one in five minutes
        rig.run_until((pulse * 5 + 1) * MINUTE_MS, pulses_each_minute=pulse > 0)
        rig.run_until((pulse * 5 + 5) * MINUTE_MS)
    rig.errands.take_read(1)
    rig.step(received=b"read", is_open=True)
    rig.sleep()
    assert reading_of(rig)["flow_l_per_h"] == 12


def test_pulses_of_before_raise_no_alarm_with_the_weight_of_after() -> None:
    rig = in_session({WEIGHT: 10, g.K_BURST_ON: 1, g.K_BURST_DURATION_S: 0})
    rig.run_until(5 * MINUTE_MS, pulses_each_minute=100)
    rig.inputs.now_ms += 50_000
    rig.inputs.forward_pulses += 10_000
    rig.inputs.reverse_pulses += 900  # 9 litres, with the limit at 10
    change(rig, 1, {WEIGHT: 1000})
    rig.run_until(8 * MINUTE_MS, pulses_each_minute=1)
    codes = [event[2] for event in events_of(rig)]
    assert codes[-1] == t.EVENT_SETTINGS_APPLIED
