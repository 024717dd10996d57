"""The role Gateway: the `weir gateway` command in a process of its own."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from weir_bench.programs import Program
from weir_bench.roles import Target
from weir_bench.waiting import wait_until
from weir_gateway.client import ClientError, GatewayClient
from weir_tools.simulator.identity import Identity, add_keys

GATEWAY_ID = "bench"
PREFIX = "weir"

_CONFIG = """\
[gateway]
id = "{gateway_id}"
database = "weir.db"
keys = "keys.txt"
socket = "{socket}"

[mqtt]
host = "127.0.0.1"
port = {broker_port}
prefix = "{prefix}"

{tables}
"""


class GatewayProgram:
    """Knows the meters with the given identities, and has the links of ``tables`` (TOML)."""

    def __init__(
        self,
        folder: Path,
        identities: Sequence[Identity],
        *,
        broker_port: int,
        tables: str,
        module_runner: Sequence[str] = (sys.executable, "-m"),
        notice: Callable[..., None] | None = None,
    ) -> None:
        """notice: hears whether it answers its meters."""
        folder.mkdir()
        self.gateway_id = GATEWAY_ID
        self.log = folder.parent / "gateway.log"
        self._sockets = tempfile.TemporaryDirectory(prefix="weir-")  # a socket's path is short
        socket = Path(self._sockets.name) / "weir.sock"
        self.client = GatewayClient(socket)
        self._notice = notice
        add_keys(folder / "keys.txt", identities)
        config = folder / "gateway.toml"
        config.write_text(
            _CONFIG.format(
                gateway_id=GATEWAY_ID,
                socket=socket,
                broker_port=broker_port,
                prefix=PREFIX,
                tables=tables,
            )
        )
        command = [*module_runner, "weir_tools", "gateway", "--config", str(config)]
        self._program = Program("the gateway", command, self.log)

    @property
    def is_running(self) -> bool:
        return self._program.is_running

    def start(self) -> None:
        self._program.start(self._answers)
        self._tell(answers=True)

    def stop(self) -> int:
        code = self._program.stop()
        self._tell(answers=False)
        return code

    def kill(self) -> None:
        self._program.kill()
        self._tell(answers=False)

    def wait_until_published(self) -> None:
        wait_until(
            lambda: self.client.gateway()["readings"]["backlog"] == 0,
            "the gateway to publish all that it holds",
        )

    def close(self) -> None:
        self.kill()
        self._sockets.cleanup()

    def _tell(self, *, answers: bool) -> None:
        if self._notice is not None:
            self._notice(answers=answers)

    def _answers(self) -> bool:
        try:
            self.client.gateway()
        except ClientError:
            return False
        return True


def link_table(target: Target, tcp_port: int) -> str:
    """The link that a target's meter calls by."""
    if target.serial_port is None:
        return f'[tcp]\nlisten = "127.0.0.1:{tcp_port}"'
    return f'[[serial]]\nport = "{target.serial_port}"'
