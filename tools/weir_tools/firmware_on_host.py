"""The meter's own modules on this interpreter, for what must be computed exactly as a meter does.

Call `make_importable` before importing a module that imports from the package `weir`.
"""

import sys

from weir_tools.folders import firmware_source


def make_importable() -> None:
    folder = str(firmware_source())
    if folder not in sys.path:
        sys.path.append(folder)
