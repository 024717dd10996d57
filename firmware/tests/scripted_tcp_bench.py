"""The scripted bench with the meter's link over TCP (CPython only)."""

import select
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from scripted_bench import SILENCE_S, ScriptedBench

DIAL_SILENCE_S = 0.3  # a loopback interface connects or refuses much sooner


class ScriptedTcpBench(ScriptedBench):
    """Listens as a gateway does. Elsewhere nobody listens, so a call there is refused.

    wrong_port: a port of this machine where nobody listens.
    connection_count: calls that came about.
    """

    def __init__(self, home: Path, command: Sequence[str], environment: dict[str, str]) -> None:
        super().__init__(home, command, environment)
        self._gateway_listener = socket.create_server(("127.0.0.1", 0))
        self._taken = socket.socket()
        self._taken.bind(("127.0.0.1", 0))  # nobody else gets it, and it does not listen
        self.wrong_port: int = self._taken.getsockname()[1]
        self.connection_count = 0
        self._line: socket.socket | None = None

    def cut_power(self) -> None:
        super().cut_power()
        self._hang_up()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._gateway_listener.close()
        self._taken.close()

    def _link_option(self) -> str:
        return f"tcp:127.0.0.1:{self._gateway_listener.getsockname()[1]}"

    def _let_link_speak(self, turn: str, *, waits: bool) -> bool:
        """Serve the line until the meter was woken by it, or nothing has come for a while."""
        while True:
            patience_s = (SILENCE_S if self._line else DIAL_SILENCE_S) if waits else 0.0
            sources = [self._channel, self._line or self._gateway_listener]
            ready, _, _ = select.select(sources, [], [], patience_s)
            if self._channel in ready:
                line = next(self._lines)
                assert line[:2] == ["W", turn], line
                return True
            if not ready:
                return False
            self._serve()

    def _serve(self) -> None:
        if self._line is None:
            self._line, _ = self._gateway_listener.accept()
            self.connection_count += 1
            return
        chunk = self._line.recv(65536)
        if chunk:
            self._line.sendall(self.gateway.receive(chunk))
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
