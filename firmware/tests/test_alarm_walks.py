"""Whatever happens to a meter, its alarms keep their promises (CPython only)."""

import random

import pytest
from alarm_rig import MINUTE_MS, AlarmRig

from weir.settings import table_gen as k

STEPS = 1500
VALUES = {  # settings that change under way, each with what it is changed to
    k.K_FLOW_HIGH_L_PER_H: (60, 600),
    k.K_FLOW_HIGH_DURATION_S: (0, 60, 600),
    k.K_FLOW_LOW_L_PER_H: (1, 30),
    k.K_PRESSURE_HIGH_KPA: (300, 500),
    k.K_PRESSURE_LOW_KPA: (-20, 200),
    k.K_BURST_L_PER_H: (500, 20_000),
    k.K_BURST_DURATION_S: (0, 120),
    k.K_REVERSE_FLOW_L: (0, 5, 50),
    k.K_REVERSE_FLOW_QUIET_S: (1, 300),
    k.K_LEAK_DURATION_S: (600, 3600),
    k.K_LEAK_GAP_S: (60, 600),
    k.K_NO_CONSUMPTION_DURATION_S: (3600, 7200),
    k.K_NO_CONSUMPTION_CLEAR_PULSES: (1, 9),
    k.K_TAMPER_COVER_DURATION_S: (0, 7),
    k.K_TAMPER_COVER_QUIET_S: (0, 60),
    k.K_TAMPER_CABLE_DURATION_S: (0, 90),
    k.K_TAMPER_CABLE_QUIET_S: (0, 60),
    k.K_BATTERY_LOW_DURATION_S: (0, 600),
    k.K_PULSE_WEIGHT_ML: (1, 1000, 100_000),
}
SWITCHES = [row[2] for row in k.ALARMS]


class Walk:
    """One rig that anything may happen to."""

    def __init__(self, seed: int) -> None:
        self.rig = AlarmRig(0xFFFFFF00, 0xFFFFFFF0)
        self.chance = random.Random(seed)
        for switch in SWITCHES:
            self.rig.settings[switch] = 1

    def step(self) -> None:
        chance, rig = self.chance, self.rig
        draw = chance.random()
        if draw < 0.02:
            key = chance.choice(list(VALUES))
            rig.settings[key] = chance.choice(VALUES[key])
        elif draw < 0.03:
            rig.settings[chance.choice(SWITCHES)] = int(chance.random() < 0.8)
        elif draw < 0.5:
            rig.illegal_transitions += chance.choice((0, 0, 0, 4))
            rig.sense(chance.randrange(16), after_ms=chance.choice((0, 1, 999, 30_000)))
        else:
            rig.pressure_kpa = chance.choice((None, -30, 100, 400, 700))
            rig.battery_mv = chance.choice((0, 3000, 3350, 3600))
            rig.sample(
                forward=chance.choice((0, 0, 1, 12)),
                reverse=chance.choice((0, 0, 0, 3)),
                after_ms=chance.choice((1, MINUTE_MS, MINUTE_MS, 40 * MINUTE_MS)),
            )


def check_walk(seed: int) -> set[int]:
    """Walk, and hold every step against what is promised; return the alarms that were raised."""
    walk = Walk(seed)
    rig = walk.rig
    for _ in range(STEPS):
        walk.step()
        rig.sense(rig.senses)  # every step of the meter does so before it asks when to wake
        sense_at_ms = rig.alarms.sense_at_ms
        assert sense_at_ms is None or sense_at_ms > rig.now_ms
    raised = {code for code, *_ in rig.told}
    for code in raised:
        phases = [is_raised for told, is_raised, *_ in rig.told if told == code]
        assert phases == [place % 2 == 0 for place in range(len(phases))]
    return raised


def test_raises_and_clears_alternate_and_no_wake_lies_in_the_past() -> None:
    raised: set[int] = set()
    for seed in range(30):
        raised |= check_walk(seed)
    assert raised == {row[0] for row in k.ALARMS}


@pytest.mark.parametrize("seed", range(4))
def test_with_everything_switched_off_nothing_stays_raised(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
    for switch in SWITCHES:
        walk.rig.settings[switch] = 0
    walk.rig.sample()
    walk.rig.sense(walk.rig.senses)
    assert walk.rig.alarms.status == 0
    raised = {code for code, is_raised, *_ in walk.rig.told if is_raised}
    last = {code: is_raised for code, is_raised, *_ in walk.rig.told}
    assert last == dict.fromkeys(raised, False)
