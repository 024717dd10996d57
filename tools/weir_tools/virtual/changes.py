"""Changes of settings as operators ask for them: good ones, bad ones, and one that cuts off."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from weir_tools.virtual.scenario import GATEWAY_PORT

Values = dict[str, int]


class Kind(Enum):
    """What must become of a change that reaches its meter."""

    GOOD = auto()  # it is applied
    BAD = auto()  # the meter refuses it: out of range, or against a rule
    CUT_OFF = auto()  # the meter tries it in vain, and goes back


@dataclass(frozen=True, slots=True)
class Change:
    kind: Kind
    overrides: Values


_BAD: tuple[Values, ...] = (
    {"sample_interval_s": 0},
    {"sample_interval_s": 900, "store_interval_s": 300},
    {"store_interval_s": 1800, "send_interval_s": 900},
    {"leak_duration_s": 600, "leak_gap_s": 900},
    {"pulse_weight_ml": 1_000_001},
    {"send_interval_s": 900, "send_slot_s": 900},
)


def draw_change(chance: random.Random) -> Change:
    """Draw all that is to differ from as provisioned, and what must come of it."""
    overrides: Values = {}
    for share, draw in _GROUPS:
        if chance.random() < share:
            overrides |= draw(chance)
    draw_kind = chance.random()
    if draw_kind < 0.15:
        return Change(Kind.BAD, overrides | chance.choice(_BAD))
    if draw_kind < 0.27:
        port = chance.choice((1, 443, GATEWAY_PORT + 1, 65_535))
        return Change(Kind.CUT_OFF, overrides | {"link_port": port})
    return Change(Kind.GOOD, overrides)


def _intervals(chance: random.Random) -> Values:
    sample_s, store_s = chance.choice(((300, 300), (300, 900), (900, 900), (600, 1800)))
    send_s = chance.choice((1800, 3600, 14_400, 43_200, 86_400))
    return {"sample_interval_s": sample_s, "store_interval_s": store_s, "send_interval_s": send_s}


def _weight(chance: random.Random) -> Values:
    return {"pulse_weight_ml": chance.choice((1, 10, 100, 2500))}


def _flow(chance: random.Random) -> Values:
    limit = chance.choice((600, 800))
    return {
        "flow_high_on": 1,
        "flow_high_l_per_h": limit,
        "flow_high_hysteresis_l_per_h": limit // 4,
        "flow_high_duration_s": chance.choice((0, 900)),
        "burst_on": chance.randrange(2),
        "burst_l_per_h": 800,
    }


def _pressure(chance: random.Random) -> Values:
    return {
        "pressure_low_on": 1,
        "pressure_low_kpa": chance.choice((350, 370)),
        "pressure_low_hysteresis_kpa": chance.choice((10, 30)),
        "pressure_low_duration_s": chance.choice((900, 3600)),
    }


def _still(chance: random.Random) -> Values:
    return {
        "no_consumption_on": 1,
        "no_consumption_duration_s": 5400,
        "no_consumption_clear_pulses": chance.choice((1, 20)),
        "leak_duration_s": chance.choice((7200, 14_400)),
        "leak_gap_s": chance.choice((900, 1200)),
    }


def _link(chance: random.Random) -> Values:
    return {
        "link_port": chance.choice((0, GATEWAY_PORT)),
        "receive_window_s": chance.choice((0, 20, 120)),
        "send_slot_s": chance.randrange(900),
    }


def _time(chance: random.Random) -> Values:
    return {"drift_learning": chance.randrange(2), "drift_correction_ppb": chance.randrange(9)}


_GROUPS: tuple[tuple[float, Callable[[random.Random], Values]], ...] = (
    (0.4, _intervals),
    (0.3, _weight),
    (0.15, _flow),  # alarms open sessions, which are most of what a world costs
    (0.1, _pressure),
    (0.15, _still),
    (0.3, _link),
    (0.1, _time),
)
