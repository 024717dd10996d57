"""Alarms on a limit: duration before they are raised, hysteresis before they are cleared."""

from alarm_rig import CLEARED, HOUR_MS, MINUTE_MS, RAISED, rig_with

from weir.settings import table_gen as k

HIGH = {
    k.K_PRESSURE_HIGH_ON: 1,
    k.K_PRESSURE_HIGH_KPA: 600,
    k.K_PRESSURE_HIGH_HYSTERESIS_KPA: 20,
    k.K_PRESSURE_HIGH_DURATION_S: 120,
}
LOW = {
    k.K_PRESSURE_LOW_ON: 1,
    k.K_PRESSURE_LOW_KPA: 100,
    k.K_PRESSURE_LOW_HYSTERESIS_KPA: 20,
    k.K_PRESSURE_LOW_DURATION_S: 0,
}
RAISED_HIGH = (k.A_PRESSURE_HIGH, RAISED, 601, 600)


def test_a_high_limit_is_raised_above_it_for_the_duration_and_not_at_it() -> None:
    rig = rig_with(HIGH)
    rig.press(600, 600, 600, 600)
    assert rig.told == []
    rig.press(601, 601)
    assert rig.told == []
    rig.press(601)
    assert rig.told == [RAISED_HIGH]


def test_one_good_sample_begins_the_duration_anew() -> None:
    rig = rig_with(HIGH)
    for _ in range(20):
        rig.press(601, 601, 600)
    assert rig.told == []


def test_a_raised_alarm_is_told_once_and_cleared_once() -> None:
    rig = rig_with(HIGH)
    for _ in range(30):
        rig.press(601)
    for _ in range(30):
        rig.press(580)
    assert rig.told == [RAISED_HIGH, (k.A_PRESSURE_HIGH, CLEARED, 580, 600)]


def test_within_the_hysteresis_a_raised_alarm_stays() -> None:
    rig = rig_with(HIGH)
    rig.press(601, 601, 601)
    for _ in range(50):
        rig.press(581, 600, 601, 599)
    assert rig.told == [RAISED_HIGH]
    rig.press(580)
    assert rig.told[1:] == [(k.A_PRESSURE_HIGH, CLEARED, 580, 600)]


def test_a_low_limit_is_the_mirror_of_a_high_one() -> None:
    rig = rig_with(LOW)
    rig.press(100, 99, 119, 120)
    assert rig.told == [
        (k.A_PRESSURE_LOW, RAISED, 99, 100),
        (k.A_PRESSURE_LOW, CLEARED, 120, 100),
    ]


def test_without_hysteresis_a_limit_is_cleared_at_the_limit() -> None:
    rig = rig_with(LOW, {k.K_PRESSURE_LOW_HYSTERESIS_KPA: 0})
    rig.press(99, 100)
    assert [told[1] for told in rig.told] == [RAISED, CLEARED]


def test_negative_pressure_is_a_pressure_like_any_other() -> None:
    rig = rig_with(LOW, {k.K_PRESSURE_LOW_KPA: -50})
    rig.press(0, -50, -51, -31, -30)
    assert rig.told == [
        (k.A_PRESSURE_LOW, RAISED, -51, -50),
        (k.A_PRESSURE_LOW, CLEARED, -30, -50),
    ]


def test_a_sample_without_a_value_neither_raises_nor_clears_nor_interrupts() -> None:
    rig = rig_with(HIGH)
    rig.press(601, None, None, None)
    assert rig.told == []
    rig.press(601)
    assert rig.told == [RAISED_HIGH]
    rig.press(None, None)
    assert rig.told == [RAISED_HIGH]


def test_a_sample_that_comes_late_counts_the_time_between() -> None:
    rig = rig_with(HIGH)
    rig.press(601)
    rig.sample(after_ms=HOUR_MS)
    assert rig.told == [RAISED_HIGH]


def test_the_clock_of_the_durations_may_start_anywhere() -> None:
    rig = rig_with(HIGH)
    rig.now_ms = -3 * MINUTE_MS
    rig.press(601, 601, 601)
    assert rig.told == [RAISED_HIGH]


def test_switching_it_off_while_it_is_raised_clears_it() -> None:
    rig = rig_with(HIGH)
    rig.press(601, 601, 601)
    rig.settings[k.K_PRESSURE_HIGH_ON] = 0
    rig.press(None, 700, 700)
    assert rig.told[1:] == [(k.A_PRESSURE_HIGH, CLEARED, 601, 600)]


def test_switched_on_again_it_waits_for_the_whole_duration() -> None:
    rig = rig_with(HIGH)
    rig.press(601, 601)
    rig.settings[k.K_PRESSURE_HIGH_ON] = 0
    rig.press(601)
    rig.settings[k.K_PRESSURE_HIGH_ON] = 1
    rig.press(601, 601)
    assert rig.told == []
    rig.press(601)
    assert rig.told == [RAISED_HIGH]


def test_a_new_limit_clears_what_is_within_it() -> None:
    rig = rig_with(HIGH)
    rig.press(601, 601, 601)
    rig.settings[k.K_PRESSURE_HIGH_KPA] = 700
    rig.press(601)
    assert rig.told[1:] == [(k.A_PRESSURE_HIGH, CLEARED, 601, 700)]


def test_what_is_off_is_never_raised() -> None:
    rig = rig_with({})
    rig.press(5000, 5000, -90, -90)
    rig.samples(100, forward=100_000)
    rig.samples(100)
    assert rig.told == []


