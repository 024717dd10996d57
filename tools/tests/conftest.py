"""What the tests of the tools share."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from weir_tools.cli import main
from weir_tools.errors import Failed
from weir_tools.simulator.firmware import compiled_firmware, micropython


@pytest.fixture
def weir(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CompletedProcess[str]]:
    """Run a command line in this process, with nothing of the user's in its environment."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("WEIR_SOCKET", raising=False)
    monkeypatch.delenv("WEIR_KEY", raising=False)

    def run(*words: str | Path) -> CompletedProcess[str]:
        capfd.readouterr()
        code = main([str(word) for word in words])
        captured = capfd.readouterr()
        return CompletedProcess(words, code, captured.out, captured.err)

    return run


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def real_micropython() -> str:
    """Skips where there is no MicroPython, but not where everything has to run."""
    try:
        compiled_firmware()
        return micropython()
    except Failed as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
