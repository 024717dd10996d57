"""Fixtures of the firmware's tests."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests that run on MicroPython as well use relative paths."""
    monkeypatch.chdir(tmp_path)
