"""One step does what is due and nothing else; a late step loses nothing."""

from meter_rig import MINUTE_MS, NOON_MS, RESET_CAUSE, Rig, called, events_of, rig_at_noon

from weir.link import tables_gen as t


def test_a_minute_of_each_record_is_sampled_and_the_record_is_stored_on_the_grid() -> None:
    rig = rig_at_noon()
    rig.run_until(30 * MINUTE_MS, pulses_each_minute=4)
    first, second = rig.records()
    assert first[:7] == [NOON_MS // 1000 + 900, 60, 0, 400, 400, 400, 4]
    assert second[:7] == [NOON_MS // 1000 + 1800, 120, 0, 400, 400, 400, 4]
    assert first[7] == t.STATUS_RESTARTED
    assert second[7] == 0
    assert second[8] == 1


def test_the_meter_asks_for_pressure_when_it_samples_and_only_then() -> None:
    rig = rig_at_noon()
    for _ in range(40):
        wake_at_ms = rig.actions.wake_at_ms
        assert rig.actions.pressure_wanted == rig.meter.pressure_due(wake_at_ms)
        assert rig.actions.pressure_wanted == (wake_at_ms % MINUTE_MS == 0)
        assert not rig.meter.pressure_due(wake_at_ms - 1)
        rig.sleep()


def test_a_step_before_its_time_changes_nothing() -> None:
    rig = rig_at_noon()
    rig.inputs.now_ms = MINUTE_MS - 1
    rig.inputs.pressure_kpa = None
    rig.step()
    assert rig.actions.wake_at_ms == MINUTE_MS
    assert rig.records() == []


def test_a_record_without_a_valid_pressure_says_fault_and_carries_none() -> None:
    rig = rig_at_noon()
    rig.inputs.pressure_kpa = None
    rig.run_until(15 * MINUTE_MS)
    [record] = rig.records()
    assert record[3:6] == [t.NO_PRESSURE_KPA] * 3
    assert record[7] & t.STATUS_PRESSURE_FAULT


def test_a_late_step_stores_once_with_every_pulse_and_says_that_the_interval_was_long() -> None:
    rig = rig_at_noon()
    rig.run_until(15 * MINUTE_MS, pulses_each_minute=2)
    rig.inputs.now_ms = 77 * MINUTE_MS + 300
    rig.inputs.forward_pulses = 1_000_000
    rig.inputs.reverse_pulses = 5
    rig.step()
    _, late = rig.records()
    assert late[:3] == [NOON_MS // 1000 + 77 * 60, 1_000_000, 5]
    assert late[6] == -(-(1_000_000 - 30) // 62)
    assert late[7] == t.STATUS_SHORT_INTERVAL
    rig.run_until(90 * MINUTE_MS)
    after = rig.records()[-1]
    assert after[0] == NOON_MS // 1000 + 90 * 60
    assert after[7] == t.STATUS_SHORT_INTERVAL  # 13 minutes
    rig.run_until(105 * MINUTE_MS)
    assert rig.records()[-1][7] == 0


def test_pulses_of_a_wake_in_between_are_counted_in_their_sample_interval() -> None:
    rig = rig_at_noon()
    rig.inputs.now_ms = 30_000
    rig.inputs.forward_pulses = 6
    rig.step()
    rig.inputs.forward_pulses = 9
    rig.run_until(15 * MINUTE_MS)
    [record] = rig.records()
    assert (record[1], record[6]) == (9, 9)


def test_registers_go_on_after_a_power_cut_and_the_gap_is_flagged() -> None:
    rig = rig_at_noon()
    rig.run_until(20 * MINUTE_MS, pulses_each_minute=3)
    again = Rig(rig.flash, now_ms=123_456)
    again.set_clock(NOON_MS + 21 * MINUTE_MS)
    again.inputs.forward_pulses = 7  # hardware counts from 0 again
    again.run_until(123_456 + 30 * MINUTE_MS)
    restarted = again.records()[1]
    assert restarted[1] == 45 + 7
    assert restarted[7] == (t.STATUS_RESTARTED | t.STATUS_REGISTER_GAP | t.STATUS_SHORT_INTERVAL)
    assert again.records()[2][7] == 0


def test_a_new_meter_has_no_gap() -> None:
    rig = rig_at_noon()
    rig.run_until(15 * MINUTE_MS)
    assert not rig.records()[0][7] & t.STATUS_REGISTER_GAP


def test_a_hardware_counter_that_restarts_is_flagged() -> None:
    rig = rig_at_noon()
    rig.run_until(16 * MINUTE_MS, pulses_each_minute=100)
    rig.inputs.forward_pulses = 1
    rig.run_until(30 * MINUTE_MS)
    record = rig.records()[1]
    assert record[7] == t.STATUS_REGISTER_GAP
    assert record[1] == 1600 + 1


def test_without_the_time_records_count_seconds_since_the_start() -> None:
    rig = Rig(now_ms=5_000_000)
    rig.run_until(5_000_000 + 15 * MINUTE_MS)
    [record] = rig.records()
    assert (record[0], record[8]) == (900, 0)


def test_any_now_ms_will_do() -> None:
    for now_ms in (-(2**40), -1, 2**29, 2**40):
        rig = Rig(now_ms=now_ms)
        rig.set_clock(NOON_MS)
        rig.run_until(now_ms + 15 * MINUTE_MS)
        assert [record[0] for record in rig.records()] == [NOON_MS // 1000 + 900]


def test_a_clock_that_is_stepped_is_flagged_and_its_records_stay_in_order() -> None:
    rig = rig_at_noon()
    rig.run_until(20 * MINUTE_MS, pulses_each_minute=1)
    rig.set_clock(NOON_MS - 10 * MINUTE_MS)  # half an hour back
    rig.run_until(30 * MINUTE_MS, pulses_each_minute=1)
    rig.run_until(45 * MINUTE_MS, pulses_each_minute=1)
    before, stepped, after = rig.records()
    assert before[0] > stepped[0] == NOON_MS // 1000
    assert stepped[7] & t.STATUS_CLOCK_STEPPED
    assert after[0] == NOON_MS // 1000 + 900
    assert after[7] == 0
    assert before[1] < stepped[1] < after[1]


def test_the_time_is_taken_with_half_the_round_trip() -> None:
    rig = Rig()
    rig.session.clock_round_trip_ms = 2_000
    rig.set_clock(NOON_MS)
    assert rig.timekeeper.calendar_ms(0) == NOON_MS + 1_000
    assert rig.session.clock_offer_ms is None


def test_after_a_slow_answer_the_session_is_to_ask_for_the_time_again() -> None:
    rig = Rig()
    rig.session.clock_round_trip_ms = 2_000
    rig.set_clock(NOON_MS)
    assert rig.session.time_wanted
    rig.session.clock_round_trip_ms = 200
    rig.set_clock(NOON_MS + 900)
    assert not rig.session.time_wanted


def test_a_start_calls_the_gateway_soon_and_waits_for_its_link() -> None:
    rig = Rig()
    while not rig.actions.link_wanted:
        assert rig.actions.wake_at_ms <= 10_000
        rig.sleep()
    assert rig.session.told == []
    assert rig.actions.link_wake_at_ms == 30_000
    rig.step(is_open=True, link_ms=500)
    assert rig.session.told == ["begin"]
    assert rig.actions.transmit == b"hellorecords"
    assert rig.actions.link_wanted


def test_a_link_that_never_opens_is_given_up_and_tried_again_later() -> None:
    rig = Rig()
    rig.sleep_until_called()
    rig.step(link_ms=29_999)
    assert rig.actions.link_wanted
    rig.step(link_ms=30_000)
    begun_ms = rig.inputs.now_ms
    rig.sleep_until_called()
    assert rig.session.told == []
    assert 60_000 <= rig.inputs.now_ms - begun_ms <= 75_000


def test_a_link_that_closes_ends_the_session() -> None:
    rig = called()
    rig.step(is_open=False)
    assert rig.session.told == ["begin", "abort"]
    assert not rig.actions.link_wanted


def test_the_link_is_released_when_the_session_is_over() -> None:
    rig = called()
    rig.session.link_wake_at_ms = 5_123
    rig.step(is_open=True, received=b"answer")
    assert rig.session.told == ["begin", b"answer"]
    assert rig.actions.link_wake_at_ms == 5_123
    rig.session.active = False
    rig.step(is_open=True)
    assert not rig.actions.link_wanted
    assert rig.actions.link_wake_at_ms is None


def test_a_meter_that_knows_the_time_and_has_nothing_to_say_does_not_call() -> None:
    rig = rig_at_noon()
    rig.session.complete = True
    rig.run_until(60 * MINUTE_MS)
    assert not rig.actions.link_wanted
    rig.session.complete = False
    rig.run_until(75 * MINUTE_MS)
    assert rig.actions.link_wanted


def test_a_meter_whose_frame_counters_are_used_up_goes_on_recording() -> None:
    rig = rig_at_noon()
    rig.session.is_exhausted = True
    for quarter in range(1, 5):
        rig.run_until(quarter * 15 * MINUTE_MS)
        rig.step(is_open=True)
        assert rig.actions.transmit == b""
    assert len(rig.records()) == 4
    assert "abort" in rig.session.told


def test_a_session_under_way_goes_on_at_the_next_slot() -> None:
    rig = called()
    for _ in range(60):
        rig.inputs.now_ms = rig.actions.wake_at_ms
        rig.step(is_open=True)
    assert rig.session.told[0] == "begin"
    assert set(rig.session.told[1:]) == {"resume"}


def test_a_meter_that_does_not_know_the_time_calls_though_it_has_nothing_to_say() -> None:
    rig = Rig()
    rig.session.complete = True
    rig.sleep_until_called()
    assert not rig.timekeeper.is_set


def test_steps_use_one_object_for_their_actions() -> None:
    rig = Rig()
    first = rig.actions
    rig.sleep()
    assert rig.actions is first


def test_every_start_is_an_event_that_says_why() -> None:
    rig = rig_at_noon()
    again = Rig(rig.flash, now_ms=5_000)
    started = [0, 0, t.EVENT_RESTARTED, t.PHASE_NOTE, RESET_CAUSE, 0]
    assert events_of(again) == [started, started]
    assert again.events.boot_sequence == 1


def test_a_step_of_the_clock_is_an_event_that_says_how_far() -> None:
    utc_s = NOON_MS // 1000
    for step_s, told_s in ((-1800, -1800), (7, 7), (2_600_000_000, 2**31 - 1), (-utc_s, -utc_s)):
        rig = rig_at_noon()
        rig.set_clock(NOON_MS + step_s * 1000)
        assert events_of(rig)[1:] == [
            [utc_s + step_s, 1, t.EVENT_CLOCK_STEPPED, t.PHASE_NOTE, told_s, 0]
        ]


def test_a_time_that_no_record_can_hold_is_not_taken() -> None:
    rig = rig_at_noon()
    rig.set_clock(2**32 * 1000 - 1)
    rig.run_until(15 * MINUTE_MS)
    assert rig.records()[-1][0] == NOON_MS // 1000 + 15 * 60


def test_a_clock_that_is_set_or_put_right_is_no_event() -> None:
    rig = rig_at_noon()
    rig.run_until(15 * MINUTE_MS)
    rig.set_clock(NOON_MS + 15 * MINUTE_MS + 20)
    assert len(events_of(rig)) == 1
