"""`weir bench alarm`: it times what a subscriber gets, and says so in figures."""

import asyncio
from pathlib import Path

import pytest

from weir_tools.alarm_bench import measurement, report
from weir_tools.alarm_bench.measurement import ALARM, READ, Outcome, Times, measure


@pytest.mark.usefixtures("real_micropython")
def test_a_reading_on_request_is_timed_on_both_kinds_of_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "METERS_OF_KIND", 1)
    outcomes = measure(tmp_path, alarms=0, reads=2)
    assert set(outcomes) == {READ}
    assert {kind: len(times.seconds) for kind, times in outcomes[READ].by_kind.items()} == {
        "tcp": 1,
        "pty": 1,
    }
    assert outcomes[READ].all.median_s > 0


def test_the_figures_are_those_of_all_trials_and_of_each_kind_of_link(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tcp = Times(tuple(one / 1000 for one in range(1, 101)))
    outcome = Outcome({"tcp": tcp, "pty": Times((0.5, 1.5))})
    document = report.as_json({ALARM: outcome, READ: outcome})
    assert (document["count"], document["median_s"], document["max_s"]) == (102, 0.0515, 1.5)
    assert document["p99_s"] == 0.5
    assert document["links"]["tcp"] == {
        "count": 100,
        "median_s": 0.0505,
        "p99_s": 0.1,
        "max_s": 0.1,
    }
    assert document["reads"]["links"]["pty"]["median_s"] == 1.0
    report.show({ALARM: outcome})
    assert "1.500" in capsys.readouterr().out


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
