"""The figures of the clock, in years of virtual time (CPython only: they are many sessions).

A 20 ppm crystal in the weather, one session a day, round trips of 0.2 to 6 s. The claims: every
error lies within the bound that a record of that moment states, and once the drift is learned no
error is above half a second.
"""

import sys

import pytest
from clock_life import ANY_SHARE, NARROW_BAND, ClockLife, lives

SEEDS = range(5)
YEAR = 365
LEARNED_SESSIONS = 7
ERROR_MAX_MS = 500
SILENT = range(180, 190)


def tell(what: str, lived: "list[ClockLife]", sessions: int = LEARNED_SESSIONS) -> int:
    """Print the figures of some lives; return the largest error after so many sessions."""
    worst_ms = max(max(life.worst_ms[sessions:]) for life in lived)
    bounds_ms = sorted(bound_ms for life in lived for bound_ms in life.bound_ms[sessions:])
    first_ms = max(max(life.worst_ms[:sessions]) for life in lived)
    sys.stdout.write(
        f"{what}: error at most {worst_ms} ms after {sessions} sessions, {first_ms} ms before; "
        f"bound before a session {bounds_ms[len(bounds_ms) // 2]} ms in the middle; "
        f"{sum(life.answer_count for life in lived) / len(lived) / YEAR:.1f} answers a day\n"
    )
    return worst_ms


@pytest.mark.parametrize(
    ("network", "up_share"),
    [("either way slow", (0.05, 0.95)), ("uplinks slow, as on NB-IoT", NARROW_BAND)],
)
def test_a_year_of_daily_sessions_stays_within_half_a_second(
    network: str, up_share: "tuple[float, float]"
) -> None:
    lived = list(lives(SEEDS, up_share=up_share))
    for life in lived:
        life.live(YEAR)
        assert life.false_claims == 0
        assert life.step_count == 0
    assert tell(f"a year, {network}", lived) <= ERROR_MAX_MS


def test_once_it_has_learned_every_record_of_most_days_says_2_s_or_better() -> None:
    [life] = lives(range(1))
    life.live(YEAR)
    assert sum(bound_ms <= 2_000 for bound_ms in life.bound_ms[14:]) >= 0.6 * (YEAR - 14)


def test_ten_days_without_a_session_cost_little_and_the_bound_says_so() -> None:
    lived = list(lives(SEEDS))
    for life in lived:
        life.live(YEAR, silent=SILENT)
        assert life.false_claims == 0
        assert life.step_count == 0
        assert life.bound_ms[SILENT[-1]] <= 20_000  # of 43 s for an oscillator not learned
        assert max(life.worst_ms[: SILENT[0]][LEARNED_SESSIONS:]) <= ERROR_MAX_MS
        assert max(life.worst_ms[SILENT[-1] + 3 :]) <= ERROR_MAX_MS
    worst_ms = max(max(life.worst_ms[SILENT[0] : SILENT[-1] + 2]) for life in lived)
    sys.stdout.write(f"ten days without a session: error at most {worst_ms} ms\n")
    assert worst_ms <= 3_000


@pytest.mark.parametrize(
    ("place", "mean_c", "weather_k", "up_share"),
    [
        ("days up to 5 K off their season", 25.0, 5.0, (0.05, 0.95)),
        ("outdoors at 15 degrees in the mean", 15.0, 0.0, (0.05, 0.95)),
        ("and days up to 5 K off, one way slow", 15.0, 5.0, ANY_SHARE),
    ],
)
def test_where_the_weather_is_harder_the_error_is_larger_and_the_bound_still_holds(
    place: str, mean_c: float, weather_k: float, up_share: "tuple[float, float]"
) -> None:
    lived = list(lives(SEEDS, mean_c=mean_c, weather_k=weather_k, up_share=up_share))
    for life in lived:
        life.live(YEAR)
        assert life.false_claims == 0
    assert tell(place, lived) <= 2_000


def test_when_every_answer_comes_straight_back_from_a_slow_uplink_the_bound_holds() -> None:
    for life in lives(SEEDS, up_share=(1.0, 1.0)):
        life.live(60)
        assert life.false_claims == 0
