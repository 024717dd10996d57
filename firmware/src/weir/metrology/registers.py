"""Registers: absolute totals of forward and reverse pulses, continued over restarts."""

from micropython import const

_MASK = const(0xFFFFFFFF)
_HALF = const(0x80000000)


class Registers:
    """Totals modulo 2**32. The caller brings them up to what was stored at a start."""

    def __init__(self, forward_pulses: int = 0, reverse_pulses: int = 0) -> None:
        self.forward_pulses = forward_pulses
        self.reverse_pulses = reverse_pulses
        self._forward_seen = 0  # hardware totals at the last take; hardware starts at 0
        self._reverse_seen = 0

    def catch_up(self, forward_pulses: int, reverse_pulses: int) -> None:
        """Go on from these totals, each where it is ahead."""
        if (forward_pulses - self.forward_pulses) & _MASK < _HALF:
            self.forward_pulses = forward_pulses
        if (reverse_pulses - self.reverse_pulses) & _MASK < _HALF:
            self.reverse_pulses = reverse_pulses

    def take(self, forward_pulses: int, reverse_pulses: int) -> bool:
        """Add what the hardware has counted since the last call, from its totals of this boot.

        Returns False when a total went back: the hardware was restarted, so pulses may be missing.
        What it has counted since then is added.
        """
        forward = (forward_pulses - self._forward_seen) & _MASK
        reverse = (reverse_pulses - self._reverse_seen) & _MASK
        steady = forward < _HALF and reverse < _HALF
        if not steady:
            forward, reverse = forward_pulses, reverse_pulses
        self._forward_seen = forward_pulses
        self._reverse_seen = reverse_pulses
        self.forward_pulses = (self.forward_pulses + forward) & _MASK
        self.reverse_pulses = (self.reverse_pulses + reverse) & _MASK
        return steady
