"""Recordings from CSV files, and the sentence for each way in which one can be wrong."""

from pathlib import Path

import pytest

from weir_tools.errors import Misused
from weir_tools.simulator.csv_input import read_recording
from weir_tools.simulator.waveform import Waveform


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flow.csv"


def test_seconds_and_iso_times_say_the_same(file: Path) -> None:
    file.write_text("time,flow_l_s\n0,2\n60,4\n")
    by_seconds = read_recording(file)
    file.write_text("time,flow_l_s\n2021-03-01T00:00:00Z,2\n2021-03-01T00:01:00Z,4\n")
    by_calendar = read_recording(file)

    assert by_seconds.span_starts_ms == by_calendar.span_starts_ms == [0, 60_000]
    assert by_seconds.amounts == by_calendar.amounts
    assert by_seconds.starts_at_s is None
    assert by_calendar.starts_at_s == 1_614_556_800


@pytest.mark.parametrize(
    ("header", "value", "litres"),
    [
        ("flow_l_s", "2", 120),
        ("Flow (L/s)", "2", 120),
        ("flow_m3_h", "7.2", 120),
        ("flow [m³/h]", "7.2", 120),
        ("flow_l_h", "7200", 120),
        ("pulses", "120", 120),
    ],
)
def test_the_header_says_the_unit(file: Path, header: str, value: str, litres: int) -> None:
    file.write_text(f"time,{header}\n0,{value}\n60,0\n")
    assert Waveform(read_recording(file), 1000).counts_at(60_000) == (litres, 0)


def test_the_option_says_the_unit_where_the_header_does_not(file: Path) -> None:
    file.write_text("time,flow\n0,7.2\n60,0\n")
    recording = read_recording(file, flow_unit="m3_h")
    assert Waveform(recording, 1000).counts_at(60_000) == (120, 0)


def test_an_empty_value_is_a_span_in_which_nothing_was_recorded(file: Path) -> None:
    file.write_text("time,flow_l_s\n0,1\n60,\n120,NaN\n180,1\n")
    recording = read_recording(file)
    assert recording.missing_starts_ms == [60_000, 120_000]
    assert Waveform(recording, 1000).counts_at(240_000) == (120, 0)


@pytest.mark.parametrize(
    ("header", "text", "kpa"),
    [("pressure_kpa", "412", 412), ("pressure (bar)", "4.12", 412), ("pressure_m", "42", 412)],
)
def test_pressure_is_read_in_any_unit(file: Path, header: str, text: str, kpa: int) -> None:
    file.write_text(f"time,flow_l_s,{header}\n0,1,{text}\n60,1,\n")
    assert read_recording(file).pressures_kpa == [kpa, None]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has fewer than two rows"),
        ("time,flow_l_s\n0,1\n", "has fewer than two rows"),
        ("when,flow_l_s\n0,1\n60,1\n", "line 1: there is no column time; the header has when"),
        ("time,volume\n0,1\n60,1\n", "line 1: there is no column flow or pulses"),
        ("time,flow_l_s,pulses\n0,1,1\n60,1,1\n", "both flow_l_s and pulses are there"),
        ("time,flow\n0,1\n60,1\n", "the column flow does not say its unit"),
        ("time,flow_gpm\n0,1\n60,1\n", "the column flow_gpm does not say its unit"),
        ("time,flow_l_s,pressure\n0,1,4\n60,1,4\n", "column pressure does not say its unit"),
        ("time,flow_l_s\nnoon,1\n60,1\n", "line 2, column time: 'noon' is not a time"),
        ("time,flow_l_s\n60,1\n60,1\n", "line 3, column time: '60' does not come after"),
        ("time,flow_l_s\n0,1\n60,1,2\n120,x\n", "line 4, column flow_l_s: 'x' is not a number"),
        ("time,flow_l_s\n0,1\n60,inf\n", "line 3, column flow_l_s: 'inf' is not a number"),
        ("time,flow_l_s\n0,1\n60\n", "line 3: column flow_l_s is missing"),
        ("time,pulses\n0,1\n60,1.5\n", "line 3, column pulses: '1.5' is not a whole number"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(Misused) as refusal:
        read_recording(file)
    assert str(file) in str(refusal.value)
    assert sentence in str(refusal.value)


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(Misused, match="not a text file"):
        read_recording(file)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(Misused, match="No such file"):
        read_recording(file)
