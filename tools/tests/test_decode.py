"""`weir decode` says of every golden vector what the vector says of itself."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_protocol.frames import FrameType, peek_header
from weir_protocol.sealing import DIRECTION_UPLINK, Sealer, nonce
from weir_tools.decode.anatomy import Anatomy, Knowledge, dissect
from weir_tools.decode.wire_text import find_frames
from weir_tools.errors import Failed

Weir = Callable[..., CompletedProcess[str]]

FILES = sorted((Path(__file__).parents[2] / "protocol/vectors").glob("*.json"))
every_vector = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads(path.read_text())
    return vector


def opened(vector: dict[str, Any]) -> Anatomy:
    knowledge = Knowledge({}, bytes.fromhex(vector["key"]), vector["epoch"])
    return dissect(bytes.fromhex(vector["frame"]), knowledge)


def leans(vector: dict[str, Any]) -> bool:
    """Whether the vector's records continue one that only its reader holds."""
    return bool(vector["fields"].get("batch", {}).get("reference"))


@every_vector
def test_every_byte_of_a_frame_is_in_a_field(path: Path) -> None:
    vector = load(path)
    anatomy = opened(vector)
    covered = bytearray(len(vector["frame"]) // 2)
    for field in anatomy.fields:
        covered[field.offset : field.offset + len(field.octets)] = b"\1" * len(field.octets)
    assert set(covered) == {1}
    assert anatomy.header.meter_id == vector["meter_id"]
    assert anatomy.header.counter == vector["counter"]
    assert anatomy.header.frame_type is FrameType[vector["frame_type"]]


@every_vector
def test_the_fields_have_the_vectors_values(path: Path) -> None:
    vector = load(path)
    anatomy = opened(vector)
    if leans(vector):
        assert anatomy.sealed_because == "reference"
        return
    found = {field.name: field.value for field in anatomy.fields}
    for name, value in vector["fields"].items():
        if name == "items":
            for index, item in enumerate(value):
                assert {part: found[f"{part}[{index}]"] for part in item} == item
        elif name == "batch":
            rows = [[*_row(record)] for record in anatomy.records]
            assert rows == value["records"]
        else:
            assert found[name] == value


def _row(record: Any) -> list[Any]:
    return [getattr(record, name) for name in record.__slots__]


@every_vector
def test_framed_and_bare_frames_are_told_apart(path: Path) -> None:
    vector = load(path)
    for text in (vector["stream"], vector["stream"][:-2], vector["frame"]):
        [found] = find_frames(bytes.fromhex(text))
        assert found.frame.hex() == vector["frame"]


def test_the_command_opens_frames_with_the_epoch_of_the_hello_before_them(
    weir: Weir, monkeypatch: pytest.MonkeyPatch
) -> None:
    hello = load(FILES[0].with_name("hello_after_power_on.json"))
    readings = load(FILES[0].with_name("readings_full.json"))
    monkeypatch.setenv("WEIR_KEY", hello["key"])
    outcome = weir("decode", "--json", hello["stream"] + readings["stream"])
    frames = json.loads(outcome.stdout)["frames"]
    assert outcome.returncode == 0
    assert [frame["opened"] for frame in frames] == [True, True]
    assert len(frames[1]["records"]) == len(readings["fields"]["batch"]["records"])


def test_without_a_key_the_header_is_explained_and_the_rest_is_said_to_be_sealed(
    weir: Weir,
) -> None:
    vector = load(FILES[0].with_name("readings_full.json"))
    outcome = weir("decode", vector["frame"])
    assert outcome.returncode == 0
    assert "meter_id" in outcome.stdout
    assert str(vector["meter_id"]) in outcome.stdout
    assert "give the meter's key with --key-file or WEIR_KEY" in outcome.stdout
    assert "forward" not in outcome.stdout


def test_a_key_file_of_a_gateway_serves_as_well_as_a_bare_key(weir: Weir, tmp_path: Path) -> None:
    vector = load(FILES[0].with_name("status_reverse_flow.json"))
    epoch = f"{vector['epoch']:08x}"
    file = tmp_path / "keys.txt"
    for content in (f"{vector['meter_id']} {vector['key']}\n", f"{vector['key']}\n"):
        file.write_text(content)
        file.chmod(0o600)
        words = ("decode", vector["frame"], "--key-file", file, "--epoch", epoch)
        outcome = weir(*words)
        assert outcome.returncode == 0
        assert "flow_l_per_h" in outcome.stdout
        assert vector["key"] not in outcome.stdout + outcome.stderr


def test_a_changed_frame_is_refused_with_the_rule_it_breaks(
    weir: Weir, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = load(FILES[0].with_name("hello_after_power_on.json"))
    frame = bytearray.fromhex(vector["frame"])
    frame[-1] ^= 1
    monkeypatch.setenv("WEIR_KEY", vector["key"])
    outcome = weir("decode", frame.hex())
    assert outcome.returncode == 1
    assert "breaks rule WL-SEA-04" in outcome.stderr
    assert "sealed" in outcome.stdout


def test_a_body_that_breaks_a_rule_is_named_in_the_json_as_well(
    weir: Weir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed with the right key, and one byte too long."""
    vector = load(FILES[0].with_name("status_reverse_flow.json"))
    key = bytes.fromhex(vector["key"])
    header = peek_header(bytes.fromhex(vector["frame"]))
    at = nonce(header.meter_id, vector["epoch"], header.counter, DIRECTION_UPLINK)
    sealer = Sealer(key)
    sealed = bytes.fromhex(vector["frame"])[header.size :]
    body = sealer.open(at, header.encode(), sealed) + b"\0"
    frame = header.encode() + sealer.seal(at, header.encode(), body)
    monkeypatch.setenv("WEIR_KEY", vector["key"])
    outcome = weir("decode", "--json", "--epoch", f"{vector['epoch']:08x}", frame.hex())
    assert outcome.returncode == 1
    [decoded] = json.loads(outcome.stdout)["frames"]
    assert decoded["opened"] is False
    assert decoded["sealed_because"] is None
    assert decoded["broken_rule"].startswith("WL-")
    assert decoded["broken_rule"] in decoded["refused_because"]
    assert outcome.stderr == f"weir: {decoded['refused_because']}\n"


@given(st.binary(min_size=1, max_size=600))
def test_garbage_is_refused_with_a_rule_or_read_as_a_header(wire: bytes) -> None:
    try:
        frames = find_frames(wire)
    except Failed as refusal:
        assert "it breaks rule WL-" in str(refusal)
    else:
        for found in frames:
            assert dissect(found.frame, Knowledge({})).sealed_because == "key"
