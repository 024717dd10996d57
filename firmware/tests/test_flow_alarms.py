"""Reverse flow, a leak and no consumption: what pulses show over a long time."""

from alarm_rig import CLEARED, HOUR_MS, MINUTE_MS, RAISED, AlarmRig, rig_with

from weir.settings import table_gen as k

DAY_MINUTES = 24 * 60
IDLE = {k.K_LEAK_ON: 0, k.K_NO_CONSUMPTION_ON: 1, k.K_NO_CONSUMPTION_DURATION_S: 7200}
SHORT_LEAK = {k.K_LEAK_DURATION_S: 3600, k.K_LEAK_GAP_S: 600}


def test_reverse_flow_is_raised_by_its_volume_and_cleared_by_quiet() -> None:
    rig = AlarmRig()
    rig.samples(9, reverse=1)
    assert rig.told == []
    rig.sample(reverse=1)
    assert rig.told == [(k.A_REVERSE_FLOW, RAISED, 10, 10)]
    rig.sample(reverse=5)
    rig.samples(9)
    assert len(rig.told) == 1
    rig.sample()
    assert rig.told[1:] == [(k.A_REVERSE_FLOW, CLEARED, 15, 10)]


def test_reverse_flow_that_rests_for_the_quiet_time_begins_anew() -> None:
    rig = AlarmRig()
    for _ in range(30):
        rig.sample(reverse=9)
        rig.samples(10)
    assert rig.told == []


def test_reverse_flow_of_drops_between_short_rests_adds_up() -> None:
    rig = AlarmRig()
    for _ in range(10):
        rig.sample(reverse=1)
        rig.samples(9)
    assert [told[:2] for told in rig.told] == [(k.A_REVERSE_FLOW, RAISED)]


def test_water_that_only_trembles_adds_up_to_no_reverse_flow() -> None:
    rig = AlarmRig()
    for _ in range(100):
        rig.sample(reverse=1)
        rig.sample(forward=1)
        rig.sample(forward=1, reverse=1)
    assert rig.told == []


def test_what_flowed_forward_before_leaves_nothing_to_take_off() -> None:
    rig = AlarmRig()
    rig.sample(forward=100)
    rig.sample(forward=3, reverse=1)
    rig.samples(10, reverse=1)
    assert rig.told == [(k.A_REVERSE_FLOW, RAISED, 10, 10)]


def test_reverse_flow_stays_raised_when_water_flows_forward_again_until_it_is_quiet() -> None:
    rig = AlarmRig()
    rig.sample(reverse=12)
    rig.samples(9, forward=5)
    assert len(rig.told) == 1
    rig.sample(forward=5)
    assert rig.told[1:] == [(k.A_REVERSE_FLOW, CLEARED, 12, 10)]


def test_reverse_flow_may_have_to_last() -> None:
    rig = rig_with({k.K_REVERSE_FLOW_DURATION_S: 120})
    rig.samples(2, reverse=20)
    assert rig.told == []
    rig.sample(reverse=20)
    assert rig.told == [(k.A_REVERSE_FLOW, RAISED, 60, 10)]


def test_a_limit_of_no_volume_is_raised_by_the_first_reverse_pulse_and_not_before() -> None:
    rig = rig_with({k.K_REVERSE_FLOW_L: 0})
    rig.samples(5, forward=3)
    assert rig.told == []
    rig.sample(reverse=1)
    assert rig.told == [(k.A_REVERSE_FLOW, RAISED, 1, 0)]


def test_reverse_flow_is_taken_over_a_wrap_of_the_register() -> None:
    rig = AlarmRig(reverse_pulses=0xFFFFFFFA)
    rig.sample(reverse=12)
    assert rig.told == [(k.A_REVERSE_FLOW, RAISED, 12, 10)]


def test_reverse_pulses_count_by_their_weight_below_a_litre_too() -> None:
    rig = rig_with({k.K_PULSE_WEIGHT_ML: 250})
    rig.sample(reverse=39)
    assert rig.told == []
    rig.sample(reverse=1)
    assert rig.told == [(k.A_REVERSE_FLOW, RAISED, 10, 10)]


def test_a_higher_limit_clears_the_reverse_flow_that_it_allows() -> None:
    rig = AlarmRig()
    rig.sample(reverse=12)
    rig.settings[k.K_REVERSE_FLOW_L] = 1000
    rig.sample(reverse=1)
    assert rig.told[1:] == [(k.A_REVERSE_FLOW, CLEARED, 13, 1000)]


def test_reverse_flow_switched_off_is_cleared_and_on_again_raised() -> None:
    rig = AlarmRig()
    rig.sample(reverse=12)
    rig.settings[k.K_REVERSE_FLOW_ON] = 0
    rig.sample()
    rig.settings[k.K_REVERSE_FLOW_ON] = 1
    rig.sample()
    assert [told[1] for told in rig.told] == [RAISED, CLEARED, RAISED]


def test_flow_that_never_rests_for_a_day_is_a_leak() -> None:
    rig = AlarmRig()
    rig.samples(DAY_MINUTES, forward=1)
    assert rig.told == []
    rig.sample(forward=1)
    assert rig.told == [(k.A_LEAK, RAISED, 86_400, 86_400)]
    rig.samples(60, forward=1)
    rig.samples(29)
    assert len(rig.told) == 1
    rig.sample()
    assert rig.told[1:] == [(k.A_LEAK, CLEARED, 90_000, 86_400)]


def test_a_pulse_now_and_then_within_the_gap_is_a_leak_too() -> None:
    rig = rig_with(SHORT_LEAK)
    for _ in range(7):
        rig.sample(forward=1)
        rig.samples(9)
    assert [told[:2] for told in rig.told] == [(k.A_LEAK, RAISED)]


