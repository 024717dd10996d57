"""A mosquitto of the bench's own, on the loopback interface, that keeps nothing."""

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
from pathlib import Path

from weir_tools import messages
from weir_tools.demo.companions import free_port
from weir_tools.errors import Failed
from weir_tools.simulator.endings import last_words
from weir_tools.simulator.waiting import until

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
_PLACES = ("/usr/sbin", "/usr/local/sbin")  # not on every user's PATH


class Mosquitto:
    """port: where it listens, from its start on."""

    def __init__(self, folder: Path) -> None:
        """Raise Failed when it is not installed."""
        path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
        program = shutil.which("mosquitto", path=path)
        if program is None:
            raise Failed(messages.NO_MOSQUITTO)
        self.port = free_port()
        self._program = program
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            f"user {getpass.getuser()}\n"  # started by root it would become someone else
        )
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Return once it listens. Raise Failed when it does not come to that."""
        with self._log.open("ab") as log:
            child = self._child = await asyncio.create_subprocess_exec(
                *(self._program, "-c", str(self._config)), stdout=log, stderr=log
            )

        async def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        async def listens_or_ended() -> bool:
            return child.returncode is not None or await listens()

        if not await until(listens_or_ended, timeout_s=START_TIMEOUT_S) or child.returncode:
            reason = last_words(self._log)
            raise Failed(messages.COMPANION_SLOW.format(name="broker", reason=reason))

    async def stop(self) -> None:
        if self._child is None or self._child.returncode is not None:
            return
        self._child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._child.wait()
                return
        self._child.kill()
        await self._child.wait()
