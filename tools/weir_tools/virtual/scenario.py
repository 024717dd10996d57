"""What a world is made of and what goes wrong in it, drawn from its seed."""

import random
from dataclasses import dataclass
from enum import StrEnum

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400

GATEWAY_PORT = 9417


class Fault(StrEnum):
    """Kinds of fault, each of which can be had alone."""

    WEATHER = "weather"  # loss, repeats, disorder, damage on the links
    OUTAGES = "outages"  # of links, for hours or days
    POWER = "power"  # cuts at meters, brown-outs
    KILLS = "kills"  # of the gateway
    BROKER = "broker"  # lost connections, outages, refusals
    CLOCKS = "clocks"  # of the gateway and of meters
    DISK = "disk"  # full
    RESTORES = "restores"  # of the gateway's database from an older copy
    WEAR = "wear"  # flash cells that stick


ALL_FAULTS = frozenset(Fault)


class Doing(StrEnum):
    """What people do in a world, each of which can be left out."""

    SETTINGS = "settings"  # changes: good, bad, superseding, such that cut the meter off
    READS = "reads"  # readings asked for at any moment
    SENSES = "senses"  # cover, magnet, cable, button, battery


ALL_DOINGS = frozenset(Doing)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world. Everything else follows from these."""

    seed: int
    meters: int = 4
    days: float = 1.0
    faults: frozenset[Fault] = ALL_FAULTS
    doings: frozenset[Doing] = ALL_DOINGS

    def chance(self, purpose: str) -> random.Random:
        """Return numbers that nothing but the seed and the purpose decides."""
        return random.Random(f"{self.seed} {purpose}")

    def command(self) -> str:
        """Return the command line that runs this world again."""
        words = ["weir bench custody", f"--seed {self.seed}", f"--meters {self.meters}"]
        words.append(f"--days {self.days:g}")
        if self.faults != ALL_FAULTS:
            words += [f"--fault {fault}" for fault in sorted(self.faults)] or ["--fault none"]
        if self.doings != ALL_DOINGS:
            words += [f"--doing {doing}" for doing in sorted(self.doings)] or ["--doing none"]
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What one meter is. Small rings are overwritten during an outage, large ones are not.

    is_old: its registers and sequences are about to wrap. frame_size_max: small frames make more
    windows of what an outage has left, and so more holes.
    """

    sample_interval_s: int
    store_interval_s: int
    send_interval_s: int
    sector_size: int
    ring_sectors: int
    program_size: int
    drift_ppm: int
    is_old: bool
    frame_size_max: int


_SEND_INTERVALS_S = (900, HOUR_S, 4 * HOUR_S, 4 * HOUR_S, 12 * HOUR_S, DAY_S, DAY_S)
_INTERVALS_S = ((300, 300), (300, 900), (300, 900), (900, 900), (900, 900))  # of samples, records
_FRAME_SIZES = (80, 80, 140, 250)  # the smallest holds a HELLO and hardly more
_FLASHES = ((512, 6), (512, 24), (1024, 16), (4096, 3), (4096, 8))


def equipment(chance: random.Random) -> Equipment:
    sector_size, ring_sectors = chance.choice(_FLASHES)
    sample_interval_s, store_interval_s = chance.choice(_INTERVALS_S)
    return Equipment(
        sample_interval_s=sample_interval_s,
        store_interval_s=store_interval_s,
        send_interval_s=chance.choice(_SEND_INTERVALS_S),
        sector_size=sector_size,
        ring_sectors=ring_sectors,
        program_size=chance.choice((1, 4, 32, 256)),
        drift_ppm=chance.randrange(-40, 41),
        is_old=chance.random() < 0.5,
        frame_size_max=chance.choice(_FRAME_SIZES),
    )
