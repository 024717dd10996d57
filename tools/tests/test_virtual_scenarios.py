"""Scenarios in virtual time: what takes days, what is cut off, and what fails in between."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from virtual_stage import EQUIPMENT, Stage, on_stage

from weir_protocol.records import EventCode
from weir_tools.simulator.senses import Sense
from weir_tools.virtual.scenario import DAY_S, HOUR_S, MINUTE_S
from weir_tools.virtual.store import KillPoint

FLASH_OPERATIONS = 10  # of a session that brings a change, its trial, and the record after
COMMITS = 7
HASTY = replace(EQUIPMENT, send_interval_s=900)


def seconds_of(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()


def test_a_change_made_while_a_meter_is_cut_off_for_a_week_comes_with_its_first_session() -> None:
    async def act(stage: Stage) -> None:
        await asyncio.sleep(HOUR_S)
        stage.link.reachable = False
        await asyncio.sleep(DAY_S)
        asked = await stage.change(store_interval_s=1800, pulse_weight_ml=10)
        await asyncio.sleep(7 * DAY_S)
        assert stage.state(asked) == "pending"
        sessions = stage.link.opened_count
        stage.link.reachable = True
        await stage.until(lambda: stage.state(asked) == "applied")
        assert stage.link.opened_count == sessions + 1
        assert stage.value("store_interval_s") == 1800

    assert on_stage(act).lost_named == 0


def test_a_wrong_link_port_is_given_up_after_two_sessions_in_vain_and_that_is_told() -> None:
    async def act(stage: Stage) -> None:
        await asyncio.sleep(HOUR_S)
        good = await stage.change(sample_interval_s=150)
        await stage.until(lambda: stage.state(good) == "applied")
        await asyncio.sleep(HOUR_S)
        calls_s = []
        begin_trial_call = stage.meter.settings.begin_trial_call

        def counted() -> None:
            calls_s.append(stage.now_s)
            begin_trial_call()

        stage.meter.settings.begin_trial_call = counted
        wrong = await stage.change(sample_interval_s=100, link_port=1)
        await stage.until(lambda: stage.state(wrong) == "rolled_back")
        first_s, second_s = calls_s
        assert 15 * MINUTE_S <= second_s - first_s <= 20 * MINUTE_S
        assert stage.state(good) == "applied"
        assert stage.value("sample_interval_s") == 150
        assert stage.value("link_port") == 0
        version = stage.version(wrong)
        await asyncio.sleep(MINUTE_S)
        ((_, given_up, back_at, _),) = stage.told(EventCode.SETTINGS_ROLLED_BACK)
        assert (given_up, back_at) == (version, stage.version(good))

    assert on_stage(act).changes == {"applied": 1, "rolled_back": 1}


def test_a_leak_is_raised_after_24_hours_of_flow_and_cleared_by_a_pause() -> None:
    times_s: dict[str, float] = {}

    async def act(stage: Stage) -> None:
        await asyncio.sleep(5 * HOUR_S)
        times_s["began"] = stage.now_s
        stage.flow(30)
        await asyncio.sleep(30 * HOUR_S)
        times_s["ended"] = stage.now_s
        stage.flow(0)
        await asyncio.sleep(3 * HOUR_S)
        raised, cleared = stage.told(EventCode.LEAK)
        assert (raised[0], cleared[0]) == ("raise", "clear")
        assert (raised[2], cleared[2]) == (DAY_S, DAY_S)
        times_s["raised"], times_s["cleared"] = seconds_of(raised[3]), seconds_of(cleared[3])

    on_stage(act)
    sample_s, pulse_s, gap_s = 300, 120, 1800
    late_s = times_s["raised"] - times_s["began"] - DAY_S
    assert 0 <= late_s <= 2 * sample_s + pulse_s
    late_s = times_s["cleared"] - times_s["ended"] - gap_s
    assert -pulse_s - sample_s <= late_s <= sample_s


def test_a_flapping_sensor_opens_no_more_sessions_than_its_budget_has() -> None:
    span_s, calls_max, interval_s = 6 * HOUR_S, 3, 900

    async def act(stage: Stage) -> None:
        await asyncio.sleep(HOUR_S)
        before = stage.link.opened_count
        for _ in range(span_s // 120):
            stage.senses.apply(Sense.COVER)
            await asyncio.sleep(10)
            stage.senses.release(Sense.COVER)
            await asyncio.sleep(110)
        sessions = stage.link.opened_count - before
        planned = span_s // EQUIPMENT.send_interval_s + 1
        assert sessions <= calls_max + span_s // interval_s + planned
        await stage.until(lambda: len([*stage.told(EventCode.TAMPER_COVER)]) == 2 * span_s // 120)

    assert on_stage(act).events_published > 2 * span_s // 120


@pytest.mark.parametrize("point", KillPoint)
def test_a_gateway_killed_in_any_commit_of_a_change_brings_it_to_its_end(point: KillPoint) -> None:
    for spared in range(COMMITS):

        async def act(stage: Stage, spared: int = spared) -> None:
            await asyncio.sleep(MINUTE_S)
            store = stage.store
            store.kill_point, store.spared = point, spared
            asked = await stage.change(pulse_weight_ml=100)
            await asyncio.sleep(HOUR_S)
            never_made = spared == 0 and point is KillPoint.INSIDE_COMMIT
            assert stage.state(asked) == (None if never_made else "applied")
            assert len([*stage.told(EventCode.SETTINGS_APPLIED)]) == (0 if never_made else 1)

        assert on_stage(act, HASTY).kills == 1


def test_a_power_cut_in_any_flash_operation_of_a_change_leaves_one_version_and_every_event() -> (
    None
):
    for operations in range(FLASH_OPERATIONS):

        async def act(stage: Stage, operations: int = operations) -> None:
            await asyncio.sleep(MINUTE_S)
            asked = await stage.change(pulse_weight_ml=100)
            sessions = stage.link.opened_count
            await stage.until(lambda: stage.link.opened_count > sessions, step_s=0.1)
            stage.meter.strike_flash(operations)
            await stage.until(lambda: stage.meter.cut_count == 1)
            await asyncio.sleep(HOUR_S)
            assert stage.state(asked) == "applied"

        assert on_stage(act, HASTY).power_cuts == 1
