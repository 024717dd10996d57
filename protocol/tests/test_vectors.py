"""Every golden vector holds four ways: built and parsed by construct, and by the meter's code on
CPython and on MicroPython."""

import json
import os
import re
import subprocess
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from codegen.vector_cases import cases
from crosscheck import meter_vectors
from crosscheck.meter_aes import MeterAes
from weir_protocol.batch import Batch, Columns
from weir_protocol.frames import FrameType, Header, build_body, parse_body, peek_header
from weir_protocol.framing import Deframer, enframe
from weir_protocol.records import IntervalRecord, TimeQuality
from weir_protocol.sealing import DIRECTION_DOWNLINK, DIRECTION_UPLINK, Sealer, nonce

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "protocol" / "vectors").glob("*.json"))
every_vector = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def record(row: list[Any]) -> IntervalRecord:
    values = dict(zip(IntervalRecord.__slots__, row, strict=True))
    return IntervalRecord(**{**values, "time_quality": TimeQuality(row[-1])})


def host_fields(vector: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a vector with its batch, if it has one, as a Batch."""
    fields = dict(vector["fields"])
    if "batch" in fields:
        rows = fields["batch"]
        fields["batch"] = Batch(
            tuple(record(row) for row in rows["records"]),
            rows["interval_s"],
            rows["samples"],
            Columns(rows["columns"]),
            record(rows["reference"]) if rows["reference"] else None,
        )
    return fields


def test_there_are_vectors_for_every_frame_type_and_every_case_has_its_file() -> None:
    assert {load(path)["frame_type"] for path in FILES} == {kind.name for kind in FrameType}
    assert {path.stem for path in FILES} == {case.name for case in cases()}
    assert len(FILES) >= 40


@every_vector
def test_construct_builds_the_vector(path: Path) -> None:
    vector = load(path)
    frame_type = FrameType[vector["frame_type"]]
    epoch = vector["epoch"] if frame_type is FrameType.HELLO else None
    header = Header(frame_type, vector["meter_id"], vector["counter"], epoch).encode()
    body = build_body(frame_type, host_fields(vector))
    direction = DIRECTION_UPLINK if frame_type.is_uplink else DIRECTION_DOWNLINK
    at = nonce(vector["meter_id"], vector["epoch"], vector["counter"], direction)
    frame = header + Sealer(bytes.fromhex(vector["key"])).seal(at, header, body)
    assert body.hex() == vector["body"]
    assert frame.hex() == vector["frame"]
    assert enframe(frame).hex() == vector["stream"]


@every_vector
def test_construct_parses_the_vector(path: Path) -> None:
    vector = load(path)
    [frame] = Deframer().feed(bytes.fromhex(vector["stream"]))
    header = peek_header(frame)
    clear = header.encode()
    assert (header.frame_type.name, header.meter_id, header.counter) == (
        vector["frame_type"],
        vector["meter_id"],
        vector["counter"],
    )
    direction = DIRECTION_UPLINK if header.frame_type.is_uplink else DIRECTION_DOWNLINK
    at = nonce(header.meter_id, vector["epoch"], header.counter, direction)
    body = Sealer(bytes.fromhex(vector["key"])).open(at, clear, frame[len(clear) :])
    wanted = host_fields(vector)
    held = {}
    if "batch" in wanted and wanted["batch"].reference:
        held[wanted["batch"].reference.sequence] = wanted["batch"].reference
    assert parse_body(header.frame_type, body, reference_lookup=held.get) == wanted


@every_vector
def test_the_meters_code_agrees_on_cpython(path: Path) -> None:
    assert meter_vectors.check(load(path), MeterAes) is None


def test_the_meters_code_agrees_on_micropython(micropython: str) -> None:
    script = Path(meter_vectors.__file__)
    run = subprocess.run(
        [micropython, str(script), *map(str, FILES)],
        env={**os.environ, "MICROPYPATH": str(ROOT / "firmware" / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == [f"ok {path.name}" for path in FILES]


@every_vector
def test_the_rule_of_the_vector_stands_in_the_specification(path: Path) -> None:
    text = (ROOT / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    assert f"**{load(path)['rule']}**" in text


def test_every_rule_that_an_error_names_stands_in_the_specification() -> None:
    text = (ROOT / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    named = set()
    for folder in ("protocol/weir_protocol", "firmware/src/weir", "gateway/weir_gateway"):
        for source in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r"WL-[A-Z]{3}-\d\d", source.read_text(encoding="utf-8")))
    assert named
    assert {rule for rule in named if f"**{rule}**" not in text} == set()


def test_a_row_of_a_vector_is_a_record_field_by_field() -> None:
    row = load(ROOT / "protocol" / "vectors" / "readings_one_alone.json")["fields"]["batch"]
    assert list(astuple(record(row["records"][0]))) == row["records"][0]
