"""The role Broker: mosquitto, on a port and with a persistence folder of its own."""

import getpass
import socket
from pathlib import Path

from weir_bench.programs import Program, free_port


class Mosquitto:
    def __init__(self, program: str, folder: Path) -> None:
        folder.mkdir()
        self.port = free_port()
        self._kept = folder / "mosquitto.db"
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "persistence true\n"
            f"persistence_location {folder}/\n"
            "autosave_on_changes true\n"
            "autosave_interval 1\n"  # change by change; but a PUBACK goes out before the write
            f"user {getpass.getuser()}\n"  # started by root it would become someone else
            "log_type all\n"
            "connection_messages true\n"
        )
        command = [program, "-c", str(configuration)]
        self._program = Program("mosquitto", command, folder.parent / "mosquitto.log")

    def start(self) -> None:
        self._program.start(self._accepts)

    def stop(self) -> None:
        if self._program.is_running:
            self._program.stop()

    def forget(self) -> None:
        """Lose sessions and what waits for them. It must be off."""
        self._kept.unlink(missing_ok=True)

    def freeze(self) -> None:
        self._program.freeze()

    def kill(self) -> None:
        self._program.kill()

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
