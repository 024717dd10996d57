"""How a program that was started ended, in words."""

import signal
from pathlib import Path

NOTHING_SAID = "it said nothing"


def ending(code: int | None) -> str:
    """What became of it, by its return code; below 0 it is a signal's number."""
    if code is None:
        return "still running"
    return f"ended by {signal_name(-code)}" if code < 0 else f"exit code {code}"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_words(log: Path) -> str:
    """The last line that it wrote, without its full stop."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return NOTHING_SAID
    return lines[-1].rstrip(".") if lines else NOTHING_SAID
