"""How a program that was started ended, in words."""

from pathlib import Path

NOTHING_SAID = "it said nothing"


def ending(code: int | None) -> str:
    """What became of it, by its return code; below 0 it is a signal's number."""
    if code is None:
        return "still running"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def last_words(log: Path) -> str:
    """The last line that it wrote, without its full stop."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return NOTHING_SAID
    return lines[-1].rstrip(".") if lines else NOTHING_SAID
