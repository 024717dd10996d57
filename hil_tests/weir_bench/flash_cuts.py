"""The role Flash: where in it the power fails, and what an independent reader finds there."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from weir_tools.simulator.ring_reader import RingRecord

Kind = Literal["program", "erase", "either"]
Part = Literal["nothing", "half", "far_half", "half_and_junk", "junk", "all"]


@dataclass(frozen=True, slots=True)
class FlashCut:
    """An operation since the meter's start, and the part of it that the cells have seen.

    number: counted from 1 among the operations of that kind.
    """

    kind: Kind
    number: int
    part: Part

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}:{self.part}"


class Flash(Protocol):
    """The flash of the meter under test."""

    def fail_in(self, cut: FlashCut) -> None:
        """Let the power fail there when the meter has been started next. ``supply`` tells when."""

    def records(self) -> Sequence[RingRecord]:
        """What the ring of a meter without power can still give, oldest first."""


def draw_cuts(seed: int, count: int) -> list[FlashCut]:
    """Cuts at a seed's choice: early and late, and one in six while a sector makes room."""
    chance = random.Random(seed)
    parts = get_args(Part)
    cuts = []
    for number in range(count):
        part: Part = parts[number % len(parts)]
        if chance.randrange(6) == 0:
            cuts.append(FlashCut("erase", 1, part))
        else:
            cuts.append(FlashCut("either", chance.choice((1, 2, 3, 5, 8, 20, 40)), part))
    chance.shuffle(cuts)
    return cuts
