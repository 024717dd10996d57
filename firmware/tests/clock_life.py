"""A meter's oscillator in the weather, the network between, and the calendar kept by both."""

import math
import random
from collections.abc import Iterator

from weir.schedule.timekeeper import STEPPED, Timekeeper

DAY_S = 86_400
STEP_S = 900  # the oscillator's rate is looked at as often
STARTS_S = 1_614_556_800

TURNOVER_C = 25.0
PARABOLA_PPM = -0.034  # per K2 from the turnover
DAILY_SWING_K = 8.0
YEARLY_SWING_K = 12.0

_ANSWERS_MAX = 5  # one of a session that needs no more, and its polls
NARROW_BAND = (0.5, 0.95)  # share of a round trip that its uplink takes: it waits for a grant
ANY_SHARE = (0.0, 1.0)


class Oscillator:
    """Counts milliseconds, faster or slower with the temperature. Spans are of true seconds.

    weather_k: by how much a day may be warmer or colder than its season, at most.
    """

    def __init__(self, chance: random.Random, ppm: float, mean_c: float, weather_k: float) -> None:
        self._chance = chance
        self._ppm = ppm
        self._mean_c = mean_c
        self._weather_k = weather_k
        self._today_k = 0.0
        self._hour_s = chance.uniform(0, DAY_S)  # phases
        self._season_s = chance.uniform(0, 365 * DAY_S)
        self._first_ms = chance.uniform(0, 1e9)
        self._passed_ms = 0.0
        self._rate = 1.0
        self.true_s = 0.0

    def at_ms(self, true_s: float) -> int:
        """Return its count at an instant of the present step."""
        return math.floor(
            self._first_ms + self._passed_ms + (true_s - self.true_s) * self._rate * 1000
        )

    def go_on(self) -> None:
        """Begin the next step."""
        self._passed_ms += STEP_S * self._rate * 1000
        self.true_s += STEP_S
        if self.true_s % DAY_S == 0:
            self._today_k += self._chance.uniform(-0.5, 0.5) * self._weather_k
            self._today_k = max(-self._weather_k, min(self._weather_k, self._today_k))
        day = math.tau * (self.true_s + self._hour_s) / DAY_S
        year = math.tau * (self.true_s + self._season_s) / (365 * DAY_S)
        celsius = (
            self._mean_c
            + DAILY_SWING_K * math.sin(day)
            + YEARLY_SWING_K * math.sin(year)
            + self._today_k
        )
        drift_ppm = self._ppm + PARABOLA_PPM * (celsius - TURNOVER_C) ** 2
        self._rate = 1 + drift_ppm / 1e6


class Network:
    """Draws round trips of 0.2 to 6 s, most of them short, and the share that goes up.

    up_share: the least and the most of it.
    """

    def __init__(self, chance: random.Random, up_share: "tuple[float, float]") -> None:
        self._chance = chance
        self._up_share = up_share

    def trip_s(self) -> "tuple[float, float]":
        """Return how long an uplink and its answer take."""
        whole_s = 0.2 * 30 ** self._chance.random()
        up_s = whole_s * self._chance.uniform(*self._up_share)
        return up_s, whole_s - up_s


class ClockLife:
    """Steps a timekeeper through days. What is counted is what a record would say.

    worst_ms: largest error of the calendar on each day. bound_ms: largest bound on each day.
    false_claims: how often the error was above the bound. step_count: steps of the calendar.
    answer_count: how often it was told the time.
    """

    def __init__(self, oscillator: Oscillator, network: Network, chance: random.Random) -> None:
        self._oscillator = oscillator
        self._network = network
        self._chance = chance
        self.timekeeper = Timekeeper()
        self.timekeeper.start(oscillator.at_ms(0.0))
        self._slot_s = chance.uniform(0, DAY_S)
        self.worst_ms: list[int] = []
        self.bound_ms: list[int] = []
        self.false_claims = 0
        self.step_count = 0
        self.answer_count = 0

    def live(self, days: int, *, silent: "range | None" = None) -> None:
        """Live so many days, with a session on each but the silent ones."""
        for day in range(len(self.worst_ms), len(self.worst_ms) + days):
            self.worst_ms.append(0)
            self.bound_ms.append(0)
            has_session = silent is None or day not in silent
            self._live_day(day * DAY_S + self._slot_s if has_session else math.inf)

    def _live_day(self, session_s: float) -> None:
        oscillator = self._oscillator
        for _ in range(DAY_S // STEP_S):
            self._look(oscillator.true_s)
            if oscillator.true_s <= session_s < oscillator.true_s + STEP_S:
                self._hold_session(session_s)
            oscillator.go_on()

    def _hold_session(self, true_s: float) -> None:
        for number in range(_ANSWERS_MAX):
            if number and not self.timekeeper.wants_another:
                break
            up_s, down_s = self._network.trip_s()
            sent_ms = self._oscillator.at_ms(true_s)
            told_ms = math.floor((STARTS_S + true_s + up_s) * 1000)
            true_s += up_s + down_s
            now_ms = self._oscillator.at_ms(true_s)
            outcome = self.timekeeper.offer(told_ms, now_ms - sent_ms, now_ms)
            self.answer_count += 1
            self.step_count += outcome == STEPPED
            self._look(true_s)

    def _look(self, true_s: float) -> None:
        now_ms = self._oscillator.at_ms(true_s)
        if not self.timekeeper.is_set:
            return
        true_ms = (STARTS_S + true_s) * 1000
        error_ms = math.ceil(abs(self.timekeeper.calendar_ms(now_ms) - true_ms))
        bound_ms = self.timekeeper.error_ms(now_ms)
        self.false_claims += error_ms > bound_ms
        self.worst_ms[-1] = max(self.worst_ms[-1], error_ms)
        self.bound_ms[-1] = max(self.bound_ms[-1], bound_ms)


def lives(
    seeds: "range",
    *,
    mean_c: float = 25.0,
    up_share: "tuple[float, float]" = (0.05, 0.95),
    weather_k: float = 0.0,
) -> "Iterator[ClockLife]":
    """Give a life of a 20 ppm crystal for each seed, slow and fast by turns."""
    for seed in seeds:
        chance = random.Random(seed)
        ppm = 20.0 if seed % 2 else -20.0
        oscillator = Oscillator(chance, ppm, mean_c, weather_k)
        yield ClockLife(oscillator, Network(chance, up_share), chance)
