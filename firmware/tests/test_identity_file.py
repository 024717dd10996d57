"""The contract of KeyStore, held by identity.json."""

import json
from pathlib import Path

import pytest
from scripted_bench import KEY, METER_ID, write_identity

from weir.errors import StartRefused
from weir.ports.identity_file import IdentityFile
from weir.settings import table_gen as g
from weir_protocol.settings import SETTINGS


def read(home: Path) -> IdentityFile:
    return IdentityFile(str(home / "identity.json"))


def test_it_gives_what_the_meter_was_provisioned_with(tmp_path: Path) -> None:
    write_identity(tmp_path, pulse_weight_ml=10, sample_interval_s=30, send_interval_s=3600)
    identity = read(tmp_path)
    assert (identity.meter_id, identity.key) == (METER_ID, KEY)
    assert identity.settings == {
        g.K_PULSE_WEIGHT_ML: 10,
        g.K_SAMPLE_INTERVAL_S: 30,
        g.K_SEND_INTERVAL_S: 3600,
    }


def test_any_setting_may_be_provisioned_within_its_range(tmp_path: Path) -> None:
    for setting in SETTINGS:
        for value in (setting.low, setting.high):
            write_identity(tmp_path, **{setting.name: value})
            assert read(tmp_path).settings[setting.key] == value
        for value in (setting.low - 1, setting.high + 1):
            write_identity(tmp_path, **{setting.name: value})
            with pytest.raises(StartRefused, match=f"needs {setting.name} as a whole number"):
                read(tmp_path)


def test_what_is_neither_setting_nor_identity_is_left_alone(tmp_path: Path) -> None:
    write_identity(tmp_path, serial_number="A-17")
    assert len(read(tmp_path).settings) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("meter_id", 0),
        ("meter_id", 2**32),
        ("meter_id", "4711"),
        ("key", "00"),
        ("key", "zz" * 16),
        ("key", 16),
        ("pulse_weight_ml", 0),
        ("pulse_weight_ml", 0.5),
        ("sample_interval_s", 0),
        ("store_interval_s", -900),
        ("send_interval_s", None),
        ("ring_sectors", 1),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    tmp_path: Path, field: str, value: object
) -> None:
    write_identity(tmp_path, **{field: value})
    with pytest.raises(StartRefused, match=f"identity.json needs {field}"):
        read(tmp_path)


@pytest.mark.parametrize("field", ["meter_id", "key", "pulse_weight_ml"])
def test_who_the_meter_is_must_be_there(tmp_path: Path, field: str) -> None:
    write_identity(tmp_path)
    file = tmp_path / "identity.json"
    fields = json.loads(file.read_text())
    del fields[field]
    file.write_text(json.dumps(fields))
    with pytest.raises(StartRefused, match=field):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "4711"])
def test_what_is_not_an_object_is_refused(tmp_path: Path, text: str) -> None:
    write_identity(tmp_path)
    (tmp_path / "identity.json").write_text(text)
    with pytest.raises(StartRefused, match="JSON"):
        read(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    write_identity(tmp_path)
    (tmp_path / "identity.json").chmod(mode)
    with pytest.raises(StartRefused, match="chmod 600"):
        read(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="provision"):
        read(tmp_path)


def test_no_sentence_tells_the_key(tmp_path: Path) -> None:
    write_identity(tmp_path, key="abcd" * 9)
    with pytest.raises(StartRefused) as refused:
        read(tmp_path)
    assert "abcd" not in str(refused.value)
