"""Tamper: what is done to cover, magnet and cable is told at once, and once."""

from alarm_rig import CLEARED, MINUTE_MS, RAISED, AlarmRig, rig_with

from weir.hal.senses import COVER, LOOP_OPEN, MAGNET
from weir.settings import table_gen as k

SECOND_MS = 1000
SLOW = {k.K_TAMPER_COVER_DURATION_S: 10}
SLOW_CABLE = {k.K_TAMPER_CABLE_DURATION_S: 10}


def test_an_open_cover_is_told_at_once_and_cleared_when_it_has_been_closed_for_so_long() -> None:
    rig = AlarmRig()
    rig.sense(COVER)
    assert rig.told == [(k.A_TAMPER_COVER, RAISED, 1, 1)]
    rig.sense(0, after_ms=MINUTE_MS)
    assert rig.alarms.sense_at_ms == rig.now_ms + MINUTE_MS
    rig.sense(0, after_ms=MINUTE_MS - 1)
    assert len(rig.told) == 1
    rig.sense(0, after_ms=1)
    assert rig.told[1:] == [(k.A_TAMPER_COVER, CLEARED, 0, 1)]
    assert rig.alarms.sense_at_ms is None


def test_a_cover_that_flaps_is_one_alarm() -> None:
    rig = AlarmRig()
    for _ in range(100):
        rig.sense(COVER, after_ms=SECOND_MS)
        rig.sense(0, after_ms=SECOND_MS)
    assert rig.told == [(k.A_TAMPER_COVER, RAISED, 1, 1)]


def test_a_cover_may_have_to_be_open_for_so_long() -> None:
    rig = rig_with(SLOW)
    rig.sense(COVER)
    assert rig.alarms.sense_at_ms == rig.now_ms + 10_000
    rig.sense(COVER, after_ms=9_999)
    assert rig.told == []
    rig.sense(COVER, after_ms=1)
    assert rig.told == [(k.A_TAMPER_COVER, RAISED, 1, 1)]
    assert rig.alarms.sense_at_ms is None


def test_a_cover_that_closes_before_begins_anew() -> None:
    rig = rig_with(SLOW)
    for _ in range(10):
        rig.sense(COVER, after_ms=SECOND_MS)
        rig.sense(0, after_ms=9 * SECOND_MS)
    assert rig.told == []
    assert rig.alarms.sense_at_ms is None


def test_cover_and_magnet_are_alarms_of_their_own_and_one_status() -> None:
    rig = AlarmRig()
    rig.sense(COVER)
    rig.sense(COVER | MAGNET, after_ms=SECOND_MS)
    assert [told[:2] for told in rig.told] == [
        (k.A_TAMPER_COVER, RAISED),
        (k.A_TAMPER_MAGNET, RAISED),
    ]
    assert rig.alarms.status == 32
    rig.sense(COVER, after_ms=SECOND_MS)
    rig.sense(COVER, after_ms=MINUTE_MS)
    assert rig.told[2:] == [(k.A_TAMPER_MAGNET, CLEARED, 0, 1)]
    assert rig.alarms.status == 32


def test_switching_it_off_clears_it_and_on_again_raises_it() -> None:
    rig = AlarmRig()
    rig.sense(COVER)
    rig.settings[k.K_TAMPER_COVER_ON] = 0
    rig.sense(COVER, after_ms=SECOND_MS)
    assert rig.told[1:] == [(k.A_TAMPER_COVER, CLEARED, 0, 1)]
    assert rig.alarms.sense_at_ms is None
    rig.settings[k.K_TAMPER_COVER_ON] = 1
    rig.sense(COVER, after_ms=SECOND_MS)
    assert rig.told[2:] == [(k.A_TAMPER_COVER, RAISED, 1, 1)]


def test_an_open_loop_counts_at_once() -> None:
    rig = AlarmRig()
    rig.sense(LOOP_OPEN)
    assert rig.told == [(k.A_TAMPER_CABLE, RAISED, 0, 10)]
    rig.sense(LOOP_OPEN, after_ms=10 * MINUTE_MS)
    rig.sense(0)
    assert rig.alarms.sense_at_ms == rig.now_ms + MINUTE_MS
    rig.sense(0, after_ms=MINUTE_MS)
    assert rig.told[1:] == [(k.A_TAMPER_CABLE, CLEARED, 0, 10)]
    assert rig.alarms.sense_at_ms is None


