"""Packages that come with an extra of the install: loaded when used, missed in one sentence."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from weir_tools import messages
from weir_tools.errors import Failed


def load_extra(module: str, *, extra: str) -> ModuleType:
    """Import a module of an optional package, or raise Failed with how to install it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise Failed(messages.PART_NOT_INSTALLED.format(package=package, extra=extra)) from error


def extra_folder(package: str, *, extra: str) -> Path:
    """The folder of an optional package, found without importing what it would bring along."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise Failed(messages.PART_NOT_INSTALLED.format(package=package, extra=extra))
    return Path(found.origin).parent
