"""`weir bench custody` says what came of its worlds, and repeats any of them to the bit."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pytest

from weir_tools.virtual import checks, ring_cuts
from weir_tools.virtual.flash import CUT_MODES
from weir_tools.virtual.ring_cuts import Geometry

Weir = Callable[..., CompletedProcess[str]]
SMALL = ("--seed", "7", "--meters", "2", "--days", "1")


def run_apart(hash_seed: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "weir_tools", "bench", "custody", "--json", *SMALL]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join(
            place for place in sys.path if not place.endswith("firmware/src")
        ),
    }
    done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=120)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def test_one_seed_leaves_one_trace_whatever_the_process() -> None:
    one, other = (run_apart(hash_seed) for hash_seed in ("1", "2"))
    for summary in (one, other):
        del summary["wall_s"]
    assert one == other
    assert one["worlds"][0]["trace"]


def test_another_seed_leaves_another_trace(weir: Weir) -> None:
    words = ("bench", "custody", "--json", "--meters", "1", "--days", "0.2")
    traces = {
        json.loads(weir(*words, "--seed", seed).stdout)["worlds"][0]["trace"] for seed in "12"
    }
    assert len(traces) == 2


def test_the_summary_adds_up(weir: Weir) -> None:
    outcome = weir("bench", "custody", "--json", *SMALL)
    assert outcome.returncode == 0, outcome.stderr
    summary = json.loads(outcome.stdout)
    assert summary["readings_taken"] == summary["stored"] + summary["lost_named"]
    assert summary["published"] == summary["stored"]
    assert summary["lost_unnamed"] == summary["duplicates"] == 0
    assert summary["power_cuts"] == summary["power_cuts_in_worlds"]
    assert summary["violations"] == []


def test_the_table_names_the_seed_and_the_trace(weir: Weir) -> None:
    outcome = weir("bench", "custody", *SMALL)
    assert outcome.returncode == 0, outcome.stderr
    assert "readings taken" in outcome.stdout
    assert "0 duplicates" in outcome.stdout


def test_only_the_kinds_of_fault_that_are_named_befall_a_world(weir: Weir) -> None:
    outcome = weir("bench", "custody", "--json", *SMALL, "--fault", "kills", "--fault", "power")
    assert outcome.returncode == 0, outcome.stderr
    (world,) = json.loads(outcome.stdout)["worlds"]
    assert world["faults"] == ["kills", "power"]
    assert world["command"].endswith("--fault kills --fault power")


def test_a_broken_promise_ends_with_exit_code_4_and_the_command_that_repeats_it(
    weir: Weir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.Losses, "has", lambda *_: True)
    outcome = weir("bench", "custody", *SMALL, "--fault", "none")
    assert outcome.returncode == 4
    assert "is named lost, but the meter has it" in outcome.stderr
    command = "weir bench custody --seed 7 --meters 2 --days 1 --fault none"
    assert command in outcome.stdout


@pytest.mark.parametrize("geometry", ring_cuts.GEOMETRIES[:8], ids=str)
def test_no_cut_inside_any_flash_operation_of_two_laps_costs_a_record(geometry: Geometry) -> None:
    swept = ring_cuts.sweep(geometry)
    assert swept.broken == ()
    operations = 2 * geometry.capacity + 2
    assert swept.cuts > operations * len(CUT_MODES)
