"""Run the tests named on the command line, ``test_ring test_cell ...``, on MicroPython.

Prints ``ok MODULE FUNCTION`` for each test that passes, and stops at the first that fails.
"""

import gc
import sys


def tests_of(module: object) -> "list[str]":
    """Return the names of a module's own tests; those it imports are another's."""
    return sorted(name for name in dir(module) if name.startswith("test_"))


def main(names: "list[str]") -> None:
    for name in names:
        module = __import__(name)
        for test in tests_of(module):
            getattr(module, test)()
            gc.collect()
            sys.stdout.write("ok " + name + " " + test + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
