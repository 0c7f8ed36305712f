"""Rows of payouts: what was accepted, what was signed for it, how far it has come. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.bridge_states import State, Way, may_follow
from api.database import recording
from api.deposit_rows import frozen_assets
from api.tables import cursors, payout_sendings, payouts
from chain.address import Address
from fiat.chart import TransferCode
from fiat.history import Entry

NAME = "payouts"
ROWS_MAX = 50
_CODES = (TransferCode.CONVERSION, TransferCode.FEE)
OPEN = (State.PENDING_ANCHOR, State.PENDING_EXTERNAL, State.ON_HOLD)


@dataclass(frozen=True, slots=True)
class Payout:
    """A row. `units` of the asset's smallest; times in Unix ns; `number` is None as long as nothing is signed."""

    sequence: int
    holder: bytes
    nonce: bytes
    asset: str
    units: int
    receiver: Address
    state: State
    since: int
    why: str | None
    number: int | None
    transaction: bytes | None
    settled_sequence: int | None

    @property
    def id(self) -> bytes:
        """By which the treasury knows the payment: the nonce of a holder's order, which is used once."""
        return self.nonce

    @classmethod
    def of(cls, row: RowMapping) -> Payout:
        return cls(
            sequence=row["sequence"],
            holder=row["holder"],
            nonce=row["nonce"],
            asset=row["asset"],
            units=int.from_bytes(row["units"], "big"),
            receiver=Address.from_bytes(row["receiver"]),
            state=State(row["state"]),
            since=row["since"],
            why=row["why"],
            number=row["number"],
            transaction=row["transaction_hash"],
            settled_sequence=row["settled_sequence"],
        )


class PayoutRows:
    """The rows in one database. `engine` is the server's."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def frozen(self, chain_id: int) -> set[str]:
        """Assets that nobody is paid in until people have looked at what vanished of them."""
        async with self._engine.connect() as conn:
            return await frozen_assets(conn, chain_id)

    async def cursor(self) -> int:
        """The last record that was looked at; -1 before the first."""
        async with self._engine.connect() as conn:
            return await _cursor(conn)

    async def follow(self, before: int, sequence: int, rows: Sequence[dict[str, Any]]) -> bool:
        """Rows for what was accepted up to that record, unless another process made them."""
        async with recording(self._engine).begin() as conn:
            if await _cursor(conn) != before:
                return False
            if rows:
                await conn.execute(insert(payouts), rows)
            if before < 0:
                await conn.execute(insert(cursors).values(reader=NAME, sequence=sequence))
            else:
                moved = update(cursors).where(cursors.c.reader == NAME, cursors.c.sequence == before)
                await conn.execute(moved.values(sequence=sequence))
        return True

    async def due(self, now: int) -> list[Payout]:
        """What is open and due, in the order in which it was accepted."""
        query = select(payouts).where(payouts.c.state.in_(OPEN), payouts.c.due_at <= now)
        async with self._engine.connect() as conn:
            found = (await conn.execute(query.order_by(payouts.c.sequence).limit(ROWS_MAX))).mappings().all()
        return [Payout.of(row) for row in found]

    async def find(self, holder: bytes, nonce: bytes) -> Payout | None:
        query = select(payouts).where(payouts.c.holder == holder, payouts.c.nonce == nonce)
        async with self._engine.connect() as conn:
            row = (await conn.execute(query)).mappings().one_or_none()
        return None if row is None else Payout.of(row)

    async def next_number(self, sender: Address) -> int:
        """The first number that no payout of that sender has."""
        query = select(func.max(payouts.c.number)).where(payouts.c.sender == sender.raw)
        async with self._engine.connect() as conn:
            highest = await conn.scalar(query)
        return 0 if highest is None else int(highest) + 1

    async def sendings(self, sequence: int) -> list[tuple[bytes, bytes, int]]:
        """Hash, bytes and time (ns) of every transaction that was signed for it, oldest first."""
        found = payout_sendings.c
        query = select(found.transaction_hash, found.raw, found.signed_at).where(found.sequence == sequence)
        async with self._engine.connect() as conn:
            rows = await conn.execute(query.order_by(found.signed_at, found.transaction_hash))
            return [(row.transaction_hash, row.raw, row.signed_at) for row in rows]

    async def write_ahead(
        self, payout: Payout, sender: Address, number: int, signed: tuple[bytes, bytes], now: int
    ) -> None:
        """Number and signed bytes (`signed`: hash, raw), in one commit, before anything is sent."""
        fresh = payout_sendings.c.transaction_hash == signed[0]
        async with recording(self._engine).begin() as conn:
            if await conn.scalar(select(payout_sendings.c.sequence).where(fresh)) is None:
                row = {"transaction_hash": signed[0], "sequence": payout.sequence, "raw": signed[1], "signed_at": now}
                await conn.execute(insert(payout_sendings).values(**row))
            if payout.number is None:
                _check(payout, State.PENDING_EXTERNAL)
                given = {"sender": sender.raw, "number": number, "transaction_hash": signed[0]}
                mine = (payouts.c.sequence == payout.sequence, payouts.c.number.is_(None))
                state = {"state": State.PENDING_EXTERNAL.value, "since": now, "why": None, "due_at": now}
                await conn.execute(update(payouts).where(*mine).values(**given, **state))

    async def move(self, payout: Payout, state: State, now: int, *, due_at: int, **changes: Any) -> None:
        """Into another state, or the same one, due again at `due_at`."""
        _check(payout, state)
        since = payout.since if state is payout.state else now
        mine = (payouts.c.sequence == payout.sequence, payouts.c.state == payout.state.value)
        values = {"state": state.value, "since": since, "due_at": due_at, **changes}
        async with recording(self._engine).begin() as conn:
            await conn.execute(update(payouts).where(*mine).values(**values))


async def payouts_of(
    conn: AsyncConnection, entries: Iterable[Entry]
) -> dict[tuple[bytes | None, bytes | None], Payout]:
    """Of the orders behind these entries, by holder and nonce; one that no worker has seen yet has none."""
    wanted = {entry.order_nonce for entry in entries if entry.order_nonce and entry.code in _CODES}
    if not wanted:
        return {}
    rows = (await conn.execute(select(payouts).where(payouts.c.nonce.in_(wanted)))).mappings().all()
    return {(row["holder"], row["nonce"]): Payout.of(row) for row in rows}


async def bought_in(conn: AsyncConnection, holder: bytes, transactions: Sequence[bytes]) -> set[bytes]:
    """Which of these transactions are the other leg of a conversion of the holder's."""
    if not transactions:
        return set()
    query = select(payouts.c.transaction_hash).where(
        payouts.c.holder == holder, payouts.c.transaction_hash.in_(transactions)
    )
    return set((await conn.execute(query)).scalars())


def _check(payout: Payout, state: State) -> None:
    if not may_follow(Way.BUY, payout.state, state):
        raise ValueError(f"a payout does not go from {payout.state} to {state}")


async def _cursor(conn: AsyncConnection) -> int:
    found = await conn.scalar(select(cursors.c.sequence).where(cursors.c.reader == NAME))
    return found if found is not None else -1