def test_illegal_transitions_add_up_until_the_cable_is_quiet() -> None:
    rig = AlarmRig()
    for _ in range(9):
        rig.jolt(1, after_ms=MINUTE_MS - 1)
    assert rig.told == []
    rig.jolt(1, after_ms=MINUTE_MS - 1)
    assert rig.told == [(k.A_TAMPER_CABLE, RAISED, 10, 10)]
    rig.jolt(3)
    rig.jolt(0)
    assert rig.told[1:] == [(k.A_TAMPER_CABLE, CLEARED, 13, 10)]


def test_few_illegal_transitions_now_and_then_are_no_tampering() -> None:
    rig = AlarmRig()
    for _ in range(50):
        rig.jolt(9)
        rig.jolt(0)
    assert rig.told == []


def test_the_count_of_illegal_transitions_may_wrap() -> None:
    rig = AlarmRig()
    rig.illegal_transitions = 0xFFFFFFFB
    rig.settings[k.K_TAMPER_CABLE_ON] = 0
    rig.jolt(0)
    rig.jolt(0)
    rig.settings[k.K_TAMPER_CABLE_ON] = 1
    rig.jolt(10)
    assert rig.told == [(k.A_TAMPER_CABLE, RAISED, 10, 10)]


def test_a_counter_that_was_restarted_counts_from_0() -> None:
    rig = AlarmRig()
    rig.jolt(9)
    rig.jolt(0)
    rig.illegal_transitions = 0
    rig.jolt(4)
    assert rig.told == []


def test_a_cable_may_have_to_be_open_for_so_long() -> None:
    rig = rig_with(SLOW_CABLE)
    rig.sense(LOOP_OPEN)
    assert rig.alarms.sense_at_ms == rig.now_ms + 10_000
    rig.sense(LOOP_OPEN, after_ms=9_999)
    assert rig.told == []
    rig.sense(LOOP_OPEN, after_ms=1)
    assert rig.told == [(k.A_TAMPER_CABLE, RAISED, 0, 10)]


def test_a_loop_that_was_open_for_a_moment_has_not_lasted() -> None:
    rig = rig_with(SLOW_CABLE)
    rig.sense(LOOP_OPEN)
    rig.sense(0, after_ms=SECOND_MS)
    rig.sense(0, after_ms=30 * SECOND_MS)
    rig.sense(0, after_ms=60 * SECOND_MS)
    assert rig.told == []
    assert rig.alarms.sense_at_ms is None


def test_without_quiet_time_an_open_loop_is_one_alarm() -> None:
    rig = rig_with({k.K_TAMPER_CABLE_QUIET_S: 0})
    for _ in range(10):
        rig.sense(LOOP_OPEN, after_ms=MINUTE_MS)
    assert len(rig.told) == 1
    rig.sense(0, after_ms=MINUTE_MS)
    assert [told[1] for told in rig.told] == [RAISED, CLEARED]


def test_a_cable_switched_off_is_cleared() -> None:
    rig = AlarmRig()
    rig.sense(LOOP_OPEN)
    rig.settings[k.K_TAMPER_CABLE_ON] = 0
    rig.sense(LOOP_OPEN, after_ms=SECOND_MS)
    assert rig.told[1:] == [(k.A_TAMPER_CABLE, CLEARED, 0, 10)]
    assert rig.alarms.sense_at_ms is None


def test_tampering_that_was_raised_before_a_restart_is_cleared_by_quiet() -> None:
    rig = AlarmRig()
    for code in (k.A_TAMPER_COVER, k.A_TAMPER_MAGNET, k.A_TAMPER_CABLE):
        rig.alarms.restore(rig.now_ms, code, 1)
    rig.sense(MAGNET, after_ms=SECOND_MS)
    rig.sense(MAGNET, after_ms=MINUTE_MS)
    assert rig.told == [
        (k.A_TAMPER_COVER, CLEARED, 0, 1),
        (k.A_TAMPER_CABLE, CLEARED, 1, 10),
    ]
