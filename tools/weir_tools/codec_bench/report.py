"""The measurements as JSON and as a table."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from weir_protocol.framing import MESSAGE_FRAME_SIZE_MAX, STREAM_FRAME_SIZE_MAX
from weir_tools.codec_bench.measurement import Measurement, Spread
from weir_tools.terminal import open_console


def as_json(source: str, measurements: Sequence[Measurement]) -> dict[str, Any]:
    """What `weir bench codec --json` prints; docs/commands.md explains each key."""
    records = sum(each.record_count for each in measurements)
    return {
        "data": source,
        "pulse_weight_l": _pulse_weight_l(measurements),
        "frame_size_max": STREAM_FRAME_SIZE_MAX,
        "days": sum(each.day_count for each in measurements),
        "records": records,
        "single_reading_bytes": max(max(each.continuing_sizes) for each in measurements),
        "bytes_per_record_day": _rounded(sum(e.day_bytes for e in measurements) / records),
        "entropy_bytes_per_record": _rounded(_mean_entropy_bytes(measurements)),
        "single_reading": {
            "continuing": _spread([s for e in measurements for s in e.continuing_sizes]),
            "self_contained": _spread([s for e in measurements for s in e.alone_sizes]),
        },
        "bytes_per_record_day_spread": _spread([s for e in measurements for s in e.day_sizes]),
        "bytes_per_record_day_sms": _rounded(sum(e.message_bytes for e in measurements) / records),
        "sms_frame_size_max": MESSAGE_FRAME_SIZE_MAX,
        "bytes_per_record_volume_and_mean_pressure": _rounded(
            sum(e.lean_bytes for e in measurements) / records
        ),
        "downlink_bytes_per_record_day": _rounded(
            sum(e.downlink_bytes for e in measurements) / records
        ),
        "data_sets": [_recording_json(each) for each in measurements],
    }


def _recording_json(each: Measurement) -> dict[str, Any]:
    return {
        "name": each.name,
        "pulse_weight_l": each.pulse_weight_l,
        "pressure": "simulated" if each.pressure_is_simulated else "recorded",
        "days": each.day_count,
        "records": each.record_count,
        "frames": each.frame_count,
        "bytes_per_record_day": _rounded(each.per_record(each.day_bytes)),
        "bytes_per_record_day_spread": _spread(each.day_sizes),
        "bytes_per_record_day_sms": _rounded(each.per_record(each.message_bytes)),
        "bytes_per_record_volume_and_mean_pressure": _rounded(each.per_record(each.lean_bytes)),
        "single_reading": {
            "continuing": _spread(each.continuing_sizes),
            "self_contained": _spread(each.alone_sizes),
        },
        "entropy_bytes_per_record": _rounded(_entropy_bytes(each)),
        "entropy_bytes_by_column": {
            name: _rounded(bits / 8) for name, bits in each.entropy_bits.items()
        },
    }


def _entropy_bytes(each: Measurement) -> float:
    return sum(each.entropy_bits.values()) / 8


def _mean_entropy_bytes(measurements: Sequence[Measurement]) -> float:
    """Weighted by the records of each recording."""
    total = sum(_entropy_bytes(each) * each.record_count for each in measurements)
    return total / sum(each.record_count for each in measurements)


def _pulse_weight_l(measurements: Sequence[Measurement]) -> float | None:
    """Of the recordings that are flows; None when all of them count pulses."""
    weights_l = (each.pulse_weight_l for each in measurements)
    return next((weight_l for weight_l in weights_l if weight_l is not None), None)


def _rounded(value: float) -> float:
    return round(value, 3) + 0.0  # no zero below zero


def _spread(values: Sequence[float]) -> dict[str, float]:
    spread = Spread.of(values)
    return {
        "min": _rounded(spread.least),
        "median": _rounded(spread.median),
        "max": _rounded(spread.most),
    }


def _pulse_words(measurements: Sequence[Measurement]) -> str:
    weight_l = _pulse_weight_l(measurements)
    if weight_l is None:
        return "pulses as recorded"
    some_count = any(each.pulse_weight_l is None for each in measurements)
    return f"one pulse is {weight_l:g} L" + (", or as recorded" if some_count else "")


def show(source: str, measurements: Sequence[Measurement], notes: Sequence[str]) -> None:
    """Print the table and, in a few lines, what is in it."""
    console = open_console()
    console.print(f"[bold]{source}[/bold], {_pulse_words(measurements)}")
    console.print(_table(measurements))
    summary = as_json(source, measurements)
    single = summary["single_reading"]
    console.print(
        f"A day of 96 records: [bold]{summary['bytes_per_record_day']:.2f} bytes a record[/bold], "
        f"header, seal and framing included, in frames of {STREAM_FRAME_SIZE_MAX} bytes; "
        f"{summary['bytes_per_record_day_sms']:.2f} in frames of {MESSAGE_FRAME_SIZE_MAX}; "
        f"{summary['bytes_per_record_volume_and_mean_pressure']:.2f} "
        "with volume and mean pressure alone."
    )
    console.print(
        f"One reading: [bold]{summary['single_reading_bytes']} bytes[/bold] at most as a "
        f"difference from the one acknowledged before, {single['self_contained']['max']} "
        "when it has to stand alone (after a loss)."
    )
    console.print(
        f"Entropy of the six columns, each coded by itself without any framing: "
        f"{summary['entropy_bytes_per_record']:.2f} bytes a record."
    )
    for note in notes:
        console.print(note)


def _table(measurements: Sequence[Measurement]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("recording")
    for heading in (
        "days",
        "bytes/record",
        "min",
        "median",
        "max",
        f"in {MESSAGE_FRAME_SIZE_MAX} B",
        "vol+mean",
        "entropy",
        "single",
        "alone",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in measurements:
        spread = Spread.of(each.day_sizes)
        table.add_row(
            each.name,
            str(each.day_count),
            f"{each.per_record(each.day_bytes):.2f}",
            f"{spread.least:.2f}",
            f"{spread.median:.2f}",
            f"{spread.most:.2f}",
            f"{each.per_record(each.message_bytes):.2f}",
            f"{each.per_record(each.lean_bytes):.2f}",
            f"{_entropy_bytes(each):.2f}",
            f"{min(each.continuing_sizes)}-{max(each.continuing_sizes)}",
            f"{min(each.alone_sizes)}-{max(each.alone_sizes)}",
        )
    return table
