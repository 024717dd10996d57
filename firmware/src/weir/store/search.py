"""Binary search that bad sectors and torn slots do not lead astray."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 8  # gaps up to one less are bridged; more would cost reads at every halving


def last_true(test: "Callable[[int], bool]", low: int, high: int) -> int:
    """Return the last index in ``low`` to ``high - 1`` that passes ``test``.

    ``low`` is known to pass. Passing indexes come before failing ones, except that up to
    ``WINDOW - 1`` in a row may fail among those that pass.
    """
    while high - low > 1:
        probe = (low + high) // 2
        middle = probe
        stop = min(middle + WINDOW, high)
        while probe < stop and not test(probe):
            probe += 1
        if probe < stop:
            low = probe
        else:
            high = middle
    return low
