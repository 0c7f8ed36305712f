"""Rows of deposits and intents, as values. Writing is by id and from an expected stage, so that it happens once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.database import recording
from api.deposit_postings import Books
from api.deposits import Arrival, Credit, Intent, Rate, Reason, Stage, Standing, Waiting
from api.tables import addresses, bridge_cases, deposit_intents, deposits
from chain.address import Address
from chain.token import Token
from fiat.currency import Currency, currency
from fiat.fee import schedule_from_json, schedule_to_json
from fiat.token_scale import token_currency

OPEN = (Stage.SEEN, Stage.PENDING, Stage.CREDITING, Stage.KEEPING, Stage.HELD, Stage.RETURNING)
"""Stages in which something may be to do whatever the chain does."""
NATIVE = bytes(20)


@dataclass(frozen=True, slots=True)
class Deposit:
    """One row; what is None is not known yet."""

    id: bytes
    chain_id: int
    transaction: bytes
    asset: str
    token: Address | None
    decimals: int
    sender: Address
    units: int
    block: int
    timestamp: int
    stage: Stage
    reason: Reason | None
    waiting: Waiting | None
    holder: bytes | None
    intent: bytes | None
    currency: str | None
    rate: Rate | None
    released: bool
    pending_minor: int | None
    arrived: int | None
    received_minor: int | None
    credit: Credit | None
    spent_by: bytes | None
    attempt: int
    life: int
    sequence: int | None
    refund: bytes | None
    refund_units: int | None
    created_at: int
    updated_at: int

    @property
    def standing(self) -> Standing:
        return Standing(self.stage, self.rate is not None, self.received_minor is not None, self.spent_by is not None)

    @property
    def give(self) -> Currency:
        """The token's currency in the operator's accounts."""
        return token_currency(self.asset, self.decimals)

    @property
    def books(self) -> Books:
        return Books(self.id, self.give, self.attempt, self.life)


def read_deposit(row: Row[Any]) -> Deposit:
    credit = None
    if row.receive_minor is not None:
        credit = Credit(row.exchanged_minor, row.fee_minor, row.receive_minor)
    return Deposit(
        id=row.id,
        chain_id=row.chain_id,
        transaction=row.transaction_hash,
        asset=row.asset,
        token=_address(row.token),
        decimals=row.decimals,
        sender=Address.from_bytes(row.sender),
        units=int.from_bytes(row.units, "big"),
        block=row.block_number,
        timestamp=row.block_time,
        stage=Stage(row.stage),
        reason=None if row.reason is None else Reason(row.reason),
        waiting=None if row.waiting is None else Waiting(row.waiting),
        holder=row.holder,
        intent=row.intent,
        currency=row.currency,
        rate=None if row.rate is None else rate_from_text(row.rate, row.decimals, row.currency),
        released=bool(row.released),
        pending_minor=row.pending_minor,
        arrived=_number(row.arrived),
        received_minor=row.received_minor,
        credit=credit,
        spent_by=row.spent_by,
        attempt=row.attempt,
        life=row.life,
        sequence=row.sequence,
        refund=row.refund,
        refund_units=_number(row.refund_units),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def read_intent(row: Row[Any]) -> Intent:
    document = None if row.quote_document is None else json.loads(row.quote_document)
    return Intent(
        holder=row.holder,
        id=row.id,
        token=_address(row.token),
        sender=Address.from_bytes(row.sender),
        units=int.from_bytes(row.units, "big"),
        currency=row.currency,
        quote_ends=None if document is None else int(document["expiresAt"]),
        returns_late=row.if_late == "return",
        created_at=row.created_at,
        ends=row.ends,
    )


def rate_text(rate: Rate) -> str:
    """As one JSON text."""
    fields = {
        "numerator": str(rate.market.numerator),
        "denominator": str(rate.market.denominator),
        "spread_ppm": rate.spread_ppm,
        "schedule": schedule_to_json(rate.schedule),
        "quoted": None if rate.quoted is None else [str(minor) for minor in rate.quoted],
    }
    return json.dumps(fields, separators=(",", ":"))


def rate_from_text(text: str, decimals: int, receive: str) -> Rate:
    fields = json.loads(text)
    schedule = {name: value for name, value in fields["schedule"].items() if value is not None}
    quoted = fields["quoted"]
    return Rate(
        decimals=decimals,
        receive=currency(receive),
        market=Fraction(int(fields["numerator"]), int(fields["denominator"])),
        spread_ppm=fields["spread_ppm"],
        schedule=schedule_from_json(schedule),
        quoted=None if quoted is None else (int(quoted[0]), int(quoted[1]), int(quoted[2])),
    )


def width32(units: int) -> bytes:
    return units.to_bytes(32, "big")


def _number(raw: bytes | None) -> int | None:
    return None if raw is None else int.from_bytes(raw, "big")


def _address(raw: bytes | None) -> Address | None:
    return None if raw is None else Address.from_bytes(raw)


class DepositRows:
    """Of one treasury on one chain."""

    def __init__(self, engine: AsyncEngine, chain_id: int, treasury: Address) -> None:
        self._engine, self.chain_id, self.treasury = engine, chain_id, treasury

    @property
    def _mine(self) -> ColumnElement[bool]:
        return and_(deposits.c.chain_id == self.chain_id, deposits.c.treasury == self.treasury.raw)

    async def to_look_at(self, first: int) -> list[Deposit]:
        """What may have something to do, and whatever stands in blocks from `first` on; oldest first."""
        c = deposits.c
        wanted = or_(c.stage.in_(OPEN), c.block_number >= first)
        query = select(deposits).where(self._mine, wanted).order_by(c.block_number, c.id)
        async with self._engine.connect() as conn:
            return [read_deposit(row) for row in await conn.execute(query)]

    async def find(self, deposit: bytes) -> Deposit | None:
        async with self._engine.connect() as conn:
            row = (await conn.execute(select(deposits).where(deposits.c.id == deposit))).one_or_none()
        return None if row is None else read_deposit(row)

    async def lowest_unmeasured(self) -> int | None:
        """The lowest block of which it is still to be found out what arrived."""
        c = deposits.c
        mine = and_(self._mine, c.stage.in_(OPEN), c.arrived.is_(None))
        query = select(c.block_number).where(mine).order_by(c.block_number).limit(1)
        async with self._engine.connect() as conn:
            found: int | None = (await conn.execute(query)).scalar_one_or_none()
        return found

    async def add(self, arrived: Collection[tuple[Arrival, Token]], now: int) -> None:
        """New deposits; who is known already stays as they are."""
        rows = [
            {
                "id": arrival.id,
                "chain_id": self.chain_id,
                "treasury": self.treasury.raw,
                "transaction_hash": arrival.transaction,
                "asset": token.symbol,
                "token": None if token.address is None else token.address.raw,
                "decimals": token.decimals,
                "sender": arrival.sender.raw,
                "units": width32(arrival.units),
                "block_number": arrival.block,
                "block_time": arrival.timestamp,
                "stage": Stage.SEEN,
                "released": 0,
                "attempt": 0,
                "life": 0,
                "created_at": now,
                "updated_at": now,
            }
            for arrival, token in arrived
        ]
        async with recording(self._engine).begin() as conn:
            known = set(
                (await conn.execute(select(deposits.c.id).where(deposits.c.id.in_([r["id"] for r in rows])))).scalars()
            )
            if fresh := [row for row in rows if row["id"] not in known]:
                await conn.execute(insert(deposits), fresh)

    async def change(self, deposit: Deposit, now: int, **values: Any) -> Deposit | None:
        """The row with other values, if it still stands where it was read; None where somebody was faster."""
        async with recording(self._engine).begin() as conn:
            return await changed(conn, deposit, now, values)

    async def owner(self, address: Address) -> bytes | None:
        """Whose proved address it is."""
        c = addresses.c
        query = select(c.holder).where(c.chain_id == self.chain_id, c.address == address.raw)
        async with self._engine.connect() as conn:
            found: bytes | None = (await conn.execute(query)).scalar_one_or_none()
        return found

    async def unpaid(self, holder: bytes, sender: Address) -> list[Intent]:
        """The holder's intents to pay the treasury from that address which no deposit pays."""
        c, paid = deposit_intents.c, deposits.c
        pays = and_(paid.holder == c.holder, paid.intent == c.id)
        query = (
            select(deposit_intents)
            .outerjoin(deposits, pays)
            .where(c.chain_id == self.chain_id, c.sender == sender.raw, c.holder == holder)
            .where(c.treasury == self.treasury.raw, paid.id.is_(None))
        )
        async with self._engine.connect() as conn:
            return [read_intent(row) for row in await conn.execute(query)]

    async def quote_document(self, holder: bytes, intent: bytes) -> Mapping[str, str] | None:
        c = deposit_intents.c
        query = select(c.quote_document).where(c.holder == holder, c.id == intent)
        async with self._engine.connect() as conn:
            text = (await conn.execute(query)).scalar_one_or_none()
        return None if text is None else json.loads(text)

    async def dust(self, of: Deposit) -> list[Deposit]:
        """What is kept of the same holder, asset and currency, and not spent."""
        c = deposits.c
        same = and_(c.holder == of.holder, c.asset == of.asset, c.currency == of.currency, c.spent_by.is_(None))
        query = select(deposits).where(self._mine, c.stage == Stage.KEPT, same, c.id != of.id)
        async with self._engine.connect() as conn:
            return [read_deposit(row) for row in await conn.execute(query)]

    async def spend(self, dust: Sequence[Deposit], by: Deposit, now: int, **values: Any) -> Deposit | None:
        """The same as `change` for `by`, and the dust is part of it from now on. Together or not at all."""
        try:
            async with recording(self._engine).begin() as conn:
                for grain in dust:
                    _sure(await changed(conn, grain, now, {"spent_by": by.id}))
                return _sure(await changed(conn, by, now, values))
        except _SomebodyFaster:
            return None

    async def frozen(self) -> set[str]:
        """Assets of which a case is open."""
        async with self._engine.connect() as conn:
            return await frozen_assets(conn, self.chain_id)

    async def lose(self, deposit: Deposit, case: bytes, now: int) -> None:
        """The loss is posted: the row says so, and a case is open."""
        row = {"id": case, "chain_id": self.chain_id, "asset": deposit.asset, "deposit": deposit.id, "state": "open"}
        async with recording(self._engine).begin() as conn:
            if await changed(conn, deposit, now, {"stage": Stage.LOST}) is not None:
                sums = {"minor": deposit.received_minor or 0, "exponent": deposit.give.exponent}
                await conn.execute(insert(bridge_cases).values(**row, **sums, opened_at=now))

    async def regain(self, deposit: Deposit, stage: Stage, case: bytes, now: int) -> None:
        """What was lost is posted back; the case stays open until people have looked."""
        async with recording(self._engine).begin() as conn:
            if await changed(conn, deposit, now, {"stage": stage, "life": deposit.life + 1}) is not None:
                known = update(bridge_cases).where(bridge_cases.c.id == case)
                await conn.execute(known.values(regained_at=now))


class _SomebodyFaster(Exception):
    """Undoes a transaction."""


def _sure(found: Deposit | None) -> Deposit:
    if found is None:
        raise _SomebodyFaster
    return found


async def changed(conn: AsyncConnection, deposit: Deposit, now: int, values: Mapping[str, Any]) -> Deposit | None:
    """Where it still is as it was read. The time of the row itself as `now`: only why it waits has changed."""
    c = deposits.c
    same = and_(c.id == deposit.id, c.stage == deposit.stage, c.updated_at == deposit.updated_at)
    at = now if now == deposit.updated_at else max(now, deposit.updated_at + 1)
    written = update(deposits).where(same).values(updated_at=at, **values).returning(*c)
    row = (await conn.execute(written)).one_or_none()
    return None if row is None else read_deposit(row)


async def frozen_assets(conn: AsyncConnection, chain_id: int) -> set[str]:
    """Assets of which a case is open: nothing of them is converted or sent."""
    c = bridge_cases.c
    query = select(c.asset).where(c.chain_id == chain_id, c.state == "open").distinct()
    return set((await conn.execute(query)).scalars())
