"""What a meter's registers ought to show: what they showed at its start, and what came since."""

from weir_tools.simulator.channel import REGISTER_MODULUS

Totals = tuple[int, int]  # forward and reverse pulses


class Ledger:
    def __init__(self) -> None:
        self._registers_at_start: Totals = (0, 0)
        self._fed_at_start: Totals = (0, 0)

    def start(self, registers: Totals, fed: Totals) -> None:
        """The meter starts with these registers, after so much was fed to it in all."""
        self._registers_at_start = registers
        self._fed_at_start = fed

    def missing(self, registers: Totals, fed: Totals) -> Totals:
        """Pulses that the registers lack; negative when they have too many."""
        forward, reverse = (
            _signed(start + fed_now - fed_then - shown)
            for start, fed_now, fed_then, shown in zip(
                self._registers_at_start, fed, self._fed_at_start, registers, strict=True
            )
        )
        return forward, reverse


def _signed(difference: int) -> int:
    half = REGISTER_MODULUS // 2
    return (difference + half) % REGISTER_MODULUS - half
