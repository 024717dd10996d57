"""The bench file: TOML that says which target plays the roles, and what the meter is."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from weir_bench.roles import Link

BENCHES = Path(__file__).parents[1] / "benches"

_INTERVALS = ("sample_interval_s", "store_interval_s", "send_interval_s")
_METER_KEYS = ("meter_id", "pulse_weight_ml", *_INTERVALS)
_RING_KEY = "ring_sectors"  # for a ring of another size than a meter has when nothing is said


class BenchFileError(Exception):
    """The bench file cannot be used. The text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class BenchFile:
    """links: how the meter can call, the first one where a test does not care.

    starts_at_s: the calendar when a test begins. options: the table that has the target's name,
    for the target to read. settings: further ones that the meter is provisioned with, by name.
    """

    path: Path
    target: str
    links: tuple[Link, ...]
    starts_at_s: int
    meter_id: int
    pulse_weight_ml: int
    sample_interval_s: int
    store_interval_s: int
    send_interval_s: int
    ring_sectors: int = 128
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, int] = field(default_factory=dict)


def find_bench_file(chosen: str) -> Path:
    """The file of a bench given by its path, or by its name in ``benches``."""
    path = Path(chosen) if chosen.endswith(".toml") else BENCHES / f"{chosen}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in BENCHES.glob("*.toml")))
        raise BenchFileError(
            f"There is no bench file {path}; give --bench the path of one, or one of: {known}."
        )
    return path


def read_bench_file(path: Path) -> BenchFile:
    """Read and check the whole file. Raise BenchFileError at the first fault."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchFileError(f"{path} is not a TOML file ({error}); mend it.") from error
    target = _text(path, table, "target")
    _refuse_unknown(path, table, ("target", "links", "starts_at", "meter", target), "")
    meter = table.get("meter")
    if not isinstance(meter, dict):
        raise BenchFileError(f"{path} has no table [meter]; add it.")
    _refuse_unknown(path, meter, (*_METER_KEYS, _RING_KEY), "meter.")
    numbers = {key: _number(path, meter, key) for key in (*_METER_KEYS, *meter)}
    return BenchFile(
        path=path,
        target=target,
        links=_links(path, table),
        starts_at_s=_time(path, table, "starts_at"),
        settings={},
        options=table.get(target, {}),
        **numbers,
    )


def _refuse_unknown(
    path: Path, table: Mapping[str, Any], known: tuple[str, ...], prefix: str
) -> None:
    for key in table:
        if key not in known:
            raise BenchFileError(f"{path} has {prefix}{key}, which nothing reads; remove it.")


def _text(path: Path, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise BenchFileError(f"{path} needs {key} as text in double quotes; add it.")
    return value


def _number(path: Path, table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or value < 1:
        raise BenchFileError(f"{path} needs meter.{key} as a whole number above 0; add it.")
    return value


def _time(path: Path, table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise BenchFileError(
            f"{path} needs {key} as a time with its zone, such as 2021-03-01T00:00:00Z; add it."
        )
    return int(value.timestamp())


def _links(path: Path, table: Mapping[str, Any]) -> tuple[Link, ...]:
    known: tuple[Link, ...] = get_args(Link)
    value = table.get("links")
    if isinstance(value, list) and value and all(link in known for link in value):
        return tuple(value)
    raise BenchFileError(f"{path} needs links as a list of some of: {', '.join(known)}.")