def test_one_rest_of_the_gap_begins_the_leak_anew() -> None:
    rig = rig_with(SHORT_LEAK)
    for _ in range(10):
        rig.samples(60, forward=50)
        rig.samples(10)
    assert rig.told == []


def test_a_sample_that_comes_late_shows_no_gap_when_it_has_pulses() -> None:
    rig = rig_with(SHORT_LEAK)
    rig.samples(30, forward=1)
    rig.sample(forward=1, after_ms=HOUR_MS)
    assert rig.told == [(k.A_LEAK, RAISED, 5340, 3600)]


def test_a_sample_that_comes_late_and_has_none_does() -> None:
    rig = rig_with(SHORT_LEAK)
    rig.samples(50, forward=1)
    rig.sample(after_ms=20 * MINUTE_MS)
    rig.samples(50, forward=1)
    assert rig.told == []


def test_reverse_flow_is_no_leak_and_no_consumption_either() -> None:
    rig = rig_with(IDLE, SHORT_LEAK, {k.K_LEAK_ON: 1, k.K_REVERSE_FLOW_ON: 0})
    rig.samples(130, reverse=1)
    assert [told[:2] for told in rig.told] == [(k.A_NO_CONSUMPTION, RAISED)]


def test_a_leak_switched_off_is_cleared() -> None:
    rig = rig_with(SHORT_LEAK)
    rig.samples(61, forward=1)
    rig.settings[k.K_LEAK_ON] = 0
    rig.sample(forward=1)
    assert [told[1] for told in rig.told] == [RAISED, CLEARED]


def test_a_longer_duration_clears_the_leak_that_has_not_lasted_so_long() -> None:
    rig = rig_with(SHORT_LEAK)
    rig.samples(61, forward=1)
    rig.settings[k.K_LEAK_DURATION_S] = 7200
    rig.sample(forward=1)
    assert rig.told[1:] == [(k.A_LEAK, CLEARED, 3660, 7200)]


def test_no_pulse_for_so_long_is_no_consumption_and_the_first_one_clears_it() -> None:
    rig = rig_with(IDLE)
    rig.samples(119)
    assert rig.told == []
    rig.sample()
    assert rig.told == [(k.A_NO_CONSUMPTION, RAISED, 7200, 7200)]
    rig.sample(forward=1)
    assert rig.told[1:] == [(k.A_NO_CONSUMPTION, CLEARED, 7260, 7200)]


def test_a_single_pulse_begins_no_consumption_anew() -> None:
    rig = rig_with(IDLE)
    for _ in range(5):
        rig.samples(119)
        rig.sample(forward=1)
    assert rig.told == []


def test_no_consumption_may_need_several_pulses_to_clear() -> None:
    rig = rig_with(IDLE, {k.K_NO_CONSUMPTION_CLEAR_PULSES: 5})
    rig.samples(120)
    rig.samples(2, forward=2)
    assert len(rig.told) == 1
    rig.sample(forward=1)
    assert [told[1] for told in rig.told] == [RAISED, CLEARED]
    rig.samples(119)
    assert len(rig.told) == 2
    rig.sample()
    assert [told[1] for told in rig.told] == [RAISED, CLEARED, RAISED]


def test_no_consumption_switched_off_is_cleared() -> None:
    rig = rig_with(IDLE)
    rig.samples(120)
    rig.settings[k.K_NO_CONSUMPTION_ON] = 0
    rig.sample()
    assert [told[1] for told in rig.told] == [RAISED, CLEARED]


def test_what_was_raised_before_a_restart_is_cleared_after_it_without_being_told_again() -> None:
    rig = rig_with(IDLE, SHORT_LEAK, {k.K_LEAK_ON: 1})
    rig.restart()
    rig.alarms.restore(rig.now_ms, k.A_REVERSE_FLOW, 12)
    rig.alarms.restore(rig.now_ms, k.A_LEAK, 3600)
    assert rig.alarms.status == 16 + 64
    rig.sample()
    assert rig.told == []
    rig.samples(8)
    assert rig.told == []
    rig.sample()
    assert rig.told == [
        (k.A_REVERSE_FLOW, CLEARED, 12, 10),
        (k.A_LEAK, CLEARED, 3600, 3600),
    ]


def test_no_consumption_that_was_raised_before_a_restart_goes_on_counting() -> None:
    rig = rig_with(IDLE)
    rig.alarms.restore(rig.now_ms, k.A_NO_CONSUMPTION, 7200)
    rig.sample()
    assert rig.told == []
    rig.sample(forward=1)
    assert rig.told == [(k.A_NO_CONSUMPTION, CLEARED, 7320, 7200)]


def test_reverse_flow_that_had_to_last_and_did_before_a_restart_is_not_cleared_by_it() -> None:
    rig = rig_with({k.K_REVERSE_FLOW_DURATION_S: 3600})
    rig.restart()
    rig.alarms.restore(rig.now_ms, k.A_REVERSE_FLOW, 12)
    rig.samples(5)
    assert rig.told == []


def test_each_no_consumption_takes_its_own_pulses_to_clear() -> None:
    rig = rig_with(IDLE, {k.K_NO_CONSUMPTION_CLEAR_PULSES: 3})
    rig.samples(120)
    rig.sample(forward=3)
    rig.samples(120)
    assert [told[1] for told in rig.told] == [RAISED, CLEARED, RAISED]
    rig.samples(5)
    rig.sample(forward=2)
    assert len(rig.told) == 3
    rig.sample(forward=1)
    assert [told[1] for told in rig.told[3:]] == [CLEARED]
