"""The local interface: HTTP/1.1 with JSON on a Unix socket that only its owner can open."""

import asyncio
import logging
import os
import socket
import stat
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import GatewayError
from weir_gateway.http_connection import Answer, HttpConnection, Request, Responder, refusal

CONNECTIONS_MAX = 32
_PATH_BYTES_MAX = 107  # what a Unix socket address holds on Linux
_log = logging.getLogger(__name__)


class Service:
    """Listens on ``path`` and hands each request to ``respond``."""

    def __init__(self, path: Path, respond: Responder) -> None:
        self._path = path
        self._respond = respond
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket, replacing one that nobody listens on. Raise GatewayError if taken."""
        if len(bytes(self._path)) > _PATH_BYTES_MAX:
            raise GatewayError(
                messages.SOCKET_TOO_LONG.format(path=self._path, limit=_PATH_BYTES_MAX)
            )
        try:
            listener = _listen(self._path)
            self._server = await asyncio.start_unix_server(self._accept, sock=listener)
        except OSError as error:
            why = error.strerror or str(error)
            raise GatewayError(messages.SOCKET_FAILED.format(path=self._path, why=why)) from None

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            await HttpConnection(reader, writer, self._answer).serve()
        except asyncio.CancelledError:
            _log.debug("local connection closed because the gateway stops")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._respond(request)
        except GatewayError as error:
            return refusal(503, str(error))
        except Exception:
            _log.exception("failed to answer %s", request.target)
            return refusal(500, messages.INTERNAL)


def _listen(path: Path) -> socket.socket:
    """Return a socket bound to ``path``, with mode 0600 from its first moment."""
    if _is_socket(path):
        if _is_answered(path):
            raise GatewayError(messages.ALREADY_RUNNING.format(path=path))
        path.unlink()  # left behind by a gateway that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        os.fchmod(listener.fileno(), 0o600)  # bind gives the file this mode
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    return listener


def _is_socket(path: Path) -> bool:
    return path.exists() and stat.S_ISSOCK(path.stat().st_mode)


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
