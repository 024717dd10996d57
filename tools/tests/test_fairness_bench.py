"""`weir bench fairness`: it measures a real gateway, and says so in figures."""

import asyncio
from pathlib import Path

import pytest

from weir_tools.fairness_bench import report
from weir_tools.fairness_bench.measurement import Trial, Waits, run


def test_quiet_meters_are_acknowledged_while_another_one_floods(tmp_path: Path) -> None:
    (trial,) = asyncio.run(run(tmp_path, [("genuine", 2)], meters=2, seconds=1.0))
    assert (trial.kind, trial.connections) == ("genuine", 2)
    assert len(trial.quiet.seconds) >= 2
    assert len(trial.flooded.seconds) >= 2


def test_the_figures_are_medians_and_the_worst_factor(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Waits((0.001, 0.002, 0.003))
    trials = [
        Trial("genuine", 1, quiet, Waits((0.002, 0.003, 0.009))),
        Trial("garbage", 8, quiet, quiet),
    ]
    document = report.as_json(trials, meters=3, seconds=1.0)
    assert document["factor_max"] == 1.5
    assert document["floods"][0] == {
        "kind": "genuine",
        "connections": 1,
        "quiet_median_ms": 2.0,
        "quiet_p99_ms": 3.0,
        "flooded_median_ms": 3.0,
        "flooded_p99_ms": 9.0,
        "factor": 1.5,
        "acknowledgements": 3,
    }
    report.show(trials)
    assert "1.50" in capsys.readouterr().out
