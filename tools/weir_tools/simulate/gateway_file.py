"""What simulated meters can learn from the configuration of their gateway."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from weir_gateway.client import ClientError, GatewayClient
from weir_gateway.config import ClockConfig, TcpConfig, load
from weir_gateway.errors import ConfigError
from weir_tools import messages
from weir_tools.errors import Misused

NOTICE_S_MAX = 5.0
LOOK_AGAIN_S = 0.1


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

    def calendar_of(self, unix_s: float) -> float:
        """What this clock shows at that unix time."""
        return self.start_s + (unix_s - self.origin_s) * self.speed

    def origin_of(self, calendar_s: float) -> float:
        """The unix time at which this clock shows that calendar time."""
        return self.origin_s + (calendar_s - self.start_s) / self.speed


@dataclass(frozen=True, slots=True)
class GatewayFile:
    """None where the configuration says nothing."""

    address: str | None = None
    keys: Path | None = None
    socket: Path | None = None
    clock: GatewayClock | None = None

    @classmethod
    def read(cls, file: Path) -> "GatewayFile":
        """Raise Misused with what is wrong in the file."""
        try:
            config = load(file)
        except ConfigError as error:
            raise Misused(str(error)) from error
        gateway = config.gateway
        return cls(_address(config.tcp), gateway.keys, gateway.socket, _clock(file, config.clock))

    def wait_for(self, meter_ids: Iterable[int]) -> None:
        """Give a gateway that is running the moment it needs to notice new keys."""
        if self.socket is None:
            return
        client = GatewayClient(self.socket)
        wanted = set(meter_ids)
        ends_s = time.monotonic() + NOTICE_S_MAX
        with contextlib.suppress(ClientError):
            while time.monotonic() < ends_s:
                known = {meter["meter_id"] for meter in client.meters() if meter["registered"]}
                if wanted <= known:
                    return
                time.sleep(LOOK_AGAIN_S)


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
