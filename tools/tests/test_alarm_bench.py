"""`weir bench alarm`: it times what a subscriber gets, and says so in figures."""

import asyncio
import json
from pathlib import Path

import pytest

from weir_gateway.client import GatewayClient
from weir_tools.alarm_bench import measurement, report
from weir_tools.alarm_bench.measurement import (
    ALARM,
    PATIENCE_S,
    READ,
    Outcome,
    Times,
    measure,
)
from weir_tools.alarm_bench.stand import Post, Stand, open_stand
from weir_tools.cli import main
from weir_tools.errors import ExitCode
from weir_tools.simulator.senses import Sense, Senses
from weir_tools.simulator.waiting import until


@pytest.mark.usefixtures("real_micropython")
def test_alarms_and_readings_on_request_are_timed_on_both_kinds_of_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "METERS_OF_KIND", 1)
    outcomes = measure(tmp_path, alarms=4, reads=2)
    counts = {
        (what, kind): len(times.seconds)
        for what, outcome in outcomes.items()
        for kind, times in outcome.by_kind.items()
    }
    assert counts == {(ALARM, "tcp"): 2, (ALARM, "pty"): 2, (READ, "tcp"): 1, (READ, "pty"): 1}
    assert all(min(outcome.all.seconds) > 0 for outcome in outcomes.values())


@pytest.mark.usefixtures("real_micropython")
def test_a_person_at_a_meter_and_a_change_of_settings_do_not_wait_for_a_session(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        async with open_stand(tmp_path, 1) as stand:
            for post in stand.posts:
                await _trigger_and_change(stand, post)

    asyncio.run(play())


async def _trigger_and_change(stand: Stand, post: Post) -> None:
    client, meter_id = stand.client, post.meter_id
    post.senses.touch(Sense.TRIGGER)

    async def is_read() -> bool:
        return [one["cause"] for one in client.reads(meter_id)] == ["triggered"]

    assert await until(is_read, timeout_s=PATIENCE_S), post.kind
    client.post(f"/v1/meters/{meter_id}/settings", {"settings": {"sample_interval_s": 120}})

    async def is_applied() -> bool:
        return client.ask(f"/v1/meters/{meter_id}/settings")["pending"] is None

    assert await until(is_applied, timeout_s=PATIENCE_S), post.kind


def test_the_figures_are_those_of_all_trials_and_of_each_kind_of_link(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tcp = Times(tuple(one / 1000 for one in range(1, 101)), 100)
    outcome = Outcome({"tcp": tcp, "pty": Times((0.5, 1.5), 2)})
    document = report.as_json({ALARM: outcome, READ: outcome})
    assert (document["count"], document["median_s"], document["max_s"]) == (102, 0.0515, 1.5)
    assert document["p99_s"] == 0.5
    assert document["links"]["tcp"] == {
        "asked": 100,
        "count": 100,
        "median_s": 0.0505,
        "p99_s": 0.1,
        "max_s": 0.1,
    }
    assert document["reads"]["links"]["pty"]["median_s"] == 1.0
    report.show({ALARM: outcome})
    assert "1.500" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("alarms", "reads", "sentences"),
    [
        (Times((0.1, 1.9), 2), Times((3.0,), 1), []),
        (Times((0.1, 2.1), 2), Times((3.0,), 1), ["one alarm in a hundred took 2.100 s or more"]),
        (Times((0.1,), 2), Times((3.0,), 1), ["of 2 messages (alarm) only 1 reached"]),
        (Times((), 2), Times((), 1), ["of 2 messages (alarm)", "of 1 messages (read) only 0"]),
    ],
)
def test_what_is_late_or_missing_is_a_difference(
    alarms: Times,
    reads: Times,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcomes = {ALARM: Outcome({"tcp": alarms}), READ: Outcome({"tcp": reads})}
    monkeypatch.setattr(measurement, "measure", lambda *_, **__: outcomes)
    code = main(["bench", "alarm", "--json"])
    shown = capsys.readouterr()
    assert code == (ExitCode.DIFFERENT if sentences else ExitCode.DONE)
    assert [one for one in sentences if one not in shown.err] == []
    assert json.loads(shown.out)["asked"] == alarms.asked


def test_a_meter_whose_message_does_not_come_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measurement, "PATIENCE_S", 0.01)
    monkeypatch.setattr(measurement, "REST_S_MAX", 0.0)
    deaf = Post("tcp", 7, Senses())
    stand = Stand((deaf,), GatewayClient(Path("nowhere.sock")), 0)
    times = asyncio.run(measurement.trials_of(stand, measurement.Listener(), deaf, ALARM, 5))
    assert (times.seconds, times.asked) == ((), 1)


def test_a_message_counts_once_and_only_the_one_that_is_waited_for() -> None:
    async def play() -> None:
        listener = measurement.Listener()
        raised = listener.expect("weir/7/event", lambda document: document["phase"] == "raise")
        listener.hear("weir/8/event", {"phase": "raise"}, 1.0)
        listener.hear("weir/7/event", {"phase": "clear"}, 2.0)
        assert not raised.done()
        listener.hear("weir/7/event", {"phase": "raise"}, 3.0)
        listener.hear("weir/7/event", {"phase": "raise"}, 4.0)
        assert await raised == 3.0

    asyncio.run(play())
