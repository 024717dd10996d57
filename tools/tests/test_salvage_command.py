"""`weir gateway salvage`: what it prints and how it ends."""

import json
from pathlib import Path

import pytest

from weir_gateway.store import schema, set_aside
from weir_tools.cli import main

DAMAGED = "weir.db.damaged-20261121T120000Z-1"
PAGE_BYTES = 4096
PAGE_COUNT_AT = 28


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gateway.toml").write_text(
        '[gateway]\nid = "gw1"\n[mqtt]\n[tcp]\nlisten = "127.0.0.1:0"\n'
    )
    schema.prepare(tmp_path / DAMAGED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_whole_one_ends_with_0_and_a_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gateway", "salvage", DAMAGED]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0].split() == [
        *("table", "read", "unreadable", "unsound", "added", "present", "conflicts")
    ]
    assert "\n0 readings that could not be read" in told.out
    assert told.err == ""
    assert set_aside.beside(folder / DAMAGED, set_aside.SALVAGED).exists()


def test_one_that_can_be_read_in_part_ends_with_4(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / DAMAGED).open("r+b") as file:
        file.seek(2 * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)
    assert main(["gateway", "salvage", DAMAGED, "--dry-run", "--json"]) == 4
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["whole"], document["dry_run"]) == (False, True)
    assert told.err.startswith("weir: a part of ")
    assert not set_aside.beside(folder / DAMAGED, set_aside.SALVAGED).exists()


def test_one_that_is_damaged_and_misses_nothing_ends_with_4(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / DAMAGED).open("r+b") as file:  # a page that belongs to nothing
        page_count = len(file.read()) // PAGE_BYTES
        file.write(bytes(PAGE_BYTES))
        file.seek(PAGE_COUNT_AT)
        file.write((page_count + 1).to_bytes(4, "big"))
    assert main(["gateway", "salvage", DAMAGED, "--dry-run"]) == 4
    told = capsys.readouterr()
    assert "\n0 readings that could not be read" in told.out
    assert told.err.startswith(f"weir: nothing that {DAMAGED} knew of is missing, but SQLite")


def test_acknowledging_reads_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway", "salvage", DAMAGED, "--acknowledge"]) == 0
    assert capsys.readouterr().out == ""
    assert set_aside.beside(folder / DAMAGED, set_aside.ACKNOWLEDGED).exists()
    assert not (folder / "weir.db").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["gateway", "salvage", "none"], 1, "there is no file none"),
        (["gateway", "salvage", "none", "--acknowledge"], 1, "does not lie set aside"),
        (["gateway", "salvage", DAMAGED, "--config", "none"], 2, "cannot read the configuration"),
        (["gateway", "--config", "none", "salvage", DAMAGED], 2, "cannot read the configuration"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    exit_code: int,
    sentence: str,
) -> None:
    assert main(arguments) == exit_code
    told = capsys.readouterr().err
    assert told.startswith("weir: ")
    assert sentence in told
    assert told.count("\n") == 1
