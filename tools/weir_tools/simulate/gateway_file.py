"""What simulated meters can learn from the configuration of their gateway."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from weir_gateway.config import ClockConfig, TcpConfig, load
from weir_gateway.errors import ConfigError
from weir_tools import messages
from weir_tools.errors import Misused


@dataclass(frozen=True, slots=True)
class GatewayClock:
    """The `[clock]` of a gateway: `start_s + (unix time - origin_s) * speed`."""

    start_s: float
    origin_s: float
    speed: float

    def as_toml(self) -> str:
        start = datetime.fromtimestamp(self.start_s, UTC)
        return (
            f'[clock]\nstart = "{start:%Y-%m-%dT%H:%M:%SZ}"\n'
            f"speed = {self.speed}\norigin = {self.origin_s:.3f}"
        )

    def origin_of(self, calendar_s: float) -> float:
        """The unix time at which this clock shows that calendar time."""
        return self.origin_s + (calendar_s - self.start_s) / self.speed


@dataclass(frozen=True, slots=True)
class GatewayFile:
    """None where the configuration says nothing."""

    address: str | None = None
    keys: Path | None = None
    clock: GatewayClock | None = None

    @classmethod
    def read(cls, file: Path) -> "GatewayFile":
        """Raise Misused with what is wrong in the file."""
        try:
            config = load(file)
        except ConfigError as error:
            raise Misused(str(error)) from error
        return cls(_address(config.tcp), config.gateway.keys, _clock(file, config.clock))


def _address(tcp: TcpConfig | None) -> str | None:
    if tcp is None:
        return None
    listens_everywhere = tcp.host in ("", "0.0.0.0", "::")
    return f"{'127.0.0.1' if listens_everywhere else tcp.host}:{tcp.port}"


def _clock(file: Path, clock: ClockConfig | None) -> GatewayClock | None:
    if clock is None:
        return None
    if clock.origin_s is None:
        raise Misused(messages.CLOCK_WITHOUT_ORIGIN.format(file=file))
    return GatewayClock(clock.start_s, clock.origin_s, clock.speed)
