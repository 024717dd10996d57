"""A gateway process with its files in one folder, and links to speak to it."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from peers.meter_links import TcpLink
from peers.scripted_meter import ScriptedMeter
from peers.waiting import wait_for
from weir_gateway.client import ClientError, GatewayClient

RUN = """
import pathlib, sys
from weir_gateway.app import run
sys.exit(run(pathlib.Path(sys.argv[1])))
"""
_READY = " ready: "


class GatewayRun:
    """Starts, stops and kills one gateway. ``program`` replaces the usual entry, for faults."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder = folder
        self.config = folder / "gateway.toml"
        self.keys = folder / "keys.txt"
        self.client = GatewayClient(folder / "weir.sock")
        self.tcp_port = 0
        self.running: subprocess.Popen[str] | None = None
        self.config.write_text(
            '[gateway]\nid = "gw1"\n\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker_port}\n\n'
            '[tcp]\nlisten = "127.0.0.1:0"\n\n'
            "[alarms]\nclock = false\n\n"  # scripted meters tell times of their own
        )
        self.write_keys()

    def add_config(self, text: str) -> None:
        with self.config.open("a") as file:
            file.write(text)

    def write_keys(self, *meters: ScriptedMeter) -> None:
        lines = [f"{meter.meter_id} {meter.key.hex()}\n" for meter in meters]
        self.keys.touch(mode=0o600)
        self.keys.write_text("".join(lines))

    def start(self, program: str = RUN) -> None:
        """Start and wait for the line that says ready."""
        self.start_command("-c", program, str(self.config))

    def start_doomed(self, point: str, times: int) -> None:
        """Start one that kills itself at this point (peers.doomed), not before it is ready."""
        words = (point, str(times), "gateway", str(self.config))
        self.start_command("-m", "peers.doomed", *words)

    def start_command(self, *words: str) -> None:
        ready_before = self.log().count(_READY)
        log = (self.folder / "gateway.log").open("a")
        self.running = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=log,
            text=True,
        )
        log.close()
        wait_for(lambda: self.log().count(_READY) > ready_before or self._ended(), "ready")
        assert not self._ended(), self.log()
        ready = next(line for line in reversed(self.log().splitlines()) if _READY in line)
        self.tcp_port = int(ready.partition("tcp 127.0.0.1:")[2].partition(",")[0])

    def log(self) -> str:
        path = self.folder / "gateway.log"
        return path.read_text() if path.exists() else ""

    def terminate(self) -> int:
        """Ask for a clean stop; return the exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        assert self.running is not None
        self.running.kill()
        self.wait()

    def wait(self) -> int:
        assert self.running is not None
        code = self.running.wait(60)
        self.running = None
        return code

    def close(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait(60)

    def dial(self) -> TcpLink:
        return TcpLink(self.tcp_port)

    def stored_count(self, meter_id: int) -> int:
        with contextlib.suppress(ClientError):
            return self.client.meter(meter_id)["stored_count"]
        return 0

    def _ended(self) -> bool:
        return self.running is None or self.running.poll() is not None
