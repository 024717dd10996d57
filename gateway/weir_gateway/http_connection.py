"""HTTP/1.1 on one connection of the local interface: bounded requests in, JSON out."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import h11

from weir_gateway import messages

HEADER_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 64 * 1024
_READ_BYTES = 16 * 1024
REQUEST_S_MAX = 10.0  # for a request to arrive whole
IDLE_S_MAX = 60.0  # between requests
_WRITE_S_MAX = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """status: the HTTP status. document: becomes the JSON body."""

    status: int
    document: object


def refusal(status: int, sentence: str) -> Answer:
    return Answer(status, {"error": sentence})


Responder = Callable[[Request], Awaitable[Answer]]


class _Ended(Exception):
    """The client is gone, or has nothing more to ask."""


class _Refused(Exception):
    """The request cannot be read; nothing after it on this connection can be trusted."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class HttpConnection:
    """Serves requests one after the other until the client closes or breaks the rules."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Responder
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._respond = respond
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)

    async def serve(self) -> None:
        """Return when the connection is of no more use. The caller closes it."""
        try:
            while True:
                request = await self._request()
                await self._send(await self._respond(request), request.method)
                if self._http.our_state is h11.MUST_CLOSE:
                    return
                self._http.start_next_cycle()
        except _Refused as refused:
            await self._send_last(refused.answer)
        except (_Ended, OSError, TimeoutError, h11.ProtocolError) as error:
            _log.debug("local connection ended: %s", error)

    async def _request(self) -> Request:
        """Wait for a request; raise _Refused when it is malformed, too large or too slow."""
        if not self._http.trailing_data[0]:
            async with asyncio.timeout(IDLE_S_MAX):
                await self._receive()
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                return await self._read_request()
        except TimeoutError:
            text = messages.REQUEST_LATE.format(limit_s=REQUEST_S_MAX)
            raise _Refused(refusal(408, text)) from None
        except h11.RemoteProtocolError as error:
            text = messages.BAD_REQUEST.format(why=error)
            raise _Refused(refusal(error.error_status_hint, text)) from None

    async def _read_request(self) -> Request:
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            raise _Ended
        body = bytearray()
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > BODY_BYTES_MAX:
                text = messages.REQUEST_LARGE.format(size_max=BODY_BYTES_MAX)
                raise _Refused(refusal(413, text))
        return Request(head.method.decode("ascii"), head.target.decode("ascii"), bytes(body))

    async def _next_event(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            await self._receive()
        if isinstance(event, type):  # PAUSED: more than one request at once
            raise _Ended
        return event

    async def _receive(self) -> None:
        chunk = await self._reader.read(_READ_BYTES)
        if not chunk:
            raise _Ended
        self._http.receive_data(chunk)

    async def _send_last(self, answer: Answer) -> None:
        try:
            await self._send(answer, "GET")
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            _log.debug("local connection ended: %s", error)

    async def _send(self, answer: Answer, method: str) -> None:
        body = json.dumps(answer.document, indent=2).encode() + b"\n"
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        phrase = HTTPStatus(answer.status).phrase
        response = h11.Response(status_code=answer.status, headers=headers, reason=phrase)
        parts = [self._http.send(response)]
        if method != "HEAD":
            parts.append(self._http.send(h11.Data(data=body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in parts if part))
        async with asyncio.timeout(_WRITE_S_MAX):
            await self._writer.drain()
