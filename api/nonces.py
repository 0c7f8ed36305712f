"""Numbers for transactions that several programs of one person prepare at once: each is given out to one of them.

A number counts as taken from when it was prepared until it is in a block, or until its time is over: what was never
sent leaves no lasting gap, since the lowest free number is given out first. Only the account's owner takes numbers; for
anybody else the node's count is all there is, so that nobody can push another's numbers up.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.database import recording
from api.errors import TooManyRequests
from api.tables import taken_nonces
from chain.address import Address

PREPARED_NS = 120 * 10**9
SENT_NS = 600 * 10**9
AHEAD_MAX = 1000


class NonceBook:
    """Of one chain. Several server processes may share the database."""

    def __init__(self, engine: AsyncEngine, chain_id: int) -> None:
        self._engine = recording(engine)
        self._chain_id = chain_id

    async def take(self, account: Address, pending: int, now_ns: int) -> int:
        """The lowest number from `pending` (the node's own count) that is free; it is taken now.

        Raises TooManyRequests where AHEAD_MAX are.
        """
        async with self._engine.begin() as conn:
            await self._lock(conn, account)
            await self._forget(conn, account, pending, now_ns)
            query = select(taken_nonces.c.nonce).where(*self._of(account)).order_by(taken_nonces.c.nonce)
            taken = set((await conn.scalars(query.limit(AHEAD_MAX))).all())
            if len(taken) >= AHEAD_MAX:
                raise TooManyRequests(PREPARED_NS // 10**9)
            free = next(number for number in range(pending, pending + AHEAD_MAX) if number not in taken)
            await self._insert(conn, account, free, now_ns + PREPARED_NS)
            return free

    async def keep(self, account: Address, nonce: int, now_ns: int) -> None:
        """That number was sent: it stays taken until a block has it, or for as long as nodes keep what waits."""
        async with self._engine.begin() as conn:
            await self._lock(conn, account)
            await conn.execute(delete(taken_nonces).where(*self._of(account), taken_nonces.c.nonce == nonce))
            await self._insert(conn, account, nonce, now_ns + SENT_NS)

    async def forget_all(self) -> None:
        """The chain began anew or was set back: its accounts count from what it says now."""
        async with self._engine.begin() as conn:
            await conn.execute(delete(taken_nonces).where(taken_nonces.c.chain_id == self._chain_id))

    async def _forget(self, conn: AsyncConnection, account: Address, pending: int, now_ns: int) -> None:
        over = (taken_nonces.c.nonce < pending) | (taken_nonces.c.expires_at <= now_ns)
        await conn.execute(delete(taken_nonces).where(*self._of(account), over))

    async def _insert(self, conn: AsyncConnection, account: Address, nonce: int, expires_at: int) -> None:
        row = {"chain_id": self._chain_id, "address": account.raw, "nonce": nonce, "expires_at": expires_at}
        await conn.execute(insert(taken_nonces).values(**row))

    async def _lock(self, conn: AsyncConnection, account: Address) -> None:
        """One at a time for each account, until the end of the transaction; SQLite writes one at a time anyway."""
        if conn.dialect.name == "postgresql":
            name = int.from_bytes(account.raw[:8], "big", signed=True)
            await conn.execute(select(func.pg_advisory_xact_lock(name)))

    def _of(self, account: Address) -> tuple[Any, ...]:
        return taken_nonces.c.chain_id == self._chain_id, taken_nonces.c.address == account.raw
