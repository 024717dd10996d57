"""The folder that a demo works in, and the files it writes for the others."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from weir_tools import messages
from weir_tools.demo.plan import STARTS_AT
from weir_tools.errors import Misused
from weir_tools.simulator.identity import Identity, add_keys

GATEWAY_ID = "demo"
BAUD = 115_200
SCRATCH_PREFIX = "weir-demo-"
BENCH_SOCKET = "bench.sock"
FOLDER_PATH_SIZE_MAX = 70  # characters; a socket's whole path may have 107


@dataclass(frozen=True, slots=True)
class Workplace:
    """`socket` and `bench` are not in the folder, because their paths must be short.

    socket: of the gateway. bench: of weir_tools.demo.bench_door.
    """

    folder: Path
    socket: Path
    bench: Path

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"


@dataclass(frozen=True, slots=True)
class GatewaySetting:
    """What the gateway of the demo is told."""

    broker: tuple[str, int]
    prefix: str
    tcp_listen: str
    devices: Sequence[str]
    speed: float
    origin_s: float


@contextlib.contextmanager
def open_workplace(keep: Path | None) -> Iterator[Workplace]:
    """A folder for the files; nothing of it is left afterwards, unless it is to be kept."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=_short_folder()) as scratch:
        folder = Path(scratch) if keep is None else make_fresh(keep)
        yield Workplace(folder, Path(scratch) / "weir.sock", Path(scratch) / BENCH_SOCKET)


def bench_sockets() -> list[Path]:
    """Where demos of this machine may be listening for what is to be done to their meters."""
    folder = Path(_short_folder() or tempfile.gettempdir())
    return sorted(folder.glob(f"{SCRATCH_PREFIX}*/{BENCH_SOCKET}"))


def _short_folder() -> str | None:
    """Where a socket's path stays within its limit; None for the usual temporary folder."""
    usual = tempfile.gettempdir()
    return None if len(usual) <= FOLDER_PATH_SIZE_MAX else "/tmp"


def make_fresh(keep: Path) -> Path:
    """Make a folder, or take an empty one. Raise Misused when that is not possible."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_empty = not any(keep.iterdir())
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise Misused(messages.KEEP_NOT_MADE.format(folder=keep, reason=reason)) from error
    if not is_empty:
        raise Misused(messages.KEEP_NOT_EMPTY.format(folder=keep))
    return keep.resolve()


def furnish(place: Workplace, setting: GatewaySetting, identities: Sequence[Identity]) -> None:
    """Write the gateway's configuration and the keys of its meters."""
    add_keys(place.folder / "keys.txt", identities)
    place.config.write_text(_configuration(place, setting))


def _configuration(place: Workplace, setting: GatewaySetting) -> str:
    serial = "".join(
        f'\n[[serial]]\nport = "{device}"\nbaud = {BAUD}\n' for device in setting.devices
    )
    return f"""\
[gateway]
id = "{GATEWAY_ID}"
database = "weir.db"
keys = "keys.txt"
socket = "{place.socket}"
log_level = "warning"

[mqtt]
host = "{setting.broker[0]}"
port = {setting.broker[1]}
prefix = "{setting.prefix}"

[tcp]
listen = "{setting.tcp_listen}"
{serial}
[clock]
start = "{STARTS_AT:%Y-%m-%dT%H:%M:%SZ}"
speed = {setting.speed}
origin = {setting.origin_s}
"""
