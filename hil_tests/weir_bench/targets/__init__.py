"""One module for each kind of target. It has one function:

def build(bench: BenchFile, wiring: Wiring) -> Target
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from weir_bench.bench_file import BenchFile, BenchFileError
from weir_bench.roles import Target, Wiring

Build = Callable[[BenchFile, Wiring], Target]


def check_target(bench: BenchFile) -> None:
    """Raise BenchFileError if there is no such target. It is not imported yet."""
    if not bench.target.isidentifier() or find_spec(_module(bench)) is None:
        raise BenchFileError(f"{bench.path} asks for target {bench.target!r}; there is none.")


def build(bench: BenchFile, wiring: Wiring) -> Target:
    """Build the target of a bench."""
    build_target: Build = import_module(_module(bench)).build
    return build_target(bench, wiring)


def _module(bench: BenchFile) -> str:
    return f"{__name__}.{bench.target}"
