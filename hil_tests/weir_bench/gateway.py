"""The role Gateway: the `weir gateway` command in a process of its own."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from weir_bench.programs import Program
from weir_bench.roles import Target
from weir_bench.waiting import wait_until
from weir_gateway.client import ClientError, GatewayClient
from weir_tools.simulator.identity import add_keys

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

{link}
"""


class GatewayProgram:
    """notice: hears whether it answers its meters."""

    def __init__(self, target: Target, folder: Path, *, tcp_port: int, broker_port: int) -> None:
        folder.mkdir()
        self.gateway_id = GATEWAY_ID
        self.log = folder.parent / "gateway.log"
        self._sockets = tempfile.TemporaryDirectory(prefix="weir-")  # a socket's path is short
        socket = Path(self._sockets.name) / "weir.sock"
        self.client = GatewayClient(socket)
        self._notice: Callable[..., None] = target.notice_gateway
        add_keys(folder / "keys.txt", [target.meter.identity])
        config = folder / "gateway.toml"
        config.write_text(
            _CONFIG.format(
                gateway_id=GATEWAY_ID,
                socket=socket,
                broker_port=broker_port,
                prefix=PREFIX,
                link=_link_table(target, tcp_port),
            )
        )
        command = [*target.module_runner, "weir_tools", "gateway", "--config", str(config)]
        self._program = Program("the gateway", command, self.log)

    @property
    def is_running(self) -> bool:
        return self._program.is_running

    def start(self) -> None:
        self._program.start(self._answers)
        self._notice(answers=True)

    def stop(self) -> int:
        code = self._program.stop()
        self._notice(answers=False)
        return code

    def kill(self) -> None:
        self._program.kill()
        self._notice(answers=False)

    def wait_until_published(self) -> None:
        wait_until(
            lambda: self.client.gateway()["readings"]["backlog"] == 0,
            "the gateway to publish all that it holds",
        )

    def close(self) -> None:
        self.kill()
        self._sockets.cleanup()

    def _answers(self) -> bool:
        try:
            self.client.gateway()
        except ClientError:
            return False
        return True


def _link_table(target: Target, tcp_port: int) -> str:
    if target.serial_port is None:
        return f'[tcp]\nlisten = "127.0.0.1:{tcp_port}"'
    return f'[[serial]]\nport = "{target.serial_port}"'
