"""The gateway's database without threads: what is to be committed is durable at once."""

import asyncio
from pathlib import Path

from weir_gateway.store import schema
from weir_gateway.store.database import P, Query, T
from weir_gateway.store.transaction import Request, Transactions


class PromptStore:
    """Keeps the contract of weir_gateway.store.database.Database in the turn of its caller."""

    def __init__(self, path: Path) -> None:
        schema.prepare(path)
        self.connection = schema.connect(path)
        self.connection.execute("PRAGMA synchronous = OFF")  # this machine keeps its power
        self._transactions = Transactions(lambda: self.connection)

    @property
    def problem(self) -> str | None:
        return self._transactions.problem

    def commit(
        self, work: Query[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "asyncio.Future[T]":
        request = Request(lambda connection: work(connection, *arguments, **keywords))
        self._transactions.commit([request])
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if request.error is None:
            future.set_result(request.result)
        else:
            future.set_exception(request.error)
        return future

    async def read(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        return query(self.connection, *arguments, **keywords)

    def look_up(self, query: Query[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        return query(self.connection, *arguments, **keywords)

    def close(self) -> None:
        self._transactions.close()
