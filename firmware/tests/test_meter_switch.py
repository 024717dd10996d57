"""What is counted belongs to the settings that were in force, however those come and go."""

from meter_rig import MINUTE_MS, NOON_MS, Rig, events_of
from settings_rig import change, deliver, end_session, fail_call, in_session, reading_of

from weir.link import tables_gen as t
from weir.settings import table_gen as g

SAMPLE, STORE, SEND = g.K_SAMPLE_INTERVAL_S, g.K_STORE_INTERVAL_S, g.K_SEND_INTERVAL_S
WEIGHT, PORT, HOLD = g.K_PULSE_WEIGHT_ML, g.K_LINK_PORT, g.K_LINK_HOLD
NOON_S = NOON_MS // 1000


def deliver_reports(rig: Rig) -> None:
    """Let the gateway take what is reported on settings."""
    given = rig.errands.next_body()
    while given is not None and given[0] == t.TYPE_SETTINGS_REPORT:
        rig.errands.delivered()
        given = rig.errands.next_body()


def test_each_setting_that_gives_a_record_its_meaning_closes_the_interval() -> None:
    others = {
        SAMPLE: 20,
        STORE: 300,
        WEIGHT: 10,
        g.K_PULSE_MODE: 1,
        g.K_PRESSURE_SENSOR: 2,
        g.K_PRESSURE_RANGE_KPA: 1000,
    }
    for key, value in others.items():
        rig = in_session()
        rig.run_until(5 * MINUTE_MS + 20_000)
        change(rig, 1, {key: value})
        assert [record[0] for record in rig.records()] == [NOON_S + 320], key


def test_pulses_of_before_another_weight_give_no_flow_by_the_new_one() -> None:
    rig = in_session()
    rig.run_until(5 * MINUTE_MS, pulses_each_minute=4)  # 4 l
    rig.inputs.now_ms += 20_000
    rig.inputs.forward_pulses += 3
    change(rig, 1, {WEIGHT: 10})
    rig.errands.take_read(77)
    rig.step(is_open=True)
    rig.sleep()
    deliver_reports(rig)
    assert reading_of(rig)["flow_l_per_h"] == 240


def tried(overrides: "dict[int, int]") -> Rig:
    """Return a meter with a change on trial, whose first call has failed."""
    rig = in_session({SEND: 86_400})
    change(rig, 1, overrides)
    deliver(rig)
    end_session(rig)
    fail_call(rig)
    return rig


def test_going_back_to_another_weight_closes_the_interval_so_that_no_record_mixes_two() -> None:
    rig = tried({WEIGHT: 10})
    rig.sleep_until_called()
    rig.run_until(rig.inputs.now_ms + 70_000, pulses_each_minute=4)
    rig.inputs.forward_pulses += 3
    fail_call(rig)
    assert rig.settings.version == 0
    closed = rig.records()[-1]
    assert closed[0] == NOON_S + rig.inputs.now_ms // 1000
    assert closed[1] == rig.inputs.forward_pulses > 0
    assert rig.settings.first_sequence == len(rig.records())


def test_what_was_counted_before_going_back_is_judged_by_what_was_in_force_then() -> None:
    rig = tried({WEIGHT: 10})
    rig.sleep_until_called()
    rig.inputs.reverse_pulses += 50  # half a litre
    fail_call(rig)
    assert rig.settings.version == 0
    rig.run_until(rig.inputs.now_ms + 2 * MINUTE_MS)
    assert g.A_REVERSE_FLOW not in [event[2] for event in events_of(rig)]


def test_a_trial_calls_again_though_there_is_nothing_to_say() -> None:
    rig = in_session()
    rig.session.complete = True
    change(rig, 1, {PORT: 4000})
    deliver(rig)
    end_session(rig)
    fail_call(rig)
    ends_ms = rig.inputs.now_ms + 180 * MINUTE_MS
    while not rig.actions.link_wanted and rig.inputs.now_ms < ends_ms:
        rig.sleep()
    assert rig.actions.link_wanted


def test_a_meter_that_holds_its_link_tries_every_ten_minutes_while_nobody_is_there() -> None:
    rig = in_session({HOLD: 1, SEND: 86_400})
    end_session(rig)
    for _ in range(20):
        failed_at_ms = rig.inputs.now_ms
        rig.sleep_until_called()
        assert rig.inputs.now_ms - failed_at_ms <= 12 * MINUTE_MS + 30_000
        fail_call(rig)


def test_without_a_pressure_sensor_a_reading_waits_for_no_warm_up() -> None:
    rig = in_session({g.K_PRESSURE_SENSOR: 0, g.K_PRESSURE_WARM_UP_MS: 5000})
    rig.errands.take_read(77)
    rig.step(received=b"read", is_open=True)
    assert rig.actions.wake_at_ms == rig.inputs.now_ms
    assert rig.actions.pressure_input[2] == 0
    rig.inputs.pressure_kpa = None
    rig.sleep()
    assert reading_of(rig)["request"] == 77
