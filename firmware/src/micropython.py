"""What the firmware takes from MicroPython's built-in module of this name, for CPython.

MicroPython never reads this file: its own module comes first. Its compiler puts the value of
``const(...)`` in place of the name, and drops names that begin with an underscore altogether.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


def const(value: "T") -> "T":
    """Return ``value``."""
    return value