def test_forward_flow_has_a_high_and_a_low_limit_and_a_burst_is_a_third() -> None:
    rig = rig_with(
        {
            k.K_FLOW_HIGH_ON: 1,
            k.K_FLOW_HIGH_L_PER_H: 600,
            k.K_FLOW_HIGH_HYSTERESIS_L_PER_H: 60,
            k.K_FLOW_HIGH_DURATION_S: 0,
            k.K_FLOW_LOW_ON: 1,
            k.K_FLOW_LOW_L_PER_H: 60,
            k.K_FLOW_LOW_HYSTERESIS_L_PER_H: 1,
            k.K_FLOW_LOW_DURATION_S: 0,
            k.K_BURST_ON: 1,
            k.K_BURST_L_PER_H: 1200,
            k.K_BURST_HYSTERESIS_L_PER_H: 0,
            k.K_BURST_DURATION_S: 120,
        }
    )
    rig.samples(2, forward=5)
    rig.sample(forward=11)
    rig.samples(3, forward=21)
    rig.sample(forward=9)
    assert rig.told == [
        (k.A_FLOW_HIGH, RAISED, 660, 600),
        (k.A_BURST, RAISED, 1260, 1200),
        (k.A_FLOW_HIGH, CLEARED, 540, 600),
        (k.A_BURST, CLEARED, 540, 1200),
    ]
    rig.told.clear()
    rig.samples(2)
    rig.sample(forward=2)
    assert rig.told == [
        (k.A_FLOW_LOW, RAISED, 30, 60),
        (k.A_FLOW_LOW, CLEARED, 120, 60),
    ]


def test_a_hysteresis_beyond_zero_flow_is_cleared_by_no_flow() -> None:
    rig = rig_with(
        {
            k.K_FLOW_HIGH_ON: 1,
            k.K_FLOW_HIGH_L_PER_H: 300,
            k.K_FLOW_HIGH_HYSTERESIS_L_PER_H: 500,
            k.K_FLOW_HIGH_DURATION_S: 0,
        }
    )
    rig.sample(forward=10)
    rig.samples(60)
    assert [told[1] for told in rig.told] == [RAISED]
    rig.samples(2)
    assert rig.told[1:] == [(k.A_FLOW_HIGH, CLEARED, 0, 300)]


def test_after_a_restart_slow_flow_is_not_taken_for_none() -> None:
    rig = rig_with({k.K_FLOW_LOW_ON: 1, k.K_FLOW_LOW_L_PER_H: 5, k.K_FLOW_LOW_DURATION_S: 0})
    for _ in range(4):  # 12 l/h: a litre every 5 minutes
        rig.restart()
        rig.samples(3)
        rig.sample(forward=1)
        rig.samples(4)
        rig.sample(forward=1)
    assert rig.told == []


def test_after_a_restart_a_rest_that_is_long_enough_shows_low_flow() -> None:
    rig = rig_with({k.K_FLOW_LOW_ON: 1, k.K_FLOW_LOW_L_PER_H: 5, k.K_FLOW_LOW_DURATION_S: 0})
    rig.samples(14)  # at most a litre in 14 minutes, 4.3 l/h: told as 4
    assert rig.told == [(k.A_FLOW_LOW, RAISED, 4, 5)]


def test_after_a_restart_a_first_heavy_pulse_is_no_burst() -> None:
    rig = rig_with({k.K_BURST_ON: 1, k.K_BURST_DURATION_S: 0, k.K_PULSE_WEIGHT_ML: 1_000_000})
    rig.sample(forward=1)
    rig.samples(60)
    assert rig.told == []


def test_flow_is_taken_over_a_wrap_of_the_register() -> None:
    rig = rig_with({k.K_BURST_ON: 1, k.K_BURST_DURATION_S: 0, k.K_BURST_L_PER_H: 500})
    rig.forward_pulses = 0xFFFFFFFE
    rig.restart()
    rig.sample(forward=10)
    assert rig.told == [(k.A_BURST, RAISED, 600, 500)]


def test_flow_counts_with_the_pulse_weight_in_force() -> None:
    rig = rig_with({k.K_BURST_ON: 1, k.K_BURST_DURATION_S: 0, k.K_PULSE_WEIGHT_ML: 10_000})
    rig.sample(forward=40)
    assert rig.told == [(k.A_BURST, RAISED, 24_000, 20_000)]


def test_a_battery_that_is_not_measured_is_never_low() -> None:
    rig = rig_with({k.K_BATTERY_LOW_DURATION_S: 60})
    rig.battery_mv = 0
    rig.samples(10)
    assert rig.told == []
    rig.battery_mv = 3299
    rig.sample()
    rig.battery_mv = 0
    rig.sample()
    rig.battery_mv = 3299
    rig.sample()
    assert rig.told == [(k.A_BATTERY_LOW, RAISED, 3299, 3300)]
    rig.battery_mv = 3400
    rig.sample()
    assert rig.told[1:] == [(k.A_BATTERY_LOW, CLEARED, 3400, 3300)]


def test_the_status_bits_are_those_of_what_is_raised() -> None:
    rig = rig_with({k.K_BATTERY_LOW_DURATION_S: 0, k.K_BURST_ON: 1, k.K_BURST_DURATION_S: 0})
    assert rig.alarms.status == 0
    rig.battery_mv = 3000
    rig.sample(forward=1000)
    assert rig.alarms.status == 256 + 128
    rig.sample()
    assert rig.alarms.status == 256
