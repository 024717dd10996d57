"""`weir bench codec` measures the meter's own frames, and says what it measured."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from weir_tools.codec_bench import meter_frames
from weir_tools.codec_bench.entropy import entropy_bits
from weir_tools.errors import Different

Weir = Callable[..., CompletedProcess[str]]


def record(at_s: int, forward: int, *, pressure_kpa: int = 400) -> list[int]:
    return [at_s, forward, 0, pressure_kpa, pressure_kpa, pressure_kpa, 5, 0, 2]


DAY = [record(1_700_000_100 + index * 900, index * 37) for index in range(97)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three days of a flow that goes up and down, a row every ten minutes."""
    rows = [
        f"{at_s},{3 + 2 * math.sin(at_s / 13_751):.2f},{410 + at_s // 600 % 3}"
        for at_s in range(0, 3 * 86_400, 600)
    ]
    file = tmp_path / "three days.csv"
    file.write_text("\n".join(["time,flow_l_s,pressure_kpa", *rows]) + "\n")
    return file


def measured(weir: Weir, *words: str | Path) -> dict[str, Any]:
    outcome = weir("bench", "codec", "--json", *words)
    assert outcome.returncode == 0, outcome.stderr
    summary: dict[str, Any] = json.loads(outcome.stdout)
    return summary


def test_the_summary_names_its_recording_and_adds_up(weir: Weir, recording: Path) -> None:
    summary = measured(weir, "--csv", recording)
    [each] = summary["data_sets"]
    assert summary["data"] == str(recording)
    assert each["pressure"] == "recorded"
    assert each["records"] == summary["records"] == 96 * each["days"]
    assert summary["bytes_per_record_day"] == each["bytes_per_record_day"]
    assert each["entropy_bytes_per_record"] == pytest.approx(
        sum(each["entropy_bytes_by_column"].values()), abs=0.005
    )
    assert summary["entropy_bytes_per_record"] == each["entropy_bytes_per_record"]
    assert summary["single_reading_bytes"] == summary["single_reading"]["continuing"]["max"]
    lean = summary["bytes_per_record_volume_and_mean_pressure"]
    assert lean < summary["bytes_per_record_day"]


def test_finer_pulses_tell_more_and_cost_more(weir: Weir, recording: Path) -> None:
    fine = measured(weir, "--csv", recording, "--pulse-weight-l", "0.1")
    coarse = measured(weir, "--csv", recording, "--pulse-weight-l", "1000")
    for key in ("bytes_per_record_day", "entropy_bytes_per_record"):
        assert fine[key] > coarse[key]


def test_the_table_says_that_a_pressure_is_simulated(weir: Weir, tmp_path: Path) -> None:
    file = tmp_path / "flow.csv"
    file.write_text("time,flow_l_s\n" + "".join(f"{at_s},2\n" for at_s in range(0, 200_000, 3600)))
    outcome = weir("bench", "codec", "--csv", file, "--days", "1")
    assert outcome.returncode == 0
    assert "Pressure is simulated" in outcome.stdout
    assert "flow.csv" in outcome.stdout


def test_pulses_are_named_by_their_weight_only_where_they_have_one(
    weir: Weir, recording: Path, tmp_path: Path
) -> None:
    pulses = tmp_path / "pulses.csv"
    pulses.write_text("time,pulses\n" + "".join(f"{at_s},2\n" for at_s in range(0, 200_000, 900)))
    short = ("--days", "1")
    counted = weir("bench", "codec", "--csv", pulses, *short)
    assert "pulses as recorded" in " ".join(counted.stdout.split())
    both = weir("bench", "codec", "--csv", recording, "--csv", pulses, *short)
    assert "one pulse is 100 L, or as recorded" in " ".join(both.stdout.split())
    alone = measured(weir, "--csv", pulses, *short)
    assert alone["pulse_weight_l"] is None
    mixed = measured(weir, "--csv", recording, "--csv", pulses, *short)
    assert mixed["pulse_weight_l"] == 100
    assert [each["pulse_weight_l"] for each in mixed["data_sets"]] == [100, None]


def test_no_number_of_the_summary_is_below_zero(weir: Weir, tmp_path: Path) -> None:
    file = tmp_path / "still.csv"
    rows = "".join(f"{at_s},0,400\n" for at_s in range(0, 200_000, 900))
    file.write_text(f"time,flow_l_s,pressure_kpa\n{rows}")
    outcome = weir("bench", "codec", "--json", "--csv", file, "--days", "1")
    assert outcome.returncode == 0
    assert re.findall(r": -[\d.]+", outcome.stdout) == []


def test_a_day_with_a_gap_is_left_out(weir: Weir, tmp_path: Path) -> None:
    file = tmp_path / "flow.csv"
    rows = [f"{hour * 3600},{'' if hour == 30 else 2}" for hour in range(24 * 4)]
    file.write_text("\n".join(["time,flow_l_s", *rows]) + "\n")
    assert measured(weir, "--csv", file)["days"] == 2


def test_every_byte_on_the_wire_is_counted() -> None:
    traffic = meter_frames.deliver(DAY, frame_size_max=140)
    assert [entry.sequence for entry in traffic.records] == list(
        range(meter_frames.FIRST_SEQUENCE + 1, meter_frames.FIRST_SEQUENCE + 97)
    )
    # Header, settings version, seal and framing of each frame at least.
    assert min(traffic.uplink_sizes) > 8 + 1 + 8 + 2
    assert max(traffic.uplink_sizes) <= 140 + 2


def test_a_record_that_arrives_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_kpa_more(sequence: int, entry: list[int]) -> Any:
        mean_kpa = entry[3] + 1
        return as_received(sequence, [*entry[:3], mean_kpa, mean_kpa, mean_kpa, *entry[6:]])

    as_received = meter_frames._as_received
    monkeypatch.setattr(meter_frames, "_as_received", one_kpa_more)
    with pytest.raises(Different):
        meter_frames.deliver(DAY, frame_size_max=140, leans=False)


def test_a_column_that_never_changes_has_no_entropy() -> None:
    assert set(entropy_bits([DAY]).values()) == {0.0}


def test_the_entropy_of_two_equal_values_is_a_bit() -> None:
    pressures = [400, 401] * 48 + [400]
    day = [
        record(1_700_000_100 + index * 900, index, pressure_kpa=pressure_kpa)
        for index, pressure_kpa in enumerate(pressures)
    ]
    bits = entropy_bits([day])
    assert bits["pressure_mean"] == pytest.approx(1.0, abs=0.001)
    assert bits["forward"] == 0.0
