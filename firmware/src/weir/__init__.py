"""The firmware of the meter.

Before any part of it is loaded, MicroPython is told to collect garbage while there is little of
it. What stays then lies close together; else the loaded firmware leaves the heap in pieces, and
needs a quarter more of it.
"""

import gc

_COLLECT_AFTER = 4096  # bytes allocated

_set_threshold = getattr(gc, "threshold", None)  # CPython's collector has no such thing
if _set_threshold is not None:
    _set_threshold(_COLLECT_AFTER)
