"""Recordings from CSV files, and the sentence for each way in which one can be wrong."""

import tracemalloc
from pathlib import Path

import pytest

from weir_tools.errors import Misused
from weir_tools.simulator import csv_input
from weir_tools.simulator.recording import Recording
from weir_tools.simulator.waveform import Waveform


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flow.csv"


def read_recording(
    file: Path, *, flow_unit: str | None = None, pulse_weight_ml: int = 1000
) -> Recording:
    return csv_input.read_recording(file, pulse_weight_ml=pulse_weight_ml, flow_unit=flow_unit)


def test_seconds_and_iso_times_say_the_same(file: Path) -> None:
    file.write_text("time,flow_l_s\n0,2\n60,4\n")
    by_seconds = read_recording(file)
    file.write_text("time,flow_l_s\n2021-03-01T00:00:00Z,2\n2021-03-01T00:01:00Z,4\n")
    by_calendar = read_recording(file)

    assert by_seconds.span_starts_ms == by_calendar.span_starts_ms
    assert list(by_seconds.span_starts_ms) == [0, 60_000]
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
    assert list(recording.missing_starts_ms) == [60_000, 120_000]
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
        ("", "is empty; give a CSV file with a header and at least two rows"),
        ("\n \n", "is empty"),
        ("time,flow_l_s\n", "has a header and no row below it"),
        ("time,flow_l_s\n0,1\n", "has only one row below its header"),
        ("when,flow_l_s\n0,1\n60,1\n", "line 1: there is no column time; the header has when"),
        ("time,volume\n0,1\n60,1\n", "line 1: there is no column flow or pulses"),
        ("time,flow_l_s,pulses\n0,1,1\n60,1,1\n", "both flow_l_s and pulses are there"),
        ("time,flow\n0,1\n60,1\n", "the column flow does not say its unit"),
        ("time,flow_gpm\n0,1\n60,1\n", "the column flow_gpm does not say its unit"),
        ("time,flow_l_s,pressure\n0,1,4\n60,1,4\n", "column pressure does not say its unit"),
        ("time,flow_l_s\nnoon,1\n60,1\n", "line 2, column time: 'noon' is not a time"),
        ("time,flow_l_s\n60,1\n60,1\n", "line 3, column time: '60' does not come after"),
        ("time,flow_l_s\n0,1\n60,x\n120,1\n", "line 3, column flow_l_s: 'x' is not a number"),
        ("time,flow_l_s\n0,1\n60,1,2\n", "line 3: there are 3 values for 2 columns; write dec"),
        ("time,flow_l_s,pressure_bar\n0,12,5,\n", "line 2: there are 4 values for 3 columns"),
        ("time,flow_l_s\n0,1\n1e300,1\n", "line 3, column time: '1e300' is out of range"),
        ("time,flow_l_s\n0,1\n1e9999999,1\n", "line 3, column time: '1e9999999' is out of"),
        ("time,flow_l_s\n-60,1\n0,1\n", "line 2, column time: '-60' is out of range"),
        ("time,flow_l_s\nnan,1\n0,1\n", "line 2, column time: 'nan' is not a time"),
        ("time,flow_l_s\n1969-12-31,1\n0,1\n", "line 2, column time: '1969-12-31' is out of"),
        ("time,flow_l_s\n0001-01-01T00:00+14:00,1\n", "line 2, column time: '0001-01-01T00:00"),
        ("time,flow_l_s\n0,1\n2021-03-01,1\n", "line 3, column time: '2021-03-01' is written"),
        ("time,flow_l_s\n2021-03-01,1\n60,1\n", "line 3, column time: '60' is written otherw"),
        ("time,flow_l_s\n0,1\n60,-2e9\n", "line 3, column flow_l_s: '-2e9' is out of range"),
        ("time,flow_l_s\n0,1\n60,1e9999999\n", "line 3, column flow_l_s: '1e9999999' is out"),
        ("time,pulses\n0,1\n60,1e300\n", "line 3, column pulses: '1e300' is not a whole num"),
        ("time,flow_l_s,pressure_bar\n0,1,328\n", "line 2, column pressure_bar: '328' is out"),
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


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("time,pulses\n0,2147483647\n60,0\n", None),
        ("time,pulses\n0,2147483647\n60,1\n", 3),
        ("time,pulses\n0,-2147483647\n60,2147483647\n\n120,-1\n", 5),
        ("time,flow_l_s\n0,1\n60,1e9\n", 3),
    ],
)
def test_more_than_a_meter_can_count_is_refused_where_it_is_too_much(
    file: Path, text: str, line: int | None
) -> None:
    file.write_text(text)
    if line is None:
        assert Waveform(read_recording(file), 1000).counts_at(120_000) == (2**31 - 1, 0)
        return
    with pytest.raises(Misused, match=f"line {line}, column (pulses|flow_l_s): here more than"):
        read_recording(file)


def test_a_heavier_pulse_makes_the_same_flow_countable(file: Path) -> None:
    file.write_text("time,flow_l_s\n0,1000\n3600000,1000\n")
    with pytest.raises(Misused, match="more than 2147483647 pulses have flowed"):
        read_recording(file, pulse_weight_ml=1000)
    recording = read_recording(file, pulse_weight_ml=10_000)
    assert Waveform(recording, 10_000).counts_at(recording.ends_ms) == (720_000_000, 0)


def test_of_a_long_file_little_more_than_its_numbers_is_kept(file: Path) -> None:
    count = 30_000
    with file.open("w") as out:
        out.write("time,flow_m3_h,pressure_bar\n")
        out.writelines(
            f"{row * 60},{row % 977 / 100},{4 + row % 89 / 100}\n" for row in range(count)
        )
    read_recording(file)  # what is loaded once is not counted
    tracemalloc.start()
    try:
        waveform = Waveform(read_recording(file), 1000)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert waveform.ends_ms == count * 60_000
    assert most / count < 200  # bytes a row


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(Misused, match="not a text file"):
        read_recording(file)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(Misused, match="No such file"):
        read_recording(file)
