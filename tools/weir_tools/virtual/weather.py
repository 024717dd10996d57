"""How good or bad a link is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of the frames that meet each fate; delays in seconds."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0
    truncation: float = 0.0
    delay_s_min: float = 0.05
    delay_s_max: float = 0.15


BAD_WEATHER = Weather(
    loss=0.30,
    duplication=0.10,
    reordering=0.05,
    corruption=0.02,
    truncation=0.02,
    delay_s_min=0.05,
    delay_s_max=1.0,
)
