"""What can go wrong in a command, by the exit code it ends with (docs/commands.md)."""

from enum import IntEnum


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    MISUSED = 2
    UNREACHABLE = 3
    DIFFERENT = 4
    INTERRUPTED = 130


class CommandError(Exception):
    """Base of every expected error. The text is one sentence for the user, without a secret."""

    exit_code = ExitCode.FAILED


class Failed(CommandError):
    """What was asked for could not be done."""


class Misused(CommandError):
    """An option, an argument or an input is wrong; the sentence says which and what to do."""

    exit_code = ExitCode.MISUSED


class Unreachable(CommandError):
    """The gateway does not answer."""

    exit_code = ExitCode.UNREACHABLE


class Different(CommandError):
    """A check found a loss or a difference."""

    exit_code = ExitCode.DIFFERENT
