"""What a test leaves behind for whoever looks for the cause of its failure."""

import functools
import shutil
import subprocess
from pathlib import Path

from weir_bench.bench_file import BenchFile

_CHECKOUT = Path(__file__).parents[2]
_TAIL_LINES = 15


@functools.cache
def commit() -> str:
    """The commit under test, with `+changes` when files differ from it."""
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(
            [*command, "--dirty=+changes"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown: this is no git checkout"
    return found.stdout.strip()


def begin(folder: Path, bench: BenchFile) -> None:
    """Note in ``folder`` what is tested on which bench; traces and logs come while it runs."""
    shutil.copy(bench.path, folder / "bench.toml")
    (folder / "commit.txt").write_text(f"{commit()}\n")


def describe(folder: Path) -> str:
    """Where everything is, with the end of what the meter said."""
    files = ", ".join(sorted(file.name for file in folder.iterdir() if file.is_file()))
    return f"{folder} has {files}\n{_tail(folder / 'console.log')}"


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    said = lines[-_TAIL_LINES:] or ["nothing"]
    return "\n".join(["the console said last:", *(f"  {line}" for line in said)])
